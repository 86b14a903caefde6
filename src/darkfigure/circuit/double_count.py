"""The double count: of the people seen in each city, how many were seen in others too.

Three cities that add up their people count whoever was seen in all of them three times. This is
about people who were seen: of the unseen, a model must tell.

What is shown of it hides small counts, and those with which a reader could tell a small one: of
cities, and of pairs of cities, so many are hidden that not even their sum would tell one of them.
All cities' numbers and that of different people say how many must have been seen in two cities; so
a linear programme tries whether each hidden pair may still have nobody. How many of the people of a
city were seen elsewhere is then told of the shown pairs, as "at least". If hardly anybody was seen
in two cities, or the programme finds a hidden pair out, nothing is shown but how many people there
are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_array

from darkfigure.circuit.histories import Histories
from darkfigure.disclosure import SMALLEST_COUNT, held_back
from darkfigure.errors import InputError

Ints = npt.NDArray[np.int64]

NUDGE = 1e-3  # of a linear programme for one pair towards the others, too small to keep it off


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
    many : frozenset of tuple of int
        The combinations of four cities or more that anybody was seen in. They are not for showing.
    """

    cities: tuple[str, ...]
    people: int
    seen: Ints
    elsewhere: Ints
    both: Ints
    several: int
    many: frozenset[tuple[int, ...]] = field(default=frozenset(), repr=False)

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
            that say what was hidden.

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
        hidden = [pair for pair in inside if pair not in told]
        if (
            size > 1
            and smallest_count > 1
            and not (self.several >= smallest_count and self._safe(off, hidden, smallest_count))
        ):
            off, told = frozenset(range(size)), set()
        exact = len(told) == len(pairs)
        least = [max([int(self.both[p]) for p in told if r in p], default=0) for r in range(size)]
        cities = []
        for r, city in enumerate(self.cities):
            elsewhere = int(self.elsewhere[r]) if exact else least[r] or None
            entry = {"city": city, "seen": int(self.seen[r]), "elsewhere": elsewhere}
            if r in off:
                entry |= {"seen": None, "elsewhere": None}
            cities.append(entry | {"at_least": not exact, "hidden": r in off})
        return {
            "people": self.people,
            "naive": None if off else self.naive,
            "cities": cities,
            "pairs": [
                {
                    "a": self.cities[r],
                    "b": self.cities[s],
                    "both": int(self.both[r, s]) if (r, s) in told else None,
                    "hidden": (r, s) not in told,
                }
                for r, s in pairs
            ],
            "hidden": self._sentences(off, exact, smallest_count),
        }

    def _safe(self, off: frozenset[int], hidden: list[tuple[int, int]], smallest: int) -> bool:
        """Whether each hidden pair may have nobody, and `smallest` - 1, for all that is told.

        Linear programmes over the numbers of people seen in just these cities: one, two or three,
        or more as far as anybody was. Other combinations would leave a reader more possibilities,
        not fewer. Each programme tries for one pair, and for all that are left where it can.
        """
        if not hidden:
            return True
        shown = [r for r in range(len(self.cities)) if r not in off]
        kinds = [set(each) for k in (1, 2, 3) for each in itertools.combinations(shown, k)]
        kinds += [set(kind) - off for kind in self.many]
        kinds += [set()] * bool(off)  # seen in hidden cities alone
        there = np.array([[r in kind for kind in kinds] for r in range(len(self.cities))], float)
        pairs = list(itertools.combinations(shown, 2))
        told = [pair for pair in pairs if pair not in hidden]
        inside = np.array([there[r] * there[s] for r, s in hidden])
        # as if the reader knew their sum too, and that none is larger than any that is shown
        rows = [np.ones(len(kinds)), inside.sum(axis=0), *there[shown]]
        rows += [there[r] * there[s] for r, s in told]
        sums = [self.people, sum(self.both[pair] for pair in hidden), *self.seen[shown]]
        sums += [self.both[pair] for pair in told]
        most = np.full(len(hidden), min((self.both[pair] for pair in told), default=self.people))
        of = csr_array(inside), most, csr_array(np.array(rows)), np.array(sums)
        left = np.ones((2, len(hidden)), bool)  # to have nobody, and to have almost enough
        while left.any():
            way, pair = np.argwhere(left)[0]
            pull = NUDGE * (left[0].astype(float) - left[1])
            pull[pair] = 1.0 - 2.0 * way
            found = linprog(pull @ inside, *of)
            if found.status != 0:
                return False
            values = inside @ found.x
            reached = np.array([values < 0.5, values > smallest - 1.5])
            if not reached[way, pair]:
                return False
            left &= ~reached
        return True

    def _sentences(self, off: frozenset[int], exact: bool, smallest: int) -> list[str]:
        few = f"fewer than {smallest} people, or nobody,"
        if off == frozenset(range(len(self.cities))):
            return [
                f"How many people were seen in which city is not shown: {few} were seen in two "
                "cities, or in one of them."
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
    wide = frozenset(tuple(np.flatnonzero(row).tolist()) for row in there[number > 3])
    return DoubleCount(
        histories.cities,
        histories.people,
        weighted.sum(axis=0),
        weighted[many].sum(axis=0),
        there.T @ weighted,
        int(histories.freq[many].sum()),
        wide,
    )
