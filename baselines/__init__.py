"""Recorded results of the shipped families, installed as ``pytest_lic.shipped_baselines``.

One JSON file per family; `pytest_lic.baselines.entries` documents the layout and alone reads it.
"""
