"""Microsoft Entra ID and the managed identity on one machine (docs/local-identity.md)."""
