"""Names of cities as they stand in a file: what is none, and what is one city in two ways.

Pseudonyms, dates and addresses look like names of cities to a reader of tables; taken for cities
they would be told as such.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

OF_A_PERSON = {
    *("person", "id", "name", "case", "pseudonym", "client", "identifier", "dob"),
    *("sex", "gender", "age", "race", "nationality"),
}
"""Words that are in the header of no occasion."""
MOST_CITIES = 60
"""More are no cities but addresses, or pseudonyms."""
ALIKE = 0.8  # of two words, by difflib: 'Sacramento' and 'Sacremento'

_WHOLE = re.compile(r"[0-9]+")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")


def in_order(cities: Iterable[str]) -> tuple[str, ...]:
    """Numbers by their size, then words by the alphabet."""

    def rank(city: str) -> tuple[int, int, str]:
        return (0, int(city), "") if _WHOLE.fullmatch(city) else (1, 0, city)

    return tuple(sorted(cities, key=rank))


def of_people(
    header: Sequence[str], rows: Sequence[tuple[int, list[str]]], *, one_each: bool
) -> set[int]:
    """Which columns tell people or days apart, by their names or by what stands in them.

    A city is in several columns, and where one column has its own that is a year in which other
    cities were watched, called as other years are; but pseudonyms, days and towns beside each other
    have each their own. A whole number that no two rows share counts the rows, if each row is one
    person.
    """
    cells = [[row[i] for _, row in rows] for i in range(len(header))]
    entries = [set(column) - {"0", ""} for column in cells]
    forms = [re.sub("[0-9]+", "#", name) for name in header]
    alone = {i for i, form in enumerate(forms) if forms.count(form) == 1}
    found = {
        i
        for i, name in enumerate(header)
        if OF_A_PERSON & set(re.findall("[a-z0-9]+", name))
        or any(map(_DATE.fullmatch, entries[i]))
        or (
            one_each
            and i in alone
            and 4 < len(cells[i]) == len(entries[i])
            and all(map(_WHOLE.fullmatch, entries[i]))
        )
    }
    apart = {
        i
        for i, some in enumerate(entries)
        if some and not any(some & other for j, other in enumerate(entries) if j != i)
    }
    strange = apart if len(apart | found) > 1 else apart & alone
    return found | {i for i in strange if len(entries[i]) > 2}


def faults(cities: Sequence[str], *, named: bool) -> Iterator[str]:
    """What is wrong with names of cities: two that are one city, or more than there can be.

    Examples
    --------
    >>> [each.split(";")[0] for each in faults(["Reno", "reno"], named=False)]
    ["'Reno' and 'reno' differ in capitals or spaces only"]
    """
    written: dict[str, str] = {}
    for city in cities:
        other = written.setdefault(" ".join(city.casefold().split()), city)
        if other != city:
            yield (
                f"'{other}' and '{city}' differ in capitals or spaces only; write the city in one "
                "way, or it is counted as two."
            )
    if len(cities) > MOST_CITIES and not named:
        yield (
            f"There are {len(cities):,} cities; {MOST_CITIES} are the most unless they are named. "
            "If these are addresses, or tell people apart, write the city instead."
        )


def nearly_alike(cities: Sequence[str]) -> list[str]:
    """Which names may be one city's: but for one long word they are the same, and that nearly."""

    def alike(a: str, b: str) -> bool:
        words = [each.casefold().split() for each in (a, b)]
        if len(words[0]) != len(words[1]):
            return False
        other = [(x, y) for x, y in zip(*words, strict=True) if x != y]
        return (
            len(other) == 1
            and min(map(len, other[0])) > 4
            and not re.search("[0-9]", "".join(other[0]))
            and SequenceMatcher(None, *other[0]).ratio() >= ALIKE
        )

    pairs = [f"'{a}' and '{b}'" for a, b in itertools.combinations(cities, 2) if alike(a, b)]
    if not pairs:
        return []
    return [f"Is it one city that is written as {', or '.join(pairs)}? They are counted as two."]
