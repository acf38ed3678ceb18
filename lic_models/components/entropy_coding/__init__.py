"""Entropy coders, their probability tables, and how values beyond a table are escaped."""
