"""Occasions: the time watched, cut into equal spans, and single sightings pooled over them."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.errors import InputError, Problem

Every = Literal["week", "month", "quarter", "year"] | int
Several = Literal["none", "first", "last"]

MANY = 5  # times the smallest count, on some occasion: then so few on another are remarkable


@dataclass(frozen=True)
class Occasions:
    """Equal spans of the time watched, and what counts of who was in several cities in one."""

    every: Every
    start: date | None
    end: date | None
    several: Several
    today: date

    def __post_init__(self) -> None:
        lengths = ("week", "month", "quarter", "year")
        days = isinstance(self.every, int) and not isinstance(self.every, bool) and self.every > 0
        if not days and self.every not in lengths:
            raise InputError(
                f"An occasion is a {', '.join(lengths)} or a number of days, not '{self.every}'."
            )
        if self.several not in ("none", "first", "last"):
            raise InputError(
                "Of several cities in one occasion 'none', 'first' or 'last' counts, not "
                f"'{self.several}'."
            )
        if self.end and self.end > self.today:
            raise InputError(
                f"The end, {self.end}, is in the future; today is {self.today}. Nobody can have "
                "been seen on the days between."
            )
        if self.start and self.end and self.end < self.start:
            raise InputError(f"The end, {self.end}, is before the start, {self.start}.")

    def pooled(
        self,
        where: Mapping[tuple[Hashable, date], int | None],
        cities: Sequence[str],
        file: str,
        notes: Sequence[str] = (),
    ) -> Histories:
        """Histories of who was in which city on which day; None is in several at once."""
        days = [day for _, day in where]
        opens, closes = self.start or min(days), self.end or max(days)
        first = self._number(opens, opens)
        occasions = self._names(opens, self._number(closes, opens) - first + 1)
        seen: dict[Hashable, dict[int, list[tuple[date, int | None]]]] = {}
        for (person, day), city_number in where.items():
            t = self._number(day, opens) - first
            seen.setdefault(person, {}).setdefault(t, []).append((day, city_number))
        patterns = np.zeros((len(seen), len(occasions)), np.int64)
        torn = np.zeros(len(seen), bool)
        for i, (row, by_occasion) in enumerate(zip(patterns, seen.values(), strict=True)):
            for t, found in by_occasion.items():
                found.sort(key=lambda each: each[0])
                counted = found[0 if self.several == "first" else -1][1]
                if len({city for _, city in found}) > 1 or counted is None:
                    torn[i] = True
                    if self.several == "none":
                        continue
                row[t] = counted or 0
        kept = patterns[patterns.any(axis=1)]
        told = [*_told(torn, len(patterns) - len(kept), self.several), *_thin_ends(kept), *notes]
        return made(file, cities, occasions, kept, None, None, told, called(self.every))

    def day(self, text: str) -> date | str:
        """The date, or what is wrong with it."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return "A date such as 2024-03-28 was expected."
        if day > self.today:
            return f"The date is in the future; today is {self.today}."
        if self.start and day < self.start:
            return f"The date is before the start, {self.start}."
        if self.end and day > self.end:
            return f"The date is after the end, {self.end}."
        return day

    def _number(self, day: date, opens: date) -> int:
        """The number of the occasion that a day is in, from any fixed one."""
        if isinstance(self.every, int):
            return (day - opens).days // self.every
        if self.every == "week":
            return (day.toordinal() - 1) // 7  # weeks begin on Monday
        months = 12 * day.year + day.month - 1
        return months // {"month": 1, "quarter": 3, "year": 12}[self.every]

    def _names(self, opens: date, length: int) -> tuple[str, ...]:
        first = self._number(opens, opens)
        if isinstance(self.every, int) or self.every == "week":
            days = self.every if isinstance(self.every, int) else 7
            begin = opens if days == self.every else opens - timedelta(opens.weekday())
            return tuple(str(begin + timedelta(days * t)) for t in range(length))
        if self.every == "month":
            return tuple(f"{t // 12}-{t % 12 + 1:02}" for t in range(first, first + length))
        if self.every == "quarter":
            return tuple(f"{t // 4} Q{t % 4 + 1}" for t in range(first, first + length))
        return tuple(str(t) for t in range(first, first + length))


def _thin_ends(patterns: npt.NDArray[np.int64]) -> list[str]:
    """That hardly anybody was seen on the first or the last occasion, beside the others."""
    seen = np.count_nonzero(patterns, axis=0)
    if seen.max(initial=0) < MANY * SMALLEST_COUNT:
        return []
    return [
        f"Hardly anybody was seen on the {end} occasion; if nobody looked then, move the {bound}, "
        "for it is taken as few being there."
        for at, end, bound in ((0, "first", "start"), (-1, "last", "end"))
        if seen[at] < SMALLEST_COUNT
    ]


def _told(torn: npt.NDArray[np.bool_], lost: int, several: Several) -> tuple[str, ...]:
    """How many people were in several cities within one occasion, and what became of that.

    People are told and not how often: with both, who it was more than once could be counted.
    """
    people = np.count_nonzero(torn)
    if not people:
        return ()
    who = "1 person was" if people == 1 else f"{people:,} people were"
    told = f"{who} in several cities within one occasion; "
    if several != "none":
        return (f"{told}the {several} sighting counts.",)
    told += "that is taken as not seen. Shorter occasions would tell."
    if lost:
        told += f" {lost:,} {'person was' if lost == 1 else 'people were'} lost by it."
    return (told,)


def called(every: Every) -> str:
    """What an occasion of this length is called.

    Examples
    --------
    >>> called("month"), called(10)
    ('month', '10 days')
    """
    if isinstance(every, str):
        return every
    return "day" if every == 1 else f"{every} days"


_WRITTEN = re.compile(r"([a-z]?)(\d{4})(?:-(\d{2})(?:-(\d{2}))?|[ -]?q([1-4]))?", re.IGNORECASE)


def length_of(occasions: Sequence[str], today: date) -> tuple[str, bool]:
    """What an occasion is called, by how occasions are written; whether they are evenly apart.

    Years (`2016`, `y2016`), seasons (`2016-17`), quarters (`2016 Q1`), months (`2016-03`) and days
    are understood; others are in the order in which they stand.

    Raises
    ------
    InputError
        If they are not in order of time, or one is in the future.

    Examples
    --------
    >>> length_of(["y1984", "y1986", "y1988"], date(2026, 1, 1))
    ('2 years', True)
    >>> length_of(["first", "second"], date(2026, 1, 1))
    ('occasion', True)
    """
    matches = [_WRITTEN.fullmatch(each) for each in occasions]
    letters = {match[1] for match in matches if match}
    parts = [tuple(int(part or 0) for part in m.groups()[1:]) for m in matches if m]
    if len(parts) < len(occasions) or len(letters) > 1:
        return "occasion", True
    if all(m == (y + 1) % 100 and not d for y, m, d, _ in parts):  # 2016-17: a winter, say
        parts = [(y, 0, 0, 0) for y, *_ in parts]
    if len({tuple(map(bool, each)) for each in parts}) > 1:
        return "occasion", True
    try:
        days = [date(y, m or 3 * (q or 1) - 2, d or 1) for y, m, d, q in parts]
    except ValueError:
        return "occasion", True
    for before, after, name in zip(days, days[1:], occasions[1:], strict=False):
        if after <= before:
            raise InputError(
                f"The occasion '{name}' does not come after the one before it; put the columns in "
                "order of time."
            )
    if days[-1] > today:
        raise InputError(
            f"The occasion '{occasions[-1]}' is in the future; today is {today}. Nobody can have "
            "been seen then."
        )
    _, month, day, quarter = parts[0]
    if day:
        gaps = {(after - before).days for before, after in itertools.pairwise(days)}
        if len(gaps) > 1:  # months differ, by less than half
            return "occasion", max(gaps) < 1.5 * min(gaps)
        return "week" if gaps == {7} else called(gaps.pop()), True
    unit, size = ("quarter", 3) if quarter else ("month", 1) if month else ("year", 12)
    numbers = [(12 * each.year + each.month) // size for each in days]
    gaps = {after - before for before, after in itertools.pairwise(numbers)}
    if len(gaps) > 1:
        return "occasion", False
    gap = gaps.pop()
    return unit if gap == 1 else f"{gap} {unit}s", True


def days_of(length: str) -> float:
    """How many days an occasion of this name has, on average; not a number if that is not known.

    Examples
    --------
    >>> days_of("quarter") == days_of("3 months"), days_of("10 days")
    (True, 10.0)
    """
    number, _, unit = length.rpartition(" ")
    each = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
    return float(number or 1) * each.get(unit.removesuffix("s"), math.nan)


def made(file: str, *given: Any) -> Histories:
    """Histories, or what they refuse with the name of the file."""
    try:
        return Histories(*given)
    except InputError as error:
        told = [Problem(each.message, file=file or None) for each in error.problems]
        raise InputError(told) from error
