"""Channels by which messages reach people: mail, Teams, webhooks."""
