"""What is stored of a codec, all of it safetensors.

weights_header    what a weights file says of itself, read without its tensors
weights_file      weights with the entropy coder's tables, written, read and loaded
eight_bits        kernels in half of what float16 takes
shared_transform  weights that name another file's transform
adapted           weights of which only what differs from another file is stored
checkpoint        Lightning's checkpoints, without a pickle
export            from a checkpoint to weights
"""
