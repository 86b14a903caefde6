"""What may be shown of how the lists overlap, and what must not.

The people counted are victims, and somebody may be looking for one of them. A trafficker who knows
that a woman called the police and slept in the shelter, and who reads that exactly one person is on
those two lists and on a third, the immigration service's, has learned where she went next. So a
count smaller than the study's `smallest_count` is never shown, and neither is a combination that
nobody is on, for "nobody" tells as much. Such combinations appear only added up, as "all other
combinations together". How many they are is not said. Where even their sum would be too small, or
could come about in one way only, the smallest of the others go in with them.

The size of a list would undo this: take the shown rows with that list from it, and what is hidden
on it is left. Rounding the size is not enough, for in a small table the rounded sizes of all lists
together, with the total, still leave one possibility. So once anything is held back, a list is
given the people that the shown rows put on it, as "at least": that tells nothing new.

An estimate would undo it as well: a model's total is a function of the counts, so totals to the
last person, criteria and the number seen without one list let a patient reader try fillings until
only one fits. So once anything is held back, estimates are shown to two significant digits, without
criteria, and without the number seen of any list left out.

A `smallest_count` of 1 hides nothing: that is for tables which are published already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories

TOLD = frozenset(
    {
        "model",
        "models",
        "certified",
        "interval",
        "label",
        "other_method",
        "without",
    }
)
"""What a method found that says nothing of single counts.

How many models were fitted, weighed or had an estimate is not among it: it changes with nearly
every person, so that a guess at the hidden counts could be tried until it fits.
"""

STEPS = 50
"""Of replicates and draws, the shares that are shown are whole multiples of one in so many."""


@dataclass(frozen=True)
class Overlaps:
    """How the lists overlap, as it may be published.

    Parameters
    ----------
    rows : list of (tuple of str, int)
        Combinations of lists with the number of people on exactly those, the largest first.
    others : int or None
        The people on all combinations that are not shown, together; None when nobody is.
    list_sizes : dict of str to int
        How many people are on each list, or are at the least.
    rounded : bool
        Whether the sizes are rounded down to the people in `rows`, as they are when anything is
        held back.
    """

    rows: list[tuple[tuple[str, ...], int]]
    others: int | None
    list_sizes: dict[str, int]
    rounded: bool


def publishable_overlaps(histories: CaptureHistories, smallest_count: int) -> Overlaps:
    """What may be shown of the overlap of the lists.

    Parameters
    ----------
    histories : CaptureHistories
        The counts as they are.
    smallest_count : int
        No count of people smaller than this is shown; 1 holds nothing back.

    Raises
    ------
    InputError
        If there are fewer than `smallest_count` people in all, if what is held back could be
        worked out whatever is done, or if `smallest_count` is less than 1.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b", "c"], [0, 30, 25, 12, 40, 3, 0, 9])
    >>> shown = publishable_overlaps(h, smallest_count=10)
    >>> shown.rows
    [(('c',), 40), (('a',), 30), (('b',), 25), (('a', 'b'), 12)]
    >>> shown.others, shown.list_sizes
    (12, {'a': 42, 'b': 37, 'c': 40})
    """
    if smallest_count < 1:
        raise InputError(f"The smallest count shown must be 1 or more, not {smallest_count}.")
    if histories.observed < smallest_count:
        raise InputError(
            f"There are fewer than {smallest_count} people in all, the smallest number that may be "
            "shown; nothing can be published from these lists."
        )
    counts = {mask: int(n) for mask, n in enumerate(histories.counts.tolist()) if mask and n > 0}
    shown = sorted(
        (mask for mask, n in counts.items() if n >= smallest_count),
        key=lambda mask: (-counts[mask], mask),
    )
    others = histories.observed - sum(counts[mask] for mask in shown)
    small = histories.counts.size - 1 - len(shown)
    largest = small * (smallest_count - 1)
    if others and (others < smallest_count or others == largest):
        # A sum that is too small to be shown itself, or that only one set of counts can make.
        possible = {*range(1, smallest_count), largest}
        merged, above = 0, 0
        while shown and (not merged or _one_way(possible, others, merged, smallest_count, above)):
            others += counts[shown.pop()]
            merged += 1
            above = counts[shown[-1]] if shown else others
        if others < smallest_count or not merged:
            raise InputError(
                f"No combination of lists has {smallest_count} people or more, the smallest number "
                "that may be shown; nothing can be published from these lists."
            )

    rows = [
        (tuple(name for j, name in enumerate(histories.lists) if mask >> j & 1), counts[mask])
        for mask in shown
    ]
    if not others:
        return Overlaps(rows, None, {n: histories.size_of(n) for n in histories.lists}, False)
    at_least = {n: sum(count for lists, count in rows if n in lists) for n in histories.lists}
    return Overlaps(rows, others, at_least, rounded=True)


def _one_way(possible: set[int], others: int, merged: int, smallest: int, above: int) -> bool:
    """Whether a reader who knows the rule can tell the sum of the small counts.

    It is one of `possible`, and the rest of `others` are `merged` counts that are each at least
    `smallest` and no more than `above`, the smallest count shown.
    """
    fitting = [s for s in possible if merged * smallest <= others - s <= merged * above]
    return len(fitting) < 2


def publishable_estimate(estimate: Estimate) -> Estimate:
    """An estimate as it may be shown beside counts of which some are held back.

    Parameters
    ----------
    estimate : Estimate
        Of the study itself or an alternative.

    Examples
    --------
    >>> e = Estimate(512.3, 401.0, 718.0, 0.95, 129, "bic", ("a", "b"), details={"bic": 61.27})
    >>> shown = publishable_estimate(e)
    >>> shown.total, shown.lower, shown.upper, "bic" in shown.details
    (510.0, 400.0, 720.0, False)
    """
    details = {key: value for key, value in estimate.details.items() if key in TOLD}
    if "bic_above_best" in estimate.details:
        details["label"] = f"model {estimate.details['model']}, nearly as good as the best"
    if near := estimate.details.get("nearly_equal"):
        details["nearly_equal"] = {
            **near,
            "lowest": max(_coarse(near["lowest"]), estimate.observed),
            "highest": max(_coarse(near["highest"]), estimate.observed),
        }
    observed = estimate.observed
    if "without" in estimate.details:
        observed = int(_coarse(observed))
    draws = estimate.draws
    if draws is not None:
        middle = (np.arange(STEPS) + 0.5) / STEPS
        steps = np.quantile(draws, middle, method="inverted_cdf")
        steps = np.array([max(_coarse(step), observed) for step in steps])
        draws = np.repeat(steps, max(1, round(draws.size / STEPS)))
    return replace(
        estimate,
        total=max(_coarse(estimate.total), observed),
        lower=max(_coarse(estimate.lower), observed),
        upper=max(_coarse(estimate.upper), observed),
        observed=observed,
        details=details,
        warnings=tuple(_coarse_words(warning) for warning in estimate.warnings),
        draws=draws,
    )


def _coarse_words(warning: str) -> str:
    """A warning without exact numbers of replicates and models, or criteria."""
    some = re.sub(r"[\d,]+ of (the )?[\d,]+ (bootstrap )?replicates", r"some \2replicates", warning)
    some = re.sub(r"[\d,]+ models", "models", some)
    some = re.sub(r"a BIC up to [\d,]+ lower", "a lower BIC", some)
    return some[:1].upper() + some[1:]


def _coarse(number: float) -> float:
    """To two significant digits, and never finer than tens."""
    if not math.isfinite(number) or number <= 0:
        return number
    step = 10.0 ** max(1, math.floor(math.log10(number)) - 1)
    return round(number / step) * step


def spoken_count(count: int, smallest_count: int) -> str:
    """A count for a sentence or a table cell, unless it is too small to be said.

    Examples
    --------
    >>> spoken_count(2_744, 10), spoken_count(3, 10), spoken_count(0, 10), spoken_count(0, 1)
    ('2,744', 'fewer than 10', 'fewer than 10', '0')
    """
    shown = smallest_count == 1 or count >= smallest_count
    return f"{count:,}" if shown else f"fewer than {smallest_count}"


def sizes_as_text(overlaps: Overlaps) -> Mapping[str, str]:
    """The sizes of the lists as they are printed.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 70, 25])
    >>> dict(sizes_as_text(publishable_overlaps(h, 1)))
    {'a': '85', 'b': '95'}
    """
    return {
        name: (f"at least {size:,}" if size else "not shown") if overlaps.rounded else f"{size:,}"
        for name, size in overlaps.list_sizes.items()
    }
