"""Batch endpoints, their deployments, and invoking them."""
