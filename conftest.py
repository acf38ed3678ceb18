"""What this repository's own tests need, and nothing that a user needs."""

pytest_plugins = ["pytester"]
