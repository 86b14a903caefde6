"""Small strata pooled by rule, for too few people cannot tell how many are missing.

A group of strata stands if enough of its people are on two or more lists and the method has an
estimate of it. Strata that do not stand go together, first those that differ in the last variable
only, then those that differ in the last two, and so on, until they do. What is left over joins its
nearest neighbour: of the groups that stand, the one that has most of the first values in common
with it, and of several such the smallest. Groups that stand are never touched for any other reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darkfigure.size.impute import Completed
from darkfigure.size.many import Asked, Group


def by_rule(
    tables: Completed, least: int, told: Asked
) -> tuple[list[Group], Group | None, set[Group]]:
    """The groups that have an estimate, the one that has none, and those that were refused."""
    several = np.bitwise_count(tables.masks) > 1
    shared = tables.counts[:, :, several].sum(axis=2).mean(axis=0)
    bad: set[Group] = set()
    while True:
        standing, left = together(tables.kinds, shared, least, bad)
        told.ask(standing)
        refused = {group for group in standing if not told.answers(group)}
        if not refused:
            break
        bad |= refused
    if left is None:
        return standing, None, bad
    if standing:
        nearest = min(standing, key=lambda group: _distance(tables.kinds, shared, group, left))
        joined = tuple(sorted((*nearest, *left)))
        told.ask([joined, left])
        if told.answers(joined):
            return [*(g for g in standing if g != nearest), joined], None, bad
    told.ask([left])
    if told.answers(left):
        return [*standing, left], None, bad
    return standing, left, bad


def together(
    kinds: Sequence[tuple[str, ...]],
    shared: npt.NDArray[np.float64],
    least: int,
    refused: set[Group] | frozenset[Group] = frozenset(),
) -> tuple[list[Group], Group | None]:
    """Which strata are estimated together, and what is left over.

    Parameters
    ----------
    kinds : sequence of tuple of str, length S
    shared : array of float, shape (S,)
        People on two or more lists.
    least : int
        Groups with fewer do not stand.
    refused : set of tuple of int
        Groups for which the method has no estimate.

    Examples
    --------
    >>> kinds = [("f", "old"), ("f", "young"), ("m", "old"), ("m", "young")]
    >>> together(kinds, np.array([50, 12, 8, 14]), 20)
    ([(0,), (2, 3)], (1,))
    """
    standing: list[Group] = []
    sparse: list[Group] = [(i,) for i in range(len(kinds))]
    for common in range(len(kinds[0]), -1, -1):
        alike: dict[tuple[str, ...], list[Group]] = {}
        for group in sparse:
            alike.setdefault(kinds[group[0]][:common], []).append(group)
        sparse = []
        for groups in alike.values():
            group = tuple(sorted(i for each in groups for i in each))
            stands = shared[list(group)].sum() >= least and group not in refused
            (standing if stands else sparse).append(group)
    return sorted(standing), sparse[0] if sparse else None


def _distance(
    kinds: Sequence[tuple[str, ...]],
    shared: npt.NDArray[np.float64],
    group: Group,
    left: Group,
) -> tuple[int, float, Group]:
    """Small for a group that has many of the first values in common, and is small."""

    def common(a: tuple[str, ...], b: tuple[str, ...]) -> int:
        return next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))

    most = max(common(kinds[i], kinds[j]) for i in group for j in left)
    return -most, float(shared[list(group)].sum()), group
