"""The local cloud: Azure on one machine, for the unmodified SDKs (docs/local-cloud.md)."""
