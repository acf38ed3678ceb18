"""Saved times as a table and as a plot."""
