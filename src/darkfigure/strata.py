"""Strata: how many people of each kind are on exactly which lists, where some kinds are not known.

A kind is a value for each of a few variables, such as sex, age and form of exploitation, by which
SDG indicator 16.2.2 asks for victims to be counted. Agencies leave such cells empty, so a value may
be missing; nobody is left out for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories

MAX_VALUES = 200
"""Of one variable; more of them is a number of a person or a date, and tells people apart."""

MAX_STRATA = 10_000

MISSING = frozenset(
    {"", "?", "-", ".", "na", "n/a", "nan", "null", "missing", "unknown", "not known", "not stated"}
)
"""What stands in a cell whose value is not known, in lower case."""

Kind = tuple[str | None, ...]
"""A value for each variable, None where it is not known."""


@dataclass(frozen=True, eq=False)
class Strata:
    """Counts of people by kind and by the exact combination of lists they are on.

    Parameters
    ----------
    lists : sequence of str
        The names of the K lists, 2 to 20, all different.
    by : sequence of str
        The names of the variables, one or more.
    kinds : sequence of tuple of str or None, length rows
        For each row a value of each variable; None, or a text of `MISSING`, where it is not known.
    masks : array of int, shape (rows,)
        Which lists the people of the row are on: bit j for `lists[j]`, at least one.
    counts : array of int, shape (rows,)
        How many people the row stands for. Rows that agree are added up, and their order does not
        matter.
    notes : iterable of str
        What a reader of any result should know about how these counts came to be.
    draws : array of int, shape (M, rows), optional
        The counts as they would be under M draws of who is who; see `CaptureHistories`.

    Raises
    ------
    InputError
        For no variable or one named twice, more than 200 values of one, a variable that is known of
        nobody, more than 10,000 kinds, a mask of no list, or counts that are negative.

    Examples
    --------
    >>> kinds = [("f",), ("m",), (None,), ("f",)]
    >>> s = Strata(["police", "shelter"], ["sex"], kinds, [1, 1, 3, 2], [40, 30, 5, 12])
    >>> s.observed, s.missing, s.split()["f",].counts[1:]
    (87, {'sex': 5}, array([40, 12,  0]))
    """

    lists: tuple[str, ...]
    by: tuple[str, ...]
    kinds: tuple[Kind, ...]
    masks: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()
    draws: npt.NDArray[np.int64] | None = None

    def __init__(
        self,
        lists: Sequence[str],
        by: Sequence[str],
        kinds: Sequence[Kind],
        masks: npt.ArrayLike,
        counts: npt.ArrayLike,
        notes: Iterable[str] = (),
        draws: npt.ArrayLike | None = None,
    ) -> None:
        names = tuple(str(name) for name in by)
        if not names or len(set(names)) < len(names):
            raise InputError(
                "Name the columns to split by, each once, such as the sex and the age."
            )
        rows = [
            tuple(None if v is None or v.strip().lower() in MISSING else v.strip() for v in kind)
            for kind in kinds
        ]
        mask, number = np.asarray(masks, np.int64), np.asarray(counts, np.int64)
        drawn = None if draws is None else np.asarray(draws, np.int64)
        if any(len(row) != len(names) for row in rows) or mask.shape != (len(rows),):
            raise InputError(f"Each row needs a mask and a value of {', '.join(names)}.")
        if np.any(mask < 1) or np.any(mask >= 1 << len(lists)):
            raise InputError("A row is on no list at all; nobody can have counted such people.")
        most = number if drawn is None else np.maximum(number, drawn.max(axis=0))
        if np.any(number < 0) or np.any(most < 0):
            raise InputError("Counts of people cannot be negative.")
        keys = [(_sortable(row), int(m)) for row, m in zip(rows, mask.tolist(), strict=True)]
        order = sorted({key for key, n in zip(keys, most.tolist(), strict=True) if n})
        place = {key: i for i, key in enumerate(order)}
        kept = [i for i, n in enumerate(most.tolist()) if n]
        to = np.array([place[keys[i]] for i in kept], np.int64)

        def gathered(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            sums = np.zeros((len(order), *values.shape[:-1]), np.int64)
            np.add.at(sums, to, values[..., kept].T)
            found = np.ascontiguousarray(sums.T)
            found.flags.writeable = False
            return found

        distinct = tuple(tuple(v for _, v in key) for key, _ in order)
        for j, name in enumerate(names):
            values = {kind[j] for kind in distinct} - {None}
            if not values and distinct:
                raise InputError(
                    f"'{name}' is known of nobody; the people cannot be split by it. Leave it out."
                )
            if len(values) > MAX_VALUES:
                raise InputError(
                    f"'{name}' has more than {MAX_VALUES} different values; split by columns with "
                    "few, such as ten-year bands of age."
                )
        if len(set(distinct)) > MAX_STRATA:
            raise InputError(
                f"More than {MAX_STRATA:,} kinds of people; split by fewer columns, or by columns "
                "with fewer values."
            )
        object.__setattr__(self, "lists", tuple(str(name) for name in lists))
        object.__setattr__(self, "by", names)
        object.__setattr__(self, "kinds", distinct)
        object.__setattr__(self, "masks", np.array([m for _, m in order], np.int64))
        object.__setattr__(self, "counts", gathered(number))
        object.__setattr__(self, "notes", tuple(notes))
        object.__setattr__(self, "draws", None if drawn is None else gathered(drawn))
        _ = self.whole  # refuses what cannot be counts over lists

    @property
    def observed(self) -> int:
        """The number of different people on at least one list."""
        return int(self.counts.sum())

    @property
    def missing(self) -> dict[str, int]:
        """For each variable the number of people of whom it is not known.

        Examples
        --------
        >>> Strata("ab", ["sex"], [("f",), ("unknown",)], [1, 2], [5, 3]).missing
        {'sex': 3}
        """
        return {
            name: int(self.counts[[kind[j] is None for kind in self.kinds]].sum())
            for j, name in enumerate(self.by)
        }

    @property
    def whole(self) -> CaptureHistories:
        """The counts of all people together, with the draws of who is who."""
        return self._histories(np.arange(len(self.masks)))

    @property
    def fingerprint(self) -> str:
        """A hash of lists, variables and counts: equal for equal data, whatever the order of rows.

        Examples
        --------
        >>> one = Strata("ab", ["sex"], [("f",), ("m",)], [1, 2], [5, 3])
        >>> one.fingerprint == Strata("ab", ["sex"], [("m",), ("f",)], [2, 1], [3, 5]).fingerprint
        True
        """
        digest = hashlib.sha256(repr((self.lists, self.by, self.kinds)).encode())
        for array in (self.masks, self.counts, self.draws):
            digest.update(b"" if array is None else array.astype("<i8").tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        kinds = len(set(self.kinds))
        return f"<Strata: {self.observed:,} people of {kinds:,} kinds, by {', '.join(self.by)}>"

    def split(self, by: Sequence[str] | None = None) -> dict[Kind, CaptureHistories]:
        """The counts of each kind of people, by all variables or some of them.

        People of whom a value is missing are a kind of their own, with None for it.

        Raises
        ------
        InputError
            If there is no such variable.

        Examples
        --------
        >>> kinds = [("f", "young"), ("f", "old"), ("m", "old")]
        >>> s = Strata(["a", "b"], ["sex", "age"], kinds, [1, 3, 2], [9, 4, 7])
        >>> {kind: h.observed for kind, h in s.split(["sex"]).items()}
        {('f',): 13, ('m',): 7}
        """
        margin = self if by is None else self.margin(by)
        rows: dict[Kind, list[int]] = {}
        for i, kind in enumerate(margin.kinds):
            rows.setdefault(kind, []).append(i)
        return {kind: margin._histories(np.array(own)) for kind, own in rows.items()}

    def margin(self, by: Sequence[str]) -> Strata:
        """The same people by fewer variables, or in another order of them.

        Raises
        ------
        InputError
            If there is no such variable.
        """
        for name in by:
            if name not in self.by:
                known = ", ".join(map(repr, self.by))
                raise InputError(f"There is no column '{name}' to split by; there are {known}.")
        at = [self.by.index(name) for name in by]
        kinds = [tuple(kind[j] for j in at) for kind in self.kinds]
        rest = self.masks, self.counts, self.notes, self.draws
        return Strata(self.lists, by, kinds, *rest)

    def _histories(self, rows: npt.NDArray[np.int64]) -> CaptureHistories:
        def over_masks(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            total = np.zeros((1 << len(self.lists), *counts.shape[:-1]), np.int64)
            np.add.at(total, self.masks[rows], counts[..., rows].T)
            return total.T

        draws = None if self.draws is None else over_masks(self.draws)
        return CaptureHistories(self.lists, over_masks(self.counts), self.notes, draws)


def _sortable(kind: Kind) -> tuple[tuple[bool, str | None], ...]:
    """In the order of the values, those that are not known last."""
    return tuple((value is None, value) for value in kind)
