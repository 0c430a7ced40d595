"""The scoring script that batch deployments carry; the code is in the environment's `sensor_model` package."""

from sensor_model.score import init, run

__all__ = ["init", "run"]
