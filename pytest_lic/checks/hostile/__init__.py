"""Damaged bitstreams, and the process that may die of them.

child         what damages and decodes bitstreams, in a process with limited memory
memory_limit  that limit
mutations     how bitstreams are damaged
outcome       what a decoder made of one, and whether it may
process       the parent's side of `child`
"""
