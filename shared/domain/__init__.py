"""The release core: pure rules on plain data. Standard library only; no I/O, no clock, no randomness."""
