"""Ready-made codec families: CompressAI networks, Pillow's formats, command-line codecs."""
