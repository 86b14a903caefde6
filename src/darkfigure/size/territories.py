"""Territories: in which strata, cities or years, each list works at all.

A list that does not work in a city can hold nobody there. That nobody is counted on it is then no
zero, which would say that it looked and found nobody: the count is structurally missing (Zwane, van
der Pal-de Bruin & van der Heijden 2004).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError, Problem
from darkfigure.histories import CaptureHistories
from darkfigure.strata import Strata
from darkfigure.table_file import rows_of

EVERYWHERE = "all"
"""In place of a value: whatever it is."""

FEW = 5
"""Fewer people than this are not told as a number."""

Where = str | Iterable[str | Sequence[str]]
"""Strata by their value, or by a value of each variable; or all of them."""


@dataclass(frozen=True, eq=False)
class Territories:
    """Counts by stratum, and which lists work there.

    Attributes
    ----------
    lists : tuple of str
        The K lists.
    kinds : tuple of tuple of str
        The S strata that somebody was seen in, in order.
    works : array of int, shape (S,)
        The lists that work in each stratum, as a bit mask: bit j for `lists[j]`.
    counts : array of float, shape (S, 2**K)
        People by stratum and by the lists they are on; 0 for what cannot be counted.
    """

    lists: tuple[str, ...]
    kinds: tuple[tuple[str, ...], ...]
    works: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float64]

    @classmethod
    def of(cls, strata: Strata, where: Mapping[str, Where]) -> Territories:
        """The counts with their territories, held against each other.

        Parameters
        ----------
        strata : Strata
            Counts by city, by period, or both. The stratum of everybody is known.
        where : mapping of str to 'all' or iterable
            For each list the strata it works in: values of the variable, or tuples with one of
            each variable. The value 'all' stands for every one.

        Raises
        ------
        InputError
            For a list without a territory or that does not exist, a stratum in which nobody was
            seen or no list works, somebody on a list outside its territory, or somebody whose
            stratum is not known. Of several problems all are told.

        Examples
        --------
        >>> kinds = [("North",), ("North",), ("North",), ("South",), ("South",), ("South",)]
        >>> s = Strata(["police", "shelter", "clinic"], ["city"], kinds, [1, 2, 3, 2, 4, 6],
        ...            [40, 30, 12, 25, 20, 8])
        >>> t = Territories.of(s, {"police": ["North"], "shelter": "all", "clinic": ["South"]})
        >>> [t.names(s) for s in range(2)]
        [('police', 'shelter'), ('shelter', 'clinic')]
        >>> Territories.of(s, {"police": "all", "shelter": "all", "clinic": ["North"]})
        Traceback (most recent call last):
        ...
        darkfigure.errors.InputError: 28 people in South are on the list 'clinic', ...
        """
        for name, people in strata.missing.items():
            if people:
                raise InputError(
                    f"'{name}' is not known of {_number(people)}; without it nobody can tell which "
                    "lists could have met them. Fill it in, or leave these people out."
                )
        split = strata.split()
        kinds = tuple(tuple(str(value) for value in kind) for kind in sorted(split, key=str))
        problems: list[str] = []
        works = np.zeros(len(kinds), np.int64)
        patterns = {name: _patterns(given, strata.by) for name, given in where.items()}
        for name, of_list in patterns.items():
            if name not in strata.lists:
                near = _like(name, strata.lists)
                problems.append(
                    f"There is no list '{name}' in the table, or nobody is on it{near}; the lists "
                    f"are {', '.join(map(repr, strata.lists))}."
                )
                continue
            for pattern in of_list:
                inside = [_matches(pattern, kind) for kind in kinds]
                if not any(inside):
                    told = ", ".join(pattern)
                    near = _like(told, [", ".join(kind) for kind in kinds])
                    problems.append(
                        f"The list '{name}' is said to work in '{told}', where the table has "
                        f"nobody{near}. Mend the name, or leave it out."
                    )
                works[inside] |= 1 << strata.lists.index(name)
        problems += [
            f"Nothing is said of where the list '{name}' works; name its strata, or 'all'."
            for name in strata.lists
            if not patterns.get(name)
        ]
        if problems:
            raise InputError(problems)
        tables = [split[kind] for kind in sorted(split, key=str)]
        for s, kind in enumerate(kinds):
            if not works[s]:
                problems.append(
                    f"No list works in {', '.join(kind)}, yet people were seen there; say which "
                    "lists do, or leave the stratum out."
                )
                continue
            problems += [
                f"{_number(people, capital=True)} in {', '.join(kind)} are on the list '{name}', "
                "which does not work there. Widen its territory, or mend where they were seen."
                for j, name in enumerate(strata.lists)
                if not works[s] >> j & 1 and (people := tables[s].size_of(name))
            ]
        if problems:
            raise InputError(problems)
        return cls(strata.lists, kinds, works, np.array([table.known for table in tables]))

    def names(self, stratum: int) -> tuple[str, ...]:
        """The lists that work in a stratum."""
        return tuple(n for j, n in enumerate(self.lists) if self.works[stratum] >> j & 1)

    @property
    def observed(self) -> npt.NDArray[np.int64]:
        """People seen, by stratum, shape (S,)."""
        return np.asarray(self.counts.sum(axis=1), np.int64)

    @property
    def whole(self) -> CaptureHistories:
        """All people together, as if every list worked everywhere."""
        return CaptureHistories(self.lists, self.counts.sum(axis=0).astype(np.int64))

    def parts(self) -> list[Territories]:
        """The strata in groups that are linked by a list that works in both, in order.

        Examples
        --------
        >>> works = np.array([0b011, 0b110, 0b011])
        >>> t = Territories(("a", "b", "c"), (("1",), ("2",), ("3",)), works, np.ones((3, 8)))
        >>> len(t.parts())
        1
        """
        groups: list[tuple[int, list[int]]] = []
        for s, mask in enumerate(self.works.tolist()):
            linked = [group for group in groups if group[0] & mask]
            union = functools.reduce(operator.or_, (lists for lists, _ in linked), mask)
            members = sorted([s, *(i for _, of in linked for i in of)])
            groups = [*(group for group in groups if group not in linked), (union, members)]
        return [self._only(of) for _, of in sorted(groups, key=lambda group: group[1])]

    def _only(self, of: Sequence[int]) -> Territories:
        """Some strata, and the lists that work in any of them."""
        union = functools.reduce(operator.or_, (int(self.works[s]) for s in of))
        keep = [j for j in range(len(self.lists)) if union >> j & 1]
        masks = np.arange(1 << len(keep))
        old = np.zeros_like(masks)
        rows = np.array(of, np.int64)
        works = np.zeros(len(of), np.int64)
        for new, j in enumerate(keep):
            old |= (masks >> new & 1) << j
            works |= (self.works[rows] >> j & 1) << new
        return Territories(
            tuple(self.lists[j] for j in keep),
            tuple(self.kinds[s] for s in of),
            works,
            self.counts[np.ix_(rows, old)],
        )


def read_territories(path: str, by: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """Read which list works where from a CSV file.

    Parameters
    ----------
    path : str
        One row for each list and stratum. The columns are `list` and the variables; with a single
        variable its column may be called `stratum`. A cell `all`, or an empty one, stands for every
        value.
    by : sequence of str
        The variables.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column, with the line.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "territories.csv")
    ...     _ = file.write_text("list,city\\npolice,North\\nshelter,all\\n")
    ...     read_territories(str(file), ["city"])
    {'police': [('North',)], 'shelter': [('all',)]}
    """
    rows = list(rows_of(path))
    if not rows:
        raise InputError(Problem("The file is empty; it needs a header and rows.", file=path))
    line, header = rows[0]
    if len(by) == 1 and by[0] not in header:
        header = [by[0] if name.lower() == "stratum" else name for name in header]
    wanted = ["list", *by]
    lacking = [name for name in wanted if name not in header]
    if lacking:
        message = (
            f"There is no column '{lacking[0]}'; the file says in which strata each list works, in "
            f"the columns {', '.join(wanted)}."
        )
        raise InputError(Problem(message, file=path, line=line))
    at = [header.index(name) for name in wanted]
    where: dict[str, list[tuple[str, ...]]] = {}
    problems: list[str | Problem] = []
    for line, cells in rows[1:]:
        if len(cells) != len(header) or not cells[at[0]]:
            message = f"A list and its stratum were expected, {len(header)} cells in all."
            problems.append(Problem(message, file=path, line=line))
            continue
        where.setdefault(cells[at[0]], []).append(tuple(cells[i] or EVERYWHERE for i in at[1:]))
    if problems:
        raise InputError(problems)
    return where


def _patterns(strata_of: Where, by: Sequence[str]) -> list[tuple[str, ...]]:
    if isinstance(strata_of, str):
        strata_of = [strata_of]
    found = []
    for each in strata_of:
        pattern = (each,) if isinstance(each, str) else tuple(each)
        if pattern == (EVERYWHERE,):
            pattern = (EVERYWHERE,) * len(by)
        if len(pattern) != len(by):
            raise InputError(
                f"'{', '.join(pattern)}' is no stratum; give a value of each of {', '.join(by)}."
            )
        found.append(pattern)
    return found


def _matches(pattern: Sequence[str], kind: Sequence[str]) -> bool:
    return all(p in (EVERYWHERE, value) for p, value in zip(pattern, kind, strict=True))


def _like(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _number(people: int, *, capital: bool = False) -> str:
    if people >= FEW:
        return f"{people:,} people"
    return f"{'F' if capital else 'f'}ewer than {FEW} people"
