"""Images to code: corpora, folders of files, images of awkward sizes."""
