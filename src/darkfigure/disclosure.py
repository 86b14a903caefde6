"""What may be shown of how the lists overlap, and what must not.

The people counted are victims, and somebody may be looking for one of them. A trafficker who knows
that a woman called the police and slept in the shelter, and who reads that exactly one person is on
those two lists and on a third, the immigration service's, has learned where she went next. So a
count smaller than the study's `smallest_count` is never shown, and neither is a combination that
nobody is on, for "nobody" tells as much. Such combinations appear only added up, as "all other
combinations together". How many they are is not said.

Their sum alone can betray them: if two combinations have 7 people together and neither has 5, each
has 3 or 4. So where need be the smallest of the others go in with them, until a reader who has all
that is published, and this rule, can no longer tell what is hidden (`_safe` says what that means;
`tests/test_disclosure.py` tries, by integer programming and by going through every table).

The size of a list would undo this: take the shown rows with that list from it, and what is hidden
on it is left. Rounding the size is not enough, for in a small table the rounded sizes of all lists
together, with the total, still leave one possibility. So once anything is held back, a list is
given the people that the shown rows put on it, as "at least": that tells nothing new. Whatever else
is said of who is on several lists, or which lists share nobody, is likewise said of the shown rows.

An estimate would undo it as well: a model's total is a function of the counts, so totals to the
last person, criteria and the number seen without one list let a patient reader try fillings until
only one fits. So once anything is held back, estimates are shown to two significant digits, without
criteria, and without the number seen of any list left out.

A `smallest_count` of 1 hides nothing: that is for tables which are published already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import Any

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
        "lower_bound",
        "other_method",
        "without",
    }
)
"""What a method found that says nothing of single counts.

How many models were fitted, weighed or had an estimate is not among it: it changes with nearly
every person, so that a guess at the hidden counts could be tried until it fits.
"""

_OF_COUNTS = re.compile("(people are|person is) on (more than one list|two lists or more)")

SMALLEST_COUNT = 5
"""No smaller count of people is shown, unless a study says otherwise."""

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
        If there are fewer than `smallest_count` people in all, or if `smallest_count` is less than
        1.

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
    counts = [int(n) for n in histories.counts.tolist()]
    hidden = held_back(counts[1:], smallest_count)
    shown = [mask for mask in range(1, len(counts)) if counts[mask] and mask - 1 not in hidden]
    shown.sort(key=lambda mask: (-counts[mask], mask))
    others = histories.observed - sum(counts[mask] for mask in shown)

    rows = [
        (tuple(name for j, name in enumerate(histories.lists) if mask >> j & 1), counts[mask])
        for mask in shown
    ]
    if not others:
        return Overlaps(rows, None, {n: histories.size_of(n) for n in histories.lists}, False)
    at_least = {n: sum(count for lists, count in rows if n in lists) for n in histories.lists}
    return Overlaps(rows, others, at_least, rounded=True)


def to_nearest(count: int, smallest_count: int) -> int:
    """A count to the nearest multiple of the smallest that is shown.

    Sums and differences of counts that are told to a person can come to a few people, or to nobody,
    though each is large; of rounded ones they are known to within several of them.

    Examples
    --------
    >>> to_nearest(41, 5), to_nearest(43, 5), to_nearest(41, 1)
    (40, 45, 41)
    """
    return smallest_count * ((2 * count + smallest_count) // (2 * smallest_count))


def held_back(
    counts: Sequence[int],
    smallest_count: int,
    enough: Callable[[frozenset[int]], bool] = lambda hidden: True,
) -> frozenset[int]:
    """Which of some counts must be hidden so that a reader who knows their sum can tell none.

    Parameters
    ----------
    counts : sequence of int
        People, zero or more.
    smallest_count : int
        1 holds nothing back.
    enough : callable, optional
        Whether the sum over these may be known, where their counts do not tell all of it; more are
        hidden until it may.

    Returns
    -------
    frozenset of int
        The positions of those that are hidden: of all that are small, and where need be of the
        smallest others.

    Examples
    --------
    >>> sorted(held_back([40, 3, 12, 9, 60], 5)), sorted(held_back([40, 0, 12, 9, 60], 5))
    ([1, 3], [1, 3])
    >>> held_back([40, 12, 9], 5)
    frozenset()
    """
    if smallest_count == 1:
        return frozenset()
    shown = sorted(
        (at for at, n in enumerate(counts) if n >= smallest_count),
        key=lambda at: (-counts[at], at),
    )
    small = [n for n in counts if n < smallest_count]
    hidden = {at for at, n in enumerate(counts) if n < smallest_count}
    others = sum(small)
    least, most = (min(small), max(small)) if small else (0, 0)
    while hidden and shown:
        next_one = counts[shown[-1]]
        safe = _safe(len(hidden), others, least, most, next_one, smallest_count)
        if safe and enough(frozenset(hidden)):
            break
        hidden.add(shown.pop())
        others, most = others + next_one, next_one
    return frozenset(hidden)


def _safe(hidden: int, others: int, least: int, most: int, shown: int, smallest: int) -> bool:
    """Whether nobody can tell the hidden counts: `hidden` of them, from `least` to `most`, that add
    up to `others`, where `shown` is the smallest that is shown.

    A reader knows all of this but `least` and `most`, and knows this rule. So each answer holds
    only because there are other tables that the rule would publish in just the same way.

    1. All are below `smallest`: any of them can be any such number, and the rest make up the sum.
    2. One is large, if less than `shown`, and without it so few are left that the rule would have
       gone on: any of the rest can be any number below `smallest`. Of two hidden counts, one is the
       sum less the other; that may rule out the lowest numbers for the small one, never more than
       the lower half, but not tell which of the two it is.
    3. There are at least four, and the largest has `smallest` people more than the least: any of
       them can be the one or the other. They are far enough from all being as large as they can.

    A sum that is as small as a single hidden count is never safe.
    """
    below, top = smallest - 1, shown - 1
    if smallest <= others <= (hidden - 1) * below:
        return True
    if others <= 2 * below or hidden == 1:
        return False
    if hidden == 2:
        return others - below // 2 <= top
    if hidden == 3:
        return others <= min(top + 2 * below, 2 * top)
    if others <= top + below:
        return True
    loose = others <= (hidden - 1) * top - smallest
    return loose and most <= top and most - least >= smallest


def safe_rows(overlaps: Overlaps, lists: Sequence[str]) -> list[dict[str, int | str]]:
    """The rows of a table of the overlaps that may leave the coalition.

    Parameters
    ----------
    overlaps : Overlaps
        What may be shown.
    lists : sequence of str
        The lists, in the order of the columns.

    Returns
    -------
    list of dict
        One per combination that is shown, as those of `CaptureHistories.rows`: 0/1 for each list,
        then `count`. All that are held back are one last row with "?" for every list; no estimate
        can be made from such a table, and `read_overlap_table` says so.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b", "c"], [0, 30, 25, 12, 40, 3, 0, 9])
    >>> for row in safe_rows(publishable_overlaps(h, smallest_count=10), h.lists)[-2:]:
    ...     print(row)
    {'a': 1, 'b': 1, 'c': 0, 'count': 12}
    {'a': '?', 'b': '?', 'c': '?', 'count': 12}
    """
    rows: list[dict[str, int | str]] = [
        {**{name: int(name in on) for name in lists}, "count": count} for on, count in overlaps.rows
    ]
    if overlaps.others is not None:
        rows.append({**dict.fromkeys(lists, "?"), "count": overlaps.others})
    return rows


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
    if drawn := estimate.details.get("linkage"):
        details["linkage"] = {
            "draws": drawn["draws"],
            "share": None if drawn["share"] is None else round(drawn["share"], 2),
            "observed": [_coarse(number) for number in drawn["observed"]],
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
        warnings=tuple(map(_coarse_words, filterfalse(_OF_COUNTS.search, estimate.warnings))),
        draws=draws,
    )


@dataclass(frozen=True)
class ShownStratum:
    """What may be shown of one stratum: None where it must not be, or there is none."""

    name: str
    observed: int | None
    total: float | None
    lower: float | None
    upper: float | None


def publishable_strata(
    rows: Sequence[Mapping[str, Any]], smallest_count: int
) -> list[ShownStratum]:
    """The strata as they may be shown.

    How many people of a stratum were seen is not shown at all, for from all strata but one, and the
    number of everybody seen, the last could be told; estimates are shown to two significant digits,
    and not held to be at least the number seen. A kind of people that too few are of is not named.

    Parameters
    ----------
    rows : sequence of mapping
        As `ByStrata.rows` gives them: name, seen, observed, total, lower, upper.
    smallest_count : int
        1 shows everything as it is, for counts that are published already.

    Examples
    --------
    >>> row = {"name": "f, 12", "seen": [3, 44], "observed": 47}
    >>> row |= {"total": 81.4, "lower": 60.1, "upper": 133.0}
    >>> publishable_strata([row], 5)[0]
    ShownStratum(name='small groups together', observed=None, total=80.0, lower=60.0, upper=130.0)
    >>> publishable_strata([row], 1)[0].observed
    47
    """
    shown = []
    for row in rows:
        if smallest_count == 1:
            numbers = [row[key] for key in ("observed", "total", "lower", "upper")]
            if row["total"] is not None and row["upper"] is None:
                numbers[3] = math.inf
            shown.append(ShownStratum(row["name"], *numbers))
            continue
        small = any(n < smallest_count for n in row["seen"])
        name = "small groups together" if small else row["name"]
        if row["total"] is None:
            shown.append(ShownStratum(name, None, None, None, None))
            continue
        upper = math.inf if row["upper"] is None else _coarse(row["upper"])
        limits = _coarse(row["total"]), _coarse(row["lower"]), upper
        shown.append(ShownStratum(name, None, *limits))
    return shown


def _coarse_words(warning: str) -> str:
    """A warning without exact numbers of replicates and models, criteria or totals."""
    some = re.sub(r"[\d,]+ of (the )?[\d,]+ (bootstrap )?replicates", r"some \2replicates", warning)
    some = re.sub(r"[\d,]+ of [\d,]+ draws of who", "some draws of who", some)
    some = re.sub(r"[\d,]+ models", "models", some)
    some = re.sub(r"a BIC up to [\d,]+ lower", "a lower BIC", some)
    some = re.sub(r"totals from [\d,]+ to [\d,]+", _coarse_totals, some)
    return some[:1].upper() + some[1:]


def _coarse_totals(words: re.Match[str]) -> str:
    return re.sub(r"\d[\d,]*", lambda n: f"{_coarse(int(n[0].replace(',', ''))):,.0f}", words[0])


def _coarse(number: float) -> float:
    """To two significant digits, and never finer than tens."""
    if not math.isfinite(number) or number <= 0:
        return number
    step = 10.0 ** max(1, math.floor(math.log10(number)) - 1)
    return round(number / step) * step


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
