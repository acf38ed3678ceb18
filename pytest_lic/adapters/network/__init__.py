"""A compression network in CompressAI's manner, driven as a codec.

family           builds the codecs of a family, and tells what coding with them depends on
codec            the codec: pad, code, pack; unpack, decode, crop
rate_controlled  one that codes at any level of its network's range
progressive      one whose first bytes give a picture
blame            what a user's network raises, in one line with its place
calls            calls into the network, checked on the way in and out
decoder_stages   what the decoder computes on its way, stage by stage
devices          values with their tensors on a device
layout           padding, memory format and nesting, found out by coding one small image
signatures       what a user's functions ask for
stream           strings, shape and parameters as the sections of a container
string_nesting   how a network nests its strings, and what it calls their shape
value_packing    small Python values as bytes, exactly
state            initial weights, entropy coder tables, digests of both
held_state       the digest of all that a network holds, or that it can't be told
rans_guard       keeps CompressAI's entropy decoder within its string, and in step
rans_reading     what a decoder read of a string: too much, too little, or other symbols
rans_written     what its encoder put into the latest strings
heap_memory      lets the C library keep large freed buffers
"""
