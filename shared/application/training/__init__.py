"""Use cases of training runs, against the ports in `ports`."""
