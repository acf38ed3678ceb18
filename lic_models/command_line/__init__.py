"""What the commands of ``python -m lic_models`` do.

training_cli    fit and validate: Lightning's command line for codecs
testing         test: rate and quality on whole images
thumbnails      thumbnail: small pictures of the first bytes, for exported weights
adapting        adapt: exported weights for another domain or another loss
integer         integer: exported weights whose hyper-synthesis is whole numbers
training_images  what these three look at
quiet           warnings and logs of the libraries that are no news, left out
"""
