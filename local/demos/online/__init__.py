"""`make demo-online`: four versions of a model for online endpoints, live in the terminal."""
