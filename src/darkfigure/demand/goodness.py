"""Does a family fit the counts: expected numbers beside those counted, and what is left over.

For each count the family expects a number of people, summed over their covariates. A rootogram is
their square roots side by side, which makes large and small cells comparable (Tukey 1977). The
chi-square pools neighbouring cells until five are expected in each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import chi2

from darkfigure.demand.counts_table import Counts
from darkfigure.demand.families import family as by_name
from darkfigure.demand.maximum import Rows, chances_of
from darkfigure.demand.total import Fitted, fit
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import NoEstimateError

EXPECTED = 5.0  # people in a cell of the chi-square
BEYOND = 3  # counts to show past the highest


def goodness(
    counts: Counts, family: str, formula: str = "y ~ 1", *, inflation: str = "~ 1"
) -> dict[str, Any]:
    """How well a family fits.

    Parameters
    ----------
    counts : Counts
    family, formula, inflation : str
        As for `people`.

    Returns
    -------
    dict
        `rootogram`: a row for each count with `count`, `or_more` (a top class), `observed`,
        `fitted`, `hanging` (the root of the observed less that of the fitted; beyond 1 either way
        is a misfit) and `residual` (Pearson's); `chi2`, `df` and `p` with pooled cells, None
        without degrees of freedom; `dispersion`, Pearson's statistic of people over their degrees
        of freedom, about 1 where the family holds.

    Raises
    ------
    NoEstimateError
        If the fit cannot be used, or the family has no likelihood.

    Examples
    --------
    >>> found = goodness(Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1]), "ztpoisson")
    >>> [round(row["fitted"]) for row in found["rootogram"]][:3]
    [140, 89, 38]
    >>> round(found["chi2"], 1), found["df"]
    (5.6, 2)
    """
    found = fit(by_name(family), counts, formula, inflation)
    if found.why_not:
        raise NoEstimateError(f"The family '{family}' cannot be used here: {found.why_not}.")
    told = fit_of(found)
    if told is None:
        raise NoEstimateError(f"The family '{family}' says nothing of how counts are spread.")
    return told


def fit_of(found: Fitted) -> dict[str, Any] | None:
    """As `goodness`, of a family fitted already; None where the family looks at two counts only."""
    of, top = found.of, found.maximum
    if top is None or of.ones == "two":
        return None
    rows = found.rows.part(of.looks_at(found.rows.counts) & (found.rows.people > 0))
    patterns, which = np.unique(np.column_stack([rows.x, rows.z]), axis=0, return_inverse=True)
    people = np.bincount(which.ravel(), weights=rows.people)
    p = rows.x.shape[1]
    highest = int(rows.counts.max())
    last = rows.top or highest + BEYOND
    observed, fitted = [], []
    values = np.arange(of.counts[0], last + 1)
    mean = np.zeros(people.size)
    square = np.zeros(people.size)
    for y in values:
        here = np.full(people.size, y, dtype=np.int64)
        at = Rows(here, people.astype(np.int64), patterns[:, :p], patterns[:, p:], rows.top)
        chance = np.exp(chances_of(of, at, top.coefficients, found.link).log_chance.value)
        mean += y * chance
        square += y * y * chance
        observed.append(float(rows.people[rows.counts == y].sum()))
        fitted.append(float(people @ chance))
    rootogram = [
        _row(int(y), bool(rows.top == y), int(o), f)
        for y, o, f in zip(values, observed, fitted, strict=True)
    ]
    n = float(people.sum())
    cells = _pooled(observed, fitted, n)
    df = len(cells) - 1 - len(found.names) + (1 if top.at_edge else 0)
    statistic = sum((o - f) ** 2 / f for o, f in cells)
    spread = np.maximum(square - mean**2, 1e-12)[which.ravel()]
    off = (rows.counts - mean[which.ravel()]) ** 2 / spread
    free = n - len(found.names)
    return {
        "rootogram": rootogram,
        "chi2": float(statistic) if df > 0 else None,
        "df": df if df > 0 else None,
        "p": float(chi2.sf(statistic, df)) if df > 0 else None,
        "dispersion": float(rows.people @ off) / free if free > 0 and not rows.top else None,
    }


def published_rootogram(
    rootogram: list[dict[str, Any]], smallest_count: int = SMALLEST_COUNT
) -> list[dict[str, Any]]:
    """A rootogram that may be shown: the tail in one row, so that no row has very few people.

    Who was met most often is alone with that number, and known by it to whoever met them.

    Parameters
    ----------
    rootogram : list of dict
        As `goodness` has it.
    smallest_count : int
        The fewest people, or nobody, that a row may tell of.

    Returns
    -------
    list of dict
        The rows up to the first with fewer people, and one, `or_more`, of all from there on; with
        the row before it too while that one has fewer.

    Examples
    --------
    >>> found = goodness(Counts([1, 2, 3, 4, 7], [60, 14, 4, 2, 1]), "ztgeom")
    >>> for row in published_rootogram(found["rootogram"], 5):
    ...     print(row["count"], row["or_more"], row["observed"], round(row["fitted"], 1))
    1 False 60 57.1
    2 False 14 16.9
    3 True 7 7.1
    """
    few = [i for i, row in enumerate(rootogram) if row["observed"] < smallest_count]
    if smallest_count == 1 or not few:
        return rootogram
    start = few[0]
    while start and sum(row["observed"] for row in rootogram[start:]) < smallest_count:
        start -= 1
    tail = rootogram[start:]
    observed, fitted = (sum(row[key] for row in tail) for key in ("observed", "fitted"))
    return [*rootogram[:start], _row(tail[0]["count"], True, observed, fitted)]


def _row(count: int, or_more: bool, observed: int, fitted: float) -> dict[str, Any]:
    return {
        "count": count,
        "or_more": or_more,
        "observed": observed,
        "fitted": fitted,
        "hanging": math.sqrt(observed) - math.sqrt(fitted),
        "residual": (observed - fitted) / math.sqrt(max(fitted, 1e-12)),
    }


def _pooled(observed: list[float], fitted: list[float], n: float) -> list[tuple[float, float]]:
    """Neighbouring cells put together until five are expected; the rest beyond is in the last."""
    rest = max(n - sum(fitted), 0.0)
    observed, fitted = [*observed, 0.0], [*fitted, rest]
    cells: list[tuple[float, float]] = []
    o = f = 0.0
    for one, expected in zip(observed, fitted, strict=True):
        o, f = o + one, f + expected
        if f >= EXPECTED:
            cells.append((o, f))
            o = f = 0.0
    if cells and f > 0:
        cells[-1] = (cells[-1][0] + o, cells[-1][1] + f)
    return cells
