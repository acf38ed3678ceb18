"""A compression network in CompressAI's manner, driven as a codec.

family          builds the codecs of a family, and tells what coding with them depends on
codec           the codec: pad, code, pack; unpack, decode, crop
calls           calls into the network, checked on the way in and out
layout          padding, memory format and nesting, found out by coding one small image
stream          strings, shape and parameters as the sections of a container
string_nesting  how a network nests its strings, and what it calls their shape
value_packing   small Python values as bytes, exactly
state           initial weights, entropy coder tables, digests of both
held_state      the digest of all that a network holds, or that it can't be told
rans_guard      keeps CompressAI's entropy decoder within its string
heap_memory     lets the C library keep large freed buffers
"""
