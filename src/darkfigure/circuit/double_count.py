"""The double count: of the people seen in each city, how many were seen in others too.

Three cities that add up their people count whoever was seen in all of them three times. This is
about people who were seen: of the unseen, a model must tell.

What is shown of it hides small counts, and those with which a reader could tell a small one: of
cities, and of pairs of cities, so many are hidden that not even their sum would tell one of them.
All counts are to the nearest multiple of the smallest that may be told, and linear programmes try
whether each hidden pair may still have nobody, and whether it is nowhere sure that one person, or
nobody, was in just one, two or three of the cities. How many of the people of a city were seen
elsewhere is then told of the shown pairs, as "at least". If hardly anybody was seen in two cities,
or a programme finds somebody out, nothing is shown but how many people there are.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import block_array, csr_array, eye_array

from darkfigure.circuit.histories import Histories
from darkfigure.disclosure import SMALLEST_COUNT, held_back, to_nearest
from darkfigure.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MANY_CITIES = 20  # from more on there are so many combinations of three that one is never told
CLOSE = 1e-6  # to the bound of a linear programme


@dataclass(frozen=True, eq=False)
class DoubleCount:
    """Who was seen in more than one city.

    Attributes
    ----------
    cities : tuple of str
    people : int
        Different people, over all cities.
    seen : array of int, shape (R,)
        People seen in each city.
    elsewhere : array of int, shape (R,)
        Of those, people seen in another one too.
    both : array of int, shape (R, R)
        People seen in both of two cities; on the diagonal, in the city.
    several : int
        Different people seen in two cities or more.
    cells : mapping of tuple of int to int
        People seen in just these cities and no other, where there is anybody. Not for showing.
    """

    cities: tuple[str, ...]
    people: int
    seen: Ints
    elsewhere: Ints
    both: Ints
    several: int
    cells: Mapping[tuple[int, ...], int] = field(repr=False)

    @property
    def naive(self) -> int:
        """The sum over all cities, in which people count once for each."""
        return int(self.seen.sum())

    def published(self, smallest_count: int = SMALLEST_COUNT) -> dict[str, Any]:
        """What may be shown of it, ready for JSON.

        Parameters
        ----------
        smallest_count : int
            No count smaller than this is told; 1 hides nothing.

        Returns
        -------
        dict
            `people`; `naive`, the sum over all cities, None if any is hidden; for each of `cities`
            its `city`, `seen` and `elsewhere`, which with `at_least` holds at the least; for each
            pair its cities `a` and `b`, and `both`; each with `hidden`; and `hidden`, sentences
            that say what was hidden. All counts are to the nearest multiple of `smallest_count`:
            exact ones would tell by their sums who was in one city only, or in three.

        Raises
        ------
        InputError
            If there are fewer people in all, or the smallest count is none.

        Examples
        --------
        >>> rows = [[1, 1], [1, 2], [3, 3], [1, 3], [2, 2]]
        >>> h = Histories("ABC", ("1", "2"), rows, [50, 9, 30, 1, 8])
        >>> told = double_count(h).published()
        >>> [(pair["a"], pair["b"], pair["both"]) for pair in told["pairs"]]
        [('A', 'B', None), ('A', 'C', None), ('B', 'C', None)]
        """
        if smallest_count < 1:
            raise InputError(f"The smallest count shown must be 1 or more, not {smallest_count}.")
        if self.people < smallest_count:
            raise InputError(
                f"There are fewer than {smallest_count} people in all, the smallest number that "
                "may be shown; nothing can be published from these histories."
            )
        size = len(self.cities)
        off = held_back(self.seen.tolist(), smallest_count)
        pairs = [(r, s) for r in range(size) for s in range(r + 1, size)]
        inside = [(r, s) for r, s in pairs if r not in off and s not in off]
        small = held_back([int(self.both[pair]) for pair in inside], smallest_count)
        told = {inside[i] for i in range(len(inside)) if i not in small}
        few = [pair for pair in inside if pair not in told]
        # All that may be, or no city. A step between, such as no pair, would tell that more was
        # not safe, and by that what was not.
        if (
            size > 1
            and smallest_count > 1
            and not (self.several >= smallest_count and self._safe(off, told, few, smallest_count))
        ):
            off, told = frozenset(range(size)), set()
        exact = len(told) == len(pairs)
        least = [max([int(self.both[p]) for p in told if r in p], default=0) for r in range(size)]
        cities = []
        about = partial(to_nearest, smallest_count=smallest_count)
        for r, city in enumerate(self.cities):
            at_least = smallest_count * (least[r] // smallest_count) or None
            elsewhere = about(int(self.elsewhere[r])) if exact else at_least
            entry = {"city": city, "seen": about(int(self.seen[r])), "elsewhere": elsewhere}
            if r in off:
                entry |= {"seen": None, "elsewhere": None}
            cities.append(entry | {"at_least": not exact, "hidden": r in off})
        return {
            "people": about(self.people),
            "naive": None if off else about(self.naive),
            "cities": cities,
            "pairs": [
                {
                    "a": self.cities[r],
                    "b": self.cities[s],
                    "both": about(int(self.both[r, s])) if (r, s) in told else None,
                    "hidden": (r, s) not in told,
                }
                for r, s in pairs
            ],
            "hidden": self._sentences(off, exact, smallest_count),
        }

    def _safe(
        self,
        off: frozenset[int],
        told: Set[tuple[int, int]],
        hidden: Sequence[tuple[int, int]],
        smallest: int,
    ) -> bool:
        """Whether for all that is told each hidden pair may have nobody, and `smallest` - 1; and
        of each combination of cities so many may have been seen in just these, or anything from
        nobody to half of that: nowhere is it sure that there is nobody, or one.

        Linear programmes over the numbers of people seen in just these cities: one, two or three,
        or more as far as anybody was; others would leave a reader more possibilities. How many were
        in just four or more is not held to this: that few can have been is plain of most. What is
        told is known to within its rounding.
        """
        shown = [r for r in range(len(self.cities)) if r not in off]
        kinds = [each for k in (1, 2, 3) for each in itertools.combinations(shown, k)]
        wide = {tuple(sorted(set(kind) - off)) for kind in self.cells if len(kind) > 3}
        kinds += sorted(wide - set(kinds) - {()})
        kinds += [()] * bool(off)  # seen in hidden cities alone
        there = np.array([[r in kind for kind in kinds] for r in range(len(self.cities))], float)
        rows = [np.ones(len(kinds)), *there[shown], *(there[r] * there[s] for r, s in sorted(told))]
        sums = [self.people, *self.seen[shown], *(self.both[pair] for pair in sorted(told))]
        if not off:
            rows.append(there.sum(axis=0))
            sums.append(self.naive)
        if not off and len(told) == math.comb(len(shown), 2):
            rows += list(there * (there.sum(axis=0) > 1))
            sums += list(self.elsewhere)
        near = np.array([to_nearest(int(each), smallest) for each in sums])
        # What is told at all is the smallest at least.
        low = np.maximum(np.ceil(near - smallest / 2), smallest)
        high = np.ceil(near + smallest / 2) - 1
        inside = np.array([there[r] * there[s] for r, s in hidden]).reshape(-1, len(kinds))
        # as if the reader knew the sum of the hidden pairs, and that each is below any shown one
        most = np.full(len(hidden), low[1 + len(shown) :][: len(told)].min(initial=high[0] + 1) - 1)
        total = inside.sum(axis=0)
        of_all = sum(int(self.both[pair]) for pair in hidden)
        limits = csr_array(np.vstack([rows, np.negative(rows), inside, total, -total]))
        ends = np.concatenate([high, -low, most, [of_all, -of_all]])
        widest = 3 if len(shown) <= MANY_CITIES else 2
        some = np.flatnonzero([0 < len(kind) <= widest for kind in kinds])
        just = eye_array(len(kinds), format="csr")[some]
        few = just[~reached(just, limits, ends, smallest - 1)]
        return all(
            reached(*each).all()
            for each in (
                (csr_array(inside), limits, ends, smallest - 1),
                (csr_array(-inside), limits, ends, 0),
                (few, limits, ends, smallest // 2),
                (-few, limits, ends, 0),
            )
        )

    def _sentences(self, off: frozenset[int], exact: bool, smallest: int) -> list[str]:
        few = f"fewer than {smallest} people, or nobody,"
        if off == frozenset(range(len(self.cities))):
            return [
                f"How many people were seen in which city is not shown: {few} were seen in two "
                "cities or in one of them, or the numbers together would tell of a few."
            ]
        told = []
        if off:
            names = ", ".join(self.cities[r] for r in sorted(off))
            told.append(
                f"How many people were seen in {names} is not shown: in one of them it is {few} "
                "and another must be hidden with it."
            )
        if not exact:
            told.append(
                f"Of some pairs of cities it is not shown how many people were seen in both: it is "
                f"{few} or another must be hidden with it."
            )
        return told


def reached(goals: csr_array, limits: csr_array, ends: Floats, enough: int) -> Bools:
    """Which goals (G, K) can come to so much where limits (L, K) times the numbers are within ends.

    Each programme tries for all goals that are left, each up to what is enough, and where that
    brings none of them there, for one alone.
    """
    can = np.zeros(goals.shape[0], bool)
    left = np.arange(can.size)
    while left.size:
        mine = goals[left]
        found = linprog(
            np.r_[np.zeros(goals.shape[1]), -np.ones(left.size)],
            A_ub=block_array([[limits, None], [-mine, eye_array(left.size)]], format="csr"),
            b_ub=np.r_[ends, np.zeros(left.size)],
            bounds=[(0, None)] * goals.shape[1] + [(None, enough)] * left.size,
        )
        there = np.zeros(left.size, bool)
        if found.status == 0:
            there = mine @ found.x[: goals.shape[1]] > enough - CLOSE
        can[left[there]] = True
        if not there.any():
            there[0] = True
            found = linprog(-mine[[0]].toarray()[0], A_ub=limits, b_ub=ends)
            can[left[0]] = found.status == 0 and -found.fun > enough - CLOSE
        left = left[~there]
    return can


def double_count(histories: Histories) -> DoubleCount:
    """Count the people who were seen in more than one city.

    Parameters
    ----------
    histories : Histories

    Returns
    -------
    DoubleCount
        Exact counts; what may be shown of them is told by `published`.

    Examples
    --------
    >>> h = Histories("AB", ("1", "2"), [[1, 1], [1, 2], [0, 2]], [50, 9, 30])
    >>> found = double_count(h)
    >>> found.naive, found.people, found.elsewhere
    (98, 89, array([9, 9]))
    """
    size = len(histories.cities)
    there = np.zeros((len(histories.patterns), size + 1), np.int64)
    np.put_along_axis(there, histories.patterns, 1, axis=1)
    there = there[:, 1:]
    weighted = there * histories.freq[:, None]
    number = there.sum(axis=1)
    many = number > 1
    cells: Counter[tuple[int, ...]] = Counter()
    for row, people in zip(there, histories.freq, strict=True):
        cells[tuple(np.flatnonzero(row).tolist())] += int(people)
    return DoubleCount(
        histories.cities,
        histories.people,
        weighted.sum(axis=0),
        weighted[many].sum(axis=0),
        there.T @ weighted,
        int(histories.freq[many].sum()),
        cells,
    )
