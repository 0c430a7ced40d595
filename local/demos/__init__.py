"""Demos, live in the terminal: releases, an environment update of a fleet, training."""
