"""The release number of the app: what a smoke test and an upgrade ask."""

VERSION = "0.1.0"
"""That of `pyproject.toml`, which is not published; a release is the git tag `v<version>`."""
