"""Entropy coding: symbols and their probability tables ─► a string of bytes, and back.

coders      the entropy coders: AnsCoder, RangeCoder, RansCoder
tables      the probability tables that encoder and decoder share
counts      whole counts out of probabilities
runs        symbols sorted by table, for a library to code at once
noting      an entropy coder that is overheard
escapes     how symbols beyond their table are coded
"""
