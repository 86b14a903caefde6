"""Capture histories: how many people are on exactly this combination of lists.

K lists make 2**K combinations, written as bit masks: bit j is set when a person is on list j. The
count of mask 0, the people on no list, is what nobody knows and everybody wants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError

MAX_LISTS = 20

UNKNOWN = int(np.iinfo(np.int64).min)
"""What entry 0 of `counts` holds. So far from zero that a sum which forgets it is absurd, not wrong
by a little."""


@dataclass(frozen=True, eq=False)
class CaptureHistories:
    """Counts of people by the exact combination of lists they are on.

    Parameters
    ----------
    lists : sequence of str
        The names of the K lists, 2 to 20, all different.
    counts : array of int, shape (2**K,)
        `counts[m]` is the number of people on exactly the lists whose bits are set in `m` (bit j
        for `lists[j]`), zero or more. Entry 0 is unknown: whatever is given there is ignored and
        `UNKNOWN` is stored.
    notes : tuple of str
        What a reader of any result should know about how these counts came to be.
    draws : array of int, shape (M, 2**K), optional
        The counts as they would be under M draws of who is who, where that was found by linking
        records and is not certain. `counts` is then the most probable of all. Every estimator
        takes them into its interval.

    Raises
    ------
    InputError
        For fewer than 2 or more than 20 lists, a name used twice, a wrong number of counts, or
        counts that are negative or not whole.

    Examples
    --------
    >>> h = CaptureHistories(["police", "shelter"], [0, 40, 30, 12])
    >>> h.observed, h.size_of("police"), h.shared("police", "shelter")
    (82, 52, 12)
    """

    lists: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()
    draws: npt.NDArray[np.int64] | None = None

    def __init__(
        self,
        lists: Sequence[str],
        counts: npt.ArrayLike,
        notes: Iterable[str] = (),
        draws: npt.ArrayLike | None = None,
    ) -> None:
        names = tuple(str(name) for name in lists)
        if len(names) < 2:
            raise InputError(
                f"There {'is only one list' if names else 'are no lists'}; at least two lists that "
                "can share people are needed to estimate how many are on none."
            )
        if len(names) > MAX_LISTS:
            raise InputError(
                f"There are {len(names)} lists; {MAX_LISTS} is the most. Merge lists of the same "
                "kind of agency, or leave the smallest out."
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"The list name '{twice[0]}' is used more than once; give each list its own name."
            )
        given = np.asarray(counts)
        if given.shape != (2 ** len(names),):
            raise InputError(
                f"{len(names)} lists make {2 ** len(names)} combinations, entry 0 included, but "
                f"the counts have shape {given.shape}."
            )
        drawn = None if draws is None else np.asarray(draws)
        if drawn is not None and (drawn.ndim != 2 or drawn.shape[1:] != given.shape):
            raise InputError(
                f"Draws of counts over {len(names)} lists have shape (draws, {2 ** len(names)}), "
                f"not {drawn.shape}."
            )
        object.__setattr__(self, "lists", names)
        object.__setattr__(self, "counts", _people(given))
        object.__setattr__(self, "notes", tuple(notes))
        object.__setattr__(self, "draws", None if drawn is None else _people(drawn))

    @classmethod
    def from_patterns(
        cls,
        lists: Sequence[str],
        patterns: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        notes: Iterable[str] = (),
    ) -> CaptureHistories:
        """Build from rows of 0/1, one column per list.

        Parameters
        ----------
        lists : sequence of str
            The K names, in the order of the columns.
        patterns : array of 0/1, shape (rows, K)
            Which lists the people of each row are on. No row may be all zero.
        counts : array of int, shape (rows,), optional
            How many people each row stands for; one each when left out. Rows with the same pattern
            are added up.
        notes : iterable of str
            Carried along to every result.

        Raises
        ------
        InputError
            As for the class, and for a row that is all zero.

        Examples
        --------
        >>> people = [[1, 0], [1, 1], [0, 1], [0, 1]]
        >>> CaptureHistories.from_patterns(["police", "shelter"], people).counts[1:]
        array([1, 2, 1])
        """
        rows = np.asarray(patterns, dtype=np.int64).reshape(-1, len(lists))
        if not np.all((rows == 0) | (rows == 1)):
            raise InputError("The patterns must be 0 (not on the list) or 1 (on the list).")
        masks = rows @ (1 << np.arange(len(lists), dtype=np.int64))
        if np.any(masks == 0):
            raise InputError("A row is on no list at all; nobody can have counted such people.")
        weights = np.ones(len(rows), np.int64) if counts is None else np.asarray(counts)
        if np.any(weights != weights.astype(np.int64)):
            raise InputError("Counts of people must be whole numbers, and none may be missing.")
        total = np.zeros(1 << len(lists), np.int64)
        np.add.at(total, masks, weights.astype(np.int64))
        return cls(lists, total, notes)

    @property
    def observed(self) -> int:
        """The number of different people on at least one list."""
        return int(self.counts[1:].sum())

    @property
    def known(self) -> npt.NDArray[np.float64]:
        """The counts as floats, shape (2**K,), with 0 in place of the unknown entry 0."""
        known = self.counts.astype(np.float64)
        known[0] = 0.0
        return known

    @property
    def fingerprint(self) -> str:
        """A hash of the lists and counts: equal for equal data, whatever file it came from."""
        digest = hashlib.sha256("\x1f".join(self.lists).encode())
        digest.update(self.counts[1:].astype("<i8").tobytes())
        if self.draws is not None:
            digest.update(self.draws[:, 1:].astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def settled(self) -> CaptureHistories:
        """The same counts as if it were certain who is who, without draws."""
        return CaptureHistories(self.lists, self.counts, self.notes)

    def each_draw(self) -> list[CaptureHistories]:
        """The counts under each draw of who is who, or the counts alone where that is certain.

        Examples
        --------
        >>> h = CaptureHistories(["a", "b"], [0, 3, 4, 5], draws=[[0, 3, 4, 5], [0, 4, 5, 4]])
        >>> [each.observed for each in h.each_draw()]
        [12, 13]
        """
        if self.draws is None:
            return [self]
        return [CaptureHistories(self.lists, counts, self.notes) for counts in self.draws]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CaptureHistories):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {self.size_of(name):,}" for name in self.lists)
        return f"<CaptureHistories: {self.observed:,} people on {len(self.lists)} lists ({sizes})>"

    def _bit(self, name: str) -> int:
        if name not in self.lists:
            raise InputError(
                f"There is no list '{name}'; the lists are {', '.join(map(repr, self.lists))}."
            )
        return self.lists.index(name)

    def size_of(self, name: str) -> int:
        """How many people are on the list `name`, whatever else they are on.

        Examples
        --------
        >>> CaptureHistories(["a", "b"], [0, 3, 4, 5]).size_of("a")
        8
        """
        return self.shared(name, name)

    def shared(self, first: str, second: str) -> int:
        """How many people are on both lists, whatever else they are on.

        Examples
        --------
        >>> CaptureHistories(["a", "b"], [0, 3, 4, 5]).shared("a", "b")
        5
        """
        both = (1 << self._bit(first)) | (1 << self._bit(second))
        masks = np.arange(1, self.counts.size)
        return int(self.counts[1:][masks & both == both].sum())

    def sharing_nobody(self) -> list[tuple[str, str]]:
        """Every pair of lists that has not one person in common.

        Examples
        --------
        >>> CaptureHistories(["a", "b"], [0, 3, 4, 0]).sharing_nobody()
        [('a', 'b')]
        """
        return [
            (a, b)
            for i, a in enumerate(self.lists)
            for b in self.lists[i + 1 :]
            if self.shared(a, b) == 0
        ]

    def people_on(self, number: int) -> int:
        """How many people are on exactly `number` lists (1 to K).

        Examples
        --------
        >>> CaptureHistories(["a", "b"], [0, 3, 4, 5]).people_on(2)
        5
        """
        sizes = np.bitwise_count(np.arange(1, self.counts.size))
        return int(self.counts[1:][sizes == number].sum())

    def drop(self, name: str) -> CaptureHistories:
        """The counts as they would be had the list `name` never been kept.

        People on no other list vanish from sight.

        Raises
        ------
        InputError
            If there is no such list, or fewer than two would be left.

        Examples
        --------
        >>> CaptureHistories(["a", "b", "c"], [0, 3, 4, 5, 0, 1, 0, 0]).drop("c").counts[1:]
        array([4, 4, 5])
        """
        bit = self._bit(name)
        masks = np.arange(1, self.counts.size)
        return self._regrouped(
            [other for other in self.lists if other != name],
            (masks & ((1 << bit) - 1)) | (masks >> (bit + 1) << bit),
        )

    def merge(self, names: Sequence[str], into: str) -> CaptureHistories:
        """The counts with several lists taken as one: a person is on it who is on any of them.

        The merged list comes last.

        Raises
        ------
        InputError
            If a list does not exist or fewer than two lists would be left.

        Examples
        --------
        >>> h = CaptureHistories(["a", "b", "c"], [0, 3, 4, 5, 1, 1, 0, 0])
        >>> h.merge(["a", "b"], into="ab").counts[1:]  # c only, ab only, both
        array([ 1, 12,  1])
        """
        together = sum(1 << self._bit(name) for name in names)
        rest = [name for name in self.lists if name not in names]
        masks = np.arange(1, self.counts.size)
        moved = np.zeros_like(masks)
        for j, name in enumerate(rest):
            moved |= (masks >> self._bit(name) & 1) << j
        moved |= ((masks & together) > 0).astype(np.int64) << len(rest)
        return self._regrouped([*rest, into], moved)

    def given(self, name: str) -> CaptureHistories:
        """Only the people on the list `name`, by the other lists they are on.

        Their true number is known, `size_of(name)`, so an estimator run on what is returned can be
        held against it (Binette & Steorts 2022).

        Raises
        ------
        InputError
            If there is no such list, or fewer than two others.

        Examples
        --------
        >>> h = CaptureHistories(["a", "b", "c"], [0, 3, 4, 5, 1, 1, 0, 2])
        >>> h.given("c").observed, h.size_of("c")
        (3, 4)
        """
        off = (np.arange(self.counts.size) >> self._bit(name) & 1) == 0
        kept = np.where(off, 0, self.counts)
        draws = None if self.draws is None else np.where(off, 0, self.draws)
        return CaptureHistories(self.lists, kept, self.notes, draws).drop(name)

    def _regrouped(self, lists: Sequence[str], masks: npt.NDArray[np.int64]) -> CaptureHistories:
        """The counts over other lists; `masks[i]` is where the people of mask i + 1 go."""

        def moved(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            total = np.zeros((1 << len(lists), *counts.shape[:-1]), np.int64)
            np.add.at(total, masks, counts[..., 1:].T)
            return total.T

        draws = None if self.draws is None else moved(self.draws)
        return CaptureHistories(lists, moved(self.counts), self.notes, draws)

    def rows(self) -> list[dict[str, int]]:
        """One mapping per combination that somebody is on: 0/1 for each list, then `count`.

        Examples
        --------
        >>> CaptureHistories(["a", "b"], [0, 3, 0, 5]).rows()
        [{'a': 1, 'b': 0, 'count': 3}, {'a': 1, 'b': 1, 'count': 5}]
        """
        return [
            {name: int(mask) >> j & 1 for j, name in enumerate(self.lists)}
            | {"count": int(self.counts[mask])}
            for mask in range(1, self.counts.size)
            if self.counts[mask] > 0
        ]


def _people(given: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Counts of people as they are kept, entry 0 of each table unknown."""
    values = given[..., 1:]
    if not np.issubdtype(values.dtype, np.integer):
        numbers = values.astype(np.float64)
        if not np.all(np.isfinite(numbers)) or np.any(numbers != np.floor(numbers)):
            raise InputError("Counts of people must be whole numbers, and none may be missing.")
    if np.any(values < 0):
        raise InputError("Counts of people cannot be negative.")
    stored = np.empty(given.shape, np.int64)
    stored[..., 0] = UNKNOWN
    stored[..., 1:] = values
    stored.flags.writeable = False
    return stored
