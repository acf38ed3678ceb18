"""Configs: what a codec is built of, and clear errors for what is wrong in them.

codec_config    the file that describes a codec, read and merged with those that it extends
builder         from the description of the components to the codec
seats           the seats of components, and the tag of each kind
parser_errors   jsonargparse's messages, reduced to the key and the reason
blame           the file or the option that a wrong key stands in
"""
