"""Telling people of what happened: from a fact to messages, each sent once."""
