"""Checks of a codec: repeated, in fresh processes, elsewhere, on old and on damaged bitstreams."""
