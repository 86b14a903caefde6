"""How many people are there? Estimators of a total from overlapping lists."""

from darkfigure.size.alternatives import alternatives
from darkfigure.size.averaged import averaged
from darkfigure.size.bic import bic
from darkfigure.size.check import check
from darkfigure.size.independent import independent
from darkfigure.size.latent_class import latent_class
from darkfigure.size.nested import nested_intervals
from darkfigure.size.stepwise import stepwise

__all__ = [
    "alternatives",
    "averaged",
    "bic",
    "check",
    "independent",
    "latent_class",
    "nested_intervals",
    "stepwise",
]
