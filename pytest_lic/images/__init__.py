"""Images to code.

area         how many pixels a corpus has at a resolution
corpus       ordered sets of named 8-bit RGB images: photographs, edge images, documents, folders
documents    rendered text, line drawings and charts, to train and to test on
edge_images  small images on which codecs break
finding      the image files below a folder
png          pixels as the bytes of a PNG file, and back
reading      one image file → 8-bit RGB pixels, or a clear refusal
"""
