"""How many people are there? Estimators of a total from overlapping lists."""

from darkfigure.size.alternatives import alternatives
from darkfigure.size.auto import auto
from darkfigure.size.averaged import averaged
from darkfigure.size.bic import bic
from darkfigure.size.chao import chao
from darkfigure.size.check import check
from darkfigure.size.decomposable import decomposable
from darkfigure.size.doubly_robust import doubly_robust
from darkfigure.size.heterogeneity import heterogeneity
from darkfigure.size.independent import independent
from darkfigure.size.latent_class import latent_class
from darkfigure.size.nested import nested_intervals
from darkfigure.size.refusal import lower_bound, refusals
from darkfigure.size.sensitivity import sensitivity
from darkfigure.size.shrinkage import shrinkage
from darkfigure.size.stepwise import stepwise
from darkfigure.size.threshold import threshold

__all__ = [
    "alternatives",
    "auto",
    "averaged",
    "bic",
    "chao",
    "check",
    "decomposable",
    "doubly_robust",
    "heterogeneity",
    "independent",
    "latent_class",
    "lower_bound",
    "nested_intervals",
    "refusals",
    "sensitivity",
    "shrinkage",
    "stepwise",
    "threshold",
]
