"""Contexts that look at what is decoded from afar: by attention, or by a memory of it.

attention             attention to what is decoded, its highest scores, relative positions
transformer           positions as tokens, with keys and values kept
masked_transformer    M2T and MT
entroformer           Entroformer, and its variant of two passes
stacked_checkerboard  a checkerboard by attention in windows, several layers deep
recalling             raster order, with a memory of all positions before
non_local             attention over that memory
global_reference      the one position of that memory that is most alike
"""
