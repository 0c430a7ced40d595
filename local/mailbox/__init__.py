"""Where notifications arrive on one machine: mail, Teams, webhooks (docs/local-mailbox.md)."""
