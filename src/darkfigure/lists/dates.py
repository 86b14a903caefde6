"""Dates as people write them, as ISO text.

What cannot be told from one date alone, whether 03/04/2001 is in March or in April, is told from
the whole column: one 25/12/1998 shows that the day stands first. A column that shows both, or
neither, is refused until the study says which it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

DAY_ZERO = date(1899, 12, 30)  # of spreadsheets
ORDERS = ("day first", "month first")
MONTHS = (
    "jan|ene", "feb", "mar", "apr|abr", "may", "jun", "jul", "aug|ago", "sep|set", "oct", "nov",
    "dec|dic",
)  # fmt: skip
"""The beginnings of the months in English and Spanish."""

WEEKDAYS = (
    r"^(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?|lunes|martes"
    r"|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\.?,? +"
)
# Digits are written out: \d would also be digits of other scripts, which are no numbers here.
_APART = r"(?: ?[-/.] ?| )"
_TH = r"(?:st|nd|rd|th|er|ro|[ºª°])?"
_WORD = r"([a-z]{3})[a-z]*\.?"
_YEAR = r"(?:del? )?([0-9]{4}|[0-9]{2})"
_TIME = r"(?:[t ]+[0-9]{1,2}[:.][0-9]{2}.*| +[0-9]{1,2} ?[ap]\.?m\.?|t[0-9]{4,6}.*)?$"
_PAIR = rf"^[\s']*([0-9]{{1,2}}){_APART}([0-9]{{1,2}}){_APART}(?:[0-9]{{4}}|[0-9]{{2}})\b"
_TOLERATED = 0.1
"""Of the dates that tell the order, the share that may tell the other: typing errors."""


@dataclass(frozen=True)
class Order:
    """Which comes first in a column where it can be told.

    Attributes
    ----------
    day_first : bool or None
        None where no date of the column needs it.
    told, against : int
        How many dates tell this order, and how many the other.
    undecided : int
        How many dates could be read both ways, when nothing tells which.
    """

    day_first: bool | None
    told: int = 0
    against: int = 0
    undecided: int = 0


def order_of(texts: pl.Series) -> Order:
    """What the dates of a column tell of the order of day and month.

    Examples
    --------
    >>> order_of(pl.Series(["03/04/2001", "25/12/1998"]))
    Order(day_first=True, told=1, against=0, undecided=0)
    >>> order_of(pl.Series(["03/04/2001"])).undecided
    1
    """
    one, two = (texts.str.extract(_PAIR, i).cast(pl.Int64, strict=False) for i in (1, 2))
    # What can be no date in either order, such as 13/13/2001, tells nothing.
    days, months = (each.is_between(13, 31) for each in (one, two))
    one_month, two_month = (each.is_between(1, 12) for each in (one, two))
    day_first, month_first = int((days & two_month).sum()), int((one_month & months).sum())
    if not day_first and not month_first:
        return Order(None, undecided=int((one_month & two_month & (one != two)).sum()))
    most, least = max(day_first, month_first), min(day_first, month_first)
    if least > _TOLERATED * (most + least):
        return Order(None, most, least, undecided=most + least)
    return Order(day_first > month_first, most, least)


def iso(text: pl.Expr, day_first: bool | None, latest: int) -> pl.Expr:
    """Dates as ISO text; missing where there is no such day.

    Parameters
    ----------
    text : Expr
        Texts: 2001-04-03, 20010403, 3/4/2001, 3.4.01, 3 Apr 2001, April 3, 2001, 2001-Apr-03, with
        or without the day of the week before it or a time after it, or a spreadsheet's day number.
    day_first : bool or None
        How 3/4/2001 is read.
    latest : int
        The last year that a date of two digits can mean.

    Examples
    --------
    >>> texts = pl.Series(["2001-04-03", "3/4/2001", "3 April 2001", "Apr 3rd, 01", "36984"])
    >>> set(pl.select(iso(pl.lit(texts), True, 2020)).to_series())
    {'2001-04-03'}
    >>> pl.select(iso(pl.lit("31/02/2001"), True, 2020)).item() is None
    True
    """
    text = text.str.strip_chars().str.to_lowercase()
    # A spreadsheet marks with an apostrophe what it is to leave as text.
    text = text.str.strip_prefix("'").str.replace(WEEKDAYS, "")

    def parts(pattern: str, year: int, month: int, day: int) -> list[pl.Expr]:
        return [text.str.extract(pattern, i) for i in (year, month, day)]

    number = "([0-9]{1,2})"
    first, second = (2, 1) if day_first else (1, 2)
    shapes = [
        parts(rf"^([0-9]{{4}}){_APART}{number}{_APART}{number}{_TIME}", 1, 2, 3),
        parts(rf"^((?:18|19|20)[0-9]{{2}})([0-9]{{2}})([0-9]{{2}}){_TIME}", 1, 2, 3),
        parts(rf"^{number}{_APART}{number}{_APART}{_YEAR}{_TIME}", 3, first, second),
        parts(rf"^{number}{_TH}[-/. ]*(?:de |of )?{_WORD}[-/., ]*{_YEAR}{_TIME}", 3, 2, 1),
        parts(rf"^{_WORD}[-/. ]+{number}{_TH}[-/., ]+{_YEAR}{_TIME}", 3, 1, 2),
        parts(rf"^([0-9]{{4}})[-/., ]*{_WORD}[-/. ]*{number}{_TH}{_TIME}", 1, 2, 3),
    ]
    year, month, day = (pl.coalesce([shape[i] for shape in shapes]) for i in range(3))
    for i, begins in enumerate(MONTHS, start=1):
        month = month.str.replace(f"^(?:{begins})$", str(i))
    years = year.cast(pl.Int64, strict=False)
    century = pl.lit(latest // 100 * 100)
    short = pl.when(years + century > latest).then(years + century - 100).otherwise(years + century)
    years = pl.when(year.str.len_chars() == 2).then(short).otherwise(years)
    joined = (
        years.cast(pl.String).str.zfill(4)
        + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    )  # fmt: skip
    found = joined.str.to_date("%Y-%m-%d", strict=False)
    serial = text.str.extract(r"^([0-9]{4,5})(?:\.[0-9]+)?$", 1).cast(pl.Int32, strict=False)
    from_serial = pl.lit(DAY_ZERO) + pl.duration(days=serial)
    plausible = serial.is_between(3_000, 60_000)
    found = pl.coalesce([found, pl.when(plausible).then(from_serial)])
    return found.dt.strftime("%Y-%m-%d")
