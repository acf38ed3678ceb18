"""Checks of a codec: repeated, in fresh processes, elsewhere, on old and on damaged bitstreams.

agreement           how far two decodings of one bitstream agree
company             the same bits and pixels alone and in batches
conformance         the old bitstreams of a cell: examined, kept, judged
determinism         the same bits and pixels twice, in a fresh process, with other threads
environment_matrix  a cell encoded and decoded in every simulated environment
flat_images         flat images come back as bright as they are
fresh_child         what encodes and decodes in a fresh process
fresh_process       the parent's side of it
growth              memory and open files that grow with each image
hidden_inputs       what a codec used there beside its input, and what it hangs on
hostile             damaged bitstreams
odd_sides           the same pixels coded within even and odd sides
old_stream          one old bitstream: whether it decodes alike, and what broke if not
passport            packs of bitstreams, decoded on other machines
plausible_length    whether a bitstream is long enough to hold its image
progressive         whether the first bytes of a stream give a picture, and more no worse one
same_bits           the same bits both times, or where they part
"""
