"""Checks of this repository itself; no part of what is installed."""
