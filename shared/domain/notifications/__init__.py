"""Telling people: what happened, who hears of it, when, and how a message is worded."""
