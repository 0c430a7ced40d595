"""Service Bus on one machine: a broker that speaks AMQP 1.0 (docs/local-servicebus.md)."""
