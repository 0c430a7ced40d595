"""`make demo`: three releases on the local cloud, live in the terminal."""
