"""The commands of `python -m lic_models`."""
