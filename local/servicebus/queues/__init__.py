"""Queues and what happens to their messages: sessions, locks, duplicates, time, the store on disk."""
