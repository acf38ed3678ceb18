"""Damaged bitstreams: how they are made, the process that decodes them, what came of it."""
