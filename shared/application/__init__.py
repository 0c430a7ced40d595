"""Use cases against narrow ports. Sees the domain and the ports, nothing else."""
