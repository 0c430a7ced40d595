"""Rules of environment releases: one environment version, every deployment of the fleet."""
