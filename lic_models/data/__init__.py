"""Lightning data modules: what a codec is trained, validated and tested on.

folder        ImageFolder: any folder of images
kodak         Kodak: the 24 Kodak images, for evaluation only
clic          Clic: CLIC 2020, professional and mobile photographs
flickr2w      Flickr2W: 20 thousand photographs from Flickr
vimeo90k      Vimeo90K: frames of the Vimeo-90K triplets
bundled       BundledPhotographs: those that scikit-image bundles, nothing to download
documents     SyntheticDocuments: text, line drawings and charts, nothing to download
module        what they share: options, splits and loaders
scan          an image set's files, bad ones refused, some held out
image_set     a split's images, decoded once or whenever asked for
crops         one crop of an image
loading       batches of crops, in an order that an interruption does not change
scaled_crops  the same from images that were scaled beforehand, on the device that trains
frozen_latents  latents in place of images, where the transform is not trained

A new data set is a subclass of `module.CropDataModule` in a file of its own that says where each
split's files lie; how crops are drawn, loaded and resumed is the same for all of them.
"""

from lic_models.data.bundled import BundledPhotographs
from lic_models.data.clic import Clic
from lic_models.data.documents import SyntheticDocuments
from lic_models.data.flickr2w import Flickr2W
from lic_models.data.folder import ImageFolder
from lic_models.data.kodak import Kodak
from lic_models.data.vimeo90k import Vimeo90K

__all__ = [
    "BundledPhotographs",
    "Clic",
    "Flickr2W",
    "ImageFolder",
    "Kodak",
    "SyntheticDocuments",
    "Vimeo90K",
]
