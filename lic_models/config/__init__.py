"""Configs: what a codec is built of, and clear errors for what is wrong in them."""
