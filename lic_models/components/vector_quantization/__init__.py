"""Vector quantization: several channels of a position become one index into a codebook.

base                 what every kind does: nearest centres, one codebook after the other
soft_to_hard         soft assignments that harden over training
entropy_constrained  distances and bits weighed against each other
multi_codebook       stages, each of which quantises what the earlier ones left
index_models         what is expected of indices: uniform, frequencies, conditional
centres              distances, and centres to begin with
codebook_use         which entries are used, and which are dead
"""

from lic_models.components.vector_quantization.base import VectorQuantizer
from lic_models.components.vector_quantization.codebook_use import CodebookUse
from lic_models.components.vector_quantization.entropy_constrained import (
    EntropyConstrainedQuantizer,
)
from lic_models.components.vector_quantization.index_models import IndexModel
from lic_models.components.vector_quantization.multi_codebook import MultiCodebookQuantizer
from lic_models.components.vector_quantization.soft_to_hard import SoftToHardQuantizer

__all__ = [
    "CodebookUse",
    "EntropyConstrainedQuantizer",
    "IndexModel",
    "MultiCodebookQuantizer",
    "SoftToHardQuantizer",
    "VectorQuantizer",
]
