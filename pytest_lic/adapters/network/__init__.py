"""Drives a compression network of CompressAI as a codec: calls, bitstreams, memory, guards."""
