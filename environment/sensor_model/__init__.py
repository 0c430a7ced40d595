"""The model of a sensor circuit: its data, training and batch scoring. Shipped by the environment `custom-tf-env`."""

__version__ = "1.5.0"
"""Version of this code and of the environment that ships it (R-ENV-4, tag `source_code_version`)."""
