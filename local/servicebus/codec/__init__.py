"""AMQP 1.0 as bytes: types, encoding, frames, and the sections of a message."""
