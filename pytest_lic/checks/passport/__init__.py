"""What one machine encodes, all others decode: packs of bitstreams, stamps of who decoded them.

    machine A: bitstreams, stages of decoding ─► pack ─► machine B: the same decoding ─► stamp

stage_record  what a pack keeps of a stage, and where another machine's differs
pack          the pack: a zip of JSON, bitstreams and values
making        a codec's images coded and decoded, into a pack
checking      a pack decoded here, and compared
stamp         what a check found, and its file
matrix        many stamps as who decodes whom
"""
