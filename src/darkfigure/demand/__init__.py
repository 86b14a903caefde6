"""How many buyers and traffickers there are, and what a shift of enforcement to them would do."""

from __future__ import annotations

from darkfigure.demand.counts_table import Counts, read_counts
from darkfigure.demand.deterrence import deterrence
from darkfigure.demand.families import FAMILIES
from darkfigure.demand.goodness import goodness
from darkfigure.demand.people import compare_families, people

__all__ = [
    "FAMILIES",
    "Counts",
    "compare_families",
    "deterrence",
    "goodness",
    "people",
    "read_counts",
]
