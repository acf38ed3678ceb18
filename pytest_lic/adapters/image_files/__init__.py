"""Reads and writes image files as Pillow does: formats, headers, pixels."""
