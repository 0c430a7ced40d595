"""Starts, watches and stops the parts of the local cloud."""
