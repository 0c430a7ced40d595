"""Event Grid on one machine: topics, subscriptions, delivery at least once (docs/local-eventgrid.md)."""
