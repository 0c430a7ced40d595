"""Managed online endpoints: models behind HTTP, each deployment a process of this machine."""
