"""The demo of training: a merge in a real git repository becomes models that wait for approval."""
