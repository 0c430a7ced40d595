"""Pipeline jobs: command components as steps, each a job of its own, started when its inputs are there."""
