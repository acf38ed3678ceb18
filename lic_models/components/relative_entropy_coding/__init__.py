"""Relative-entropy coding: a draw of a posterior sent in about KL(posterior ‖ prior) bits.

Both sides draw from the prior with the same random numbers; what is sent is which draw it is.
Nothing is rounded. `PoissonSampler` is the one to choose; the others are there to compare with.

base        what every sampler does
poisson     greedy Poisson rejection: exact, any divergence up to 40 bits a dimension
rejection   greedy rejection with a budget: exact, for small divergences
importance  one of many draws of a group, by its weight: nearly unbiased
greedy      a draw put together from shards, each the best one: biased towards the mode
ladder      the two levels of a latent, posteriors and priors
gaussians   posteriors and priors, and one beside the other
groups      dimensions gathered into groups, and the search for a group's best draw
strings     numbers as one string of the entropy coder
normals     standard normal draws out of integers
philox      random words by position
"""

from lic_models.components.relative_entropy_coding.base import Sampler
from lic_models.components.relative_entropy_coding.gaussians import Gaussians
from lic_models.components.relative_entropy_coding.greedy import GreedySampler
from lic_models.components.relative_entropy_coding.importance import ImportanceSampler
from lic_models.components.relative_entropy_coding.poisson import PoissonSampler
from lic_models.components.relative_entropy_coding.rejection import RejectionSampler

__all__ = [
    "Gaussians",
    "GreedySampler",
    "ImportanceSampler",
    "PoissonSampler",
    "RejectionSampler",
    "Sampler",
]
