"""Ready-made codec families.

command           a pair of programs, an encoder and a decoder
command_template  their commands: words, placeholders, the files they name
compressai        any network that codes in CompressAI's manner
pillow            JPEG, JPEG 2000, WebP, AVIF and HEVC intra
program           runs one program for one image
image_files       how Pillow's formats are written, checked and read
network           how a network is driven as a codec
"""
