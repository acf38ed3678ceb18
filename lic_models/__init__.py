"""Learned image codecs that ship with pytest-lic: networks, their training and trained weights.

Importing this package loads no torch; a network is built only when a family is asked for it.
"""
