"""How many people are there? Estimators of a total from overlapping lists."""

from darkfigure.size.alternatives import alternatives
from darkfigure.size.bic import bic
from darkfigure.size.independent import independent
from darkfigure.size.stepwise import stepwise

__all__ = ["alternatives", "bic", "independent", "stepwise"]
