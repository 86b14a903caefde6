"""Amounts with their range in words: never a number without one, and times as the study has them.

An amount is a mapping of `estimate`, `lower` and `upper`. Without an estimate or a lower limit it
is not told; without an upper limit it has no end.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from darkfigure.report.words import between, per, percent

Amount = Mapping[str, Any]

_SEVERAL = re.compile(r"(\d+) (\w+s)")  # 30 days
_MONTH = re.compile(r"(\d{4})-(\d{2})")


class Within(NamedTuple):
    """A number and its limits; `upper` may be infinite."""

    estimate: float
    lower: float
    upper: float


def within(amount: Amount | None) -> Within | None:
    """The number and its limits, or None where either is not told.

    Examples
    --------
    >>> within({"estimate": 4.0, "lower": 2.0, "upper": None})
    Within(estimate=4.0, lower=2.0, upper=inf)
    >>> within({"estimate": 4.0, "lower": None, "upper": None}) is None
    True
    """
    if not amount or amount["estimate"] is None or amount["lower"] is None:
        return None
    upper = amount["upper"]
    return Within(amount["estimate"], amount["lower"], math.inf if upper is None else upper)


def people(amount: Amount | None) -> str:
    """A number of people as people speak, or nothing where it is not told.

    Examples
    --------
    >>> people({"estimate": 123.0, "lower": 94.2, "upper": 158.9})
    'between 94 and 160'
    >>> people(None)
    ''
    """
    found = within(amount)
    if found is None:
        return ""
    # Below a hundred the range is still rounded outward, to whole people.
    return between(math.floor(found.lower), _up(found.upper))


def share_range(found: Within) -> str:
    """The range of a share in per cent, rounded outward.

    Examples
    --------
    >>> share_range(Within(0.33, 0.284, 0.409))
    '28 to 41\xa0%'
    >>> share_range(Within(0.9, 0.7, 1.0)), share_range(Within(0.5, 0.5, 0.5))
    ('70 to 100\xa0%', '50\xa0%')
    """
    low = math.floor(100 * found.lower + 1e-9)
    high = min(100, math.ceil(100 * min(found.upper, 1.0) - 1e-9))
    return percent(found.estimate) if low == high else f"{low} to {high}\u00a0%"


def spoken(found: Within) -> str:
    """A range of rates or moves to two significant digits.

    Examples
    --------
    >>> spoken(Within(41.0, 30.2, 55.7)), spoken(Within(0.1, 0.0, math.inf))
    ('30 to 56', '0 or more')
    """
    if math.isinf(found.upper):
        return f"{per(found.lower)} or more"
    low, high = per(found.lower), per(found.upper)
    return low if low == high else f"{low} to {high}"


def in_full(amount: Amount | None, *, hidden: bool = False) -> str:
    """An amount for a table, its limits on one line.

    Examples
    --------
    >>> in_full({"estimate": 1234.5, "lower": 900.0, "upper": None})
    '1,234 (900\xa0to\xa0none)'
    >>> in_full(None), in_full(None, hidden=True)
    ('cannot be told', 'not shown')
    """
    if hidden:
        return "not shown"
    if not amount or amount["estimate"] is None:
        return "cannot be told"
    if amount["lower"] is None and amount["upper"] is None:
        return f"{_three(amount['estimate'])} (no range)"
    limits = f"{_three(amount['lower'])}\u00a0to\u00a0{_three(amount['upper'])}"
    return f"{_three(amount['estimate'])} ({limits})"


def in_percent(amount: Amount | None, *, hidden: bool = False) -> str:
    """A share for a table.

    Examples
    --------
    >>> in_percent({"estimate": 0.373, "lower": 0.317, "upper": 0.4222})
    '37\xa0% (32\xa0to\xa042)'
    """
    found = None if hidden else within(amount)
    if found is None:
        return in_full(amount, hidden=hidden)
    estimate, lower, upper = (per(100 * min(share, 1.0)) for share in found)
    return f"{estimate}\u00a0% ({lower}\u00a0to\u00a0{upper})"


def in_a(occasion: str) -> str:
    """How often something happens, by the length of an occasion.

    Examples
    --------
    >>> in_a("month"), in_a("30 days"), in_a("occasion")
    ('a month', 'in 30 days', 'an occasion')
    """
    if _SEVERAL.fullmatch(occasion):
        return f"in {occasion}"
    return f"{'an' if occasion[0] in 'aeiou' else 'a'} {occasion}"


def lasting(amount: Amount | None, occasion: str) -> str:
    """How long something takes that is given in occasions, or nothing where it is not told.

    Examples
    --------
    >>> stay = {"estimate": 2.0, "lower": 1.44, "upper": 3.1}
    >>> lasting(stay, "month"), lasting(stay, "10 days")
    ('1.4 to 3.1 months', '14 to 31 days')
    """
    found = within(amount)
    if found is None:
        return ""
    several = _SEVERAL.fullmatch(occasion)
    times, unit = (float(several[1]), several[2]) if several else (1.0, f"{occasion}s")
    return f"{spoken(Within(*(times * each for each in found)))} {unit}"


def in_units(occasion: str) -> str:
    """The unit of what is given in occasions.

    Examples
    --------
    >>> in_units("month"), in_units("30 days")
    ('in months', 'in times of 30 days')
    """
    return f"in times of {occasion}" if _SEVERAL.fullmatch(occasion) else f"in {occasion}s"


def when(occasion: str) -> str:
    """The name of an occasion as people say it.

    Examples
    --------
    >>> when("2024-06"), when("2024 Q2")
    ('June 2024', '2024 Q2')
    """
    month = _MONTH.fullmatch(occasion)
    if month and 1 <= int(month[2]) <= 12:
        return f"{calendar.month_name[int(month[2])]} {month[1]}"
    return occasion


def _three(number: float | None) -> str:
    """Three significant digits, and whole numbers in full."""
    if number is None or math.isinf(number):
        return "none"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _up(upper: float) -> float:
    return upper if math.isinf(upper) else math.ceil(upper - 1e-9)
