"""`make demo-environment`: an environment version goes to a whole fleet and comes back; the next one is stopped."""
