"""Training runs: from a changed circuit to a registered model. Pure rules: no clock, no I/O."""
