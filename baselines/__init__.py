"""Recorded results of the shipped families, installed as ``pytest_lic.baselines``.

One JSON file per family; ``pytest_lic.baseline`` documents the layout and is the only reader.
"""
