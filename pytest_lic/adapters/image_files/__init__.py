"""Image files as bitstreams.

formats  how each format is written and read, with which options, by which libraries
header   what a file's own structure says, before any of its pixels is decoded
pixels   image batches to and from 8-bit RGB pixels
"""
