"""Dates in every way people write them, and what a column tells of the order of day and month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure.lists.dates import DAY_ZERO, iso, order_of

THIS_YEAR = 2026
ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
SPANISH = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DIAS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")


def read(*texts: str | None, day_first: bool | None = None) -> list[str | None]:
    column = pl.Series(texts, dtype=pl.String)
    return pl.select(iso(pl.lit(column), day_first, THIS_YEAR)).to_series().to_list()


def ordinal(day: int) -> str:
    th = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{th}"


def english(day: date) -> str:
    return ENGLISH[day.month - 1]


def spanish(day: date) -> str:
    return SPANISH[day.month - 1]


WRITTEN: dict[str, Callable[[date], str]] = {
    "iso": lambda d: d.isoformat(),
    "iso without noughts": lambda d: f"{d.year}-{d.month}-{d.day}",
    "iso with a time": lambda d: f"{d}T09:30:00",
    "iso with a time zone": lambda d: f"{d}T09:30:00.000+02:00",
    "iso and a time": lambda d: f"{d} 23:59:59.999",
    "compact": lambda d: f"{d:%Y%m%d}",
    "compact with a time": lambda d: f"{d:%Y%m%d}T235959",
    "year first, slashes": lambda d: f"{d:%Y/%m/%d}",
    "year first, dots": lambda d: f"{d:%Y.%m.%d}",
    "blanks around": lambda d: f"  {d} \n",
    "marked as text by a spreadsheet": lambda d: f"'{d}",
    "day, month in English": lambda d: f"{d.day} {english(d)} {d.year}",
    "day, month in short": lambda d: f"{d.day}-{english(d)[:3]}-{d.year}",
    "day, month in short, one word": lambda d: f"{d.day:02}{english(d)[:3].upper()}{d.year}",
    "day, month, with a time": lambda d: f"{d.day} {english(d)[:3]}. {d.year} 4:05 PM",
    "ordinal, month": lambda d: f"{ordinal(d.day)} of {english(d)}, {d.year}",
    "month, day": lambda d: f"{english(d)} {d.day}, {d.year}",
    "month, day, without a blank": lambda d: f"{english(d)[:3]} {d.day},{d.year}",
    "month, ordinal": lambda d: f"{english(d)[:3]}. {ordinal(d.day)} {d.year}",
    "month in capitals": lambda d: f"{english(d).upper()} {d.day} {d.year}",
    "year, month in short, day": lambda d: f"{d.year}-{english(d)[:3]}-{d.day:02}",
    "weekday, month, day": lambda d: f"{WEEKDAYS[d.weekday()]}, {english(d)} {d.day}, {d.year}",
    "weekday in short": lambda d: f"{WEEKDAYS[d.weekday()][:3]} {d.day} {english(d)[:3]} {d.year}",
    "Spanish": lambda d: f"{d.day} de {spanish(d)} de {d.year}",
    "Spanish, del": lambda d: f"{d.day} de {spanish(d)} del {d.year}",
    "Spanish, ordinal": lambda d: f"{d.day}º de {spanish(d)} de {d.year}",
    "Spanish in short": lambda d: f"{d.day}/{spanish(d)[:3]}/{d.year}",
    "Spanish with the weekday": lambda d: (
        f"{DIAS[d.weekday()]}, {d.day} de {spanish(d)} de {d.year}"
    ),
    "spreadsheet's day number": lambda d: str((d - DAY_ZERO).days),
    "day number with the time": lambda d: f"{(d - DAY_ZERO).days}.75",
}
"""Every format that says by itself which is the day and which the month."""

IN_ORDER: dict[str, Callable[[int, int, int], str]] = {
    "slashes": lambda a, b, year: f"{a}/{b}/{year}",
    "slashes with noughts": lambda a, b, year: f"{a:02}/{b:02}/{year}",
    "dots": lambda a, b, year: f"{a}.{b}.{year}",
    "dots and blanks": lambda a, b, year: f"{a}. {b}. {year}",
    "dashes": lambda a, b, year: f"{a:02}-{b:02}-{year}",
    "blanks": lambda a, b, year: f"{a} {b} {year}",
    "a time after it": lambda a, b, year: f"{a}/{b}/{year} 00:00",
    "a time with am or pm": lambda a, b, year: f"{a}/{b}/{year} 3:15 pm",
    "an hour": lambda a, b, year: f"{a}/{b}/{year} 3pm",
}
"""Those that have to be told."""

TWO_DIGITS: dict[str, Callable[[int, int, int], str]] = {
    "slashes": lambda a, b, year: f"{a}/{b}/{year % 100:02}",
    "dashes": lambda a, b, year: f"{a:02}-{b:02}-{year % 100:02}",
    "dots and a time": lambda a, b, year: f"{a:02}.{b:02}.{year % 100:02} 10:20",
}

day_numbered = st.dates(DAY_ZERO + timedelta(3_000), DAY_ZERO + timedelta(60_000))
of_a_hundred_years = st.dates(date(THIS_YEAR - 99, 1, 1), date(THIS_YEAR, 12, 31))


# Every format


@settings(max_examples=40, deadline=None)
@given(day_numbered)
def test_a_date_reads_back_in_every_format_that_says_its_month(day: date) -> None:
    texts = [write(day) for write in WRITTEN.values()]
    for day_first in (True, False, None):
        found = dict(zip(WRITTEN, read(*texts, day_first=day_first), strict=True))
        assert found == dict.fromkeys(WRITTEN, str(day))


@settings(max_examples=40, deadline=None)
@given(day_numbered, st.booleans())
def test_a_date_in_numbers_reads_back_when_the_order_is_known(day: date, day_first: bool) -> None:
    pair = (day.day, day.month) if day_first else (day.month, day.day)
    texts = [write(*pair, day.year) for write in IN_ORDER.values()]
    found = dict(zip(IN_ORDER, read(*texts, day_first=day_first), strict=True))
    assert found == dict.fromkeys(IN_ORDER, str(day))


@settings(max_examples=40, deadline=None)
@given(of_a_hundred_years, st.booleans())
def test_two_digits_mean_the_last_year_that_ends_so(day: date, day_first: bool) -> None:
    pair = (day.day, day.month) if day_first else (day.month, day.day)
    texts = [write(*pair, day.year) for write in TWO_DIGITS.values()]
    texts += [f"{day.day}-{english(day)[:3]}-{day:%y}", f"{english(day)} {day.day}, {day:%y}"]
    assert set(read(*texts, day_first=day_first)) == {str(day)}


def test_this_year_is_the_last_that_two_digits_can_mean() -> None:
    assert read("3/4/26", "3/4/27", "3/4/00", day_first=True) == [
        "2026-04-03", "1927-04-03", "2000-04-03",
    ]  # fmt: skip


def test_the_number_of_a_spreadsheet_is_its_day() -> None:
    # What spreadsheets show for these numbers; 60 and before are wrong there, and are no birthday.
    known = {"32874": "1990-01-01", "36526": "2000-01-01", "43831.99": "2020-01-01"}
    assert read(*known) == list(known.values())
    assert read("1", "60", "2999", "60001", "99999", "123456") == [None] * 6


def test_leap_days_are_there_in_leap_years_only() -> None:
    assert read("2000-02-29", "29/02/2004", "Feb 29, 1996", "20240229", day_first=True) == [
        "2000-02-29", "2004-02-29", "1996-02-29", "2024-02-29",
    ]  # fmt: skip
    assert read("1900-02-29", "29/02/2001", "Feb 29, 1995", "20230229", day_first=True) == (
        [None] * 4
    )


@pytest.mark.parametrize(
    "text",
    [
        "2001-13-01", "2001-00-10", "2001-01-00", "2001-04-31", "00/00/0000", "31/02/2001",
        "13/13/2001", "20011301", "32 May 2001", "April 31, 2001", "2001-Smarch-01", "April 2001",
        "1990", "3/4", "3/4/201", "3/4/20011", "yesterday", "unknown", "?", "", " ", "-",
        "0", "3 of May", "2001-04-03 or so", "12:30", "1/2/3/4", "٣/٤/٢٠٠١", "916-555-0142",
    ],
)  # fmt: skip
def test_what_is_no_day_is_missing(text: str) -> None:
    assert read(text, text, day_first=True) == [None, None]
    assert read(text, day_first=False) == [None]


def test_missing_stays_missing() -> None:
    assert read(None, "2001-04-03", None) == [None, "2001-04-03", None]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text(max_size=30) | st.from_regex(r"[0-9]{1,4}([-/. ][0-9a-z]{1,4}){2}.{0,5}")),
    st.sampled_from([True, False, None]),
)
def test_whatever_is_written_comes_back_as_a_day_or_as_nothing(
    texts: Sequence[str], day_first: bool | None
) -> None:
    for found in read(*texts, day_first=day_first):
        assert found is None or date.fromisoformat(found).isoformat() == found


# The order of day and month


@settings(deadline=None)
@given(st.lists(st.dates(date(1950, 1, 1), date(2020, 12, 31)), min_size=1), st.booleans())
def test_a_column_tells_its_order_by_any_day_after_the_twelfth(
    days: list[date], day_first: bool
) -> None:
    form = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    order = order_of(pl.Series([day.strftime(form) for day in days]))
    telling = sum(day.day > 12 for day in days)
    if telling:
        assert (order.day_first, order.told, order.against) == (day_first, telling, 0)
        assert order.undecided == 0
    else:
        assert order.day_first is None
        assert order.undecided == sum(day.day != day.month for day in days)


def test_typing_errors_do_not_turn_a_column() -> None:
    right, wrong = ["25/12/1998"] * 9, ["12/25/1998"]
    order = order_of(pl.Series(right + wrong))
    assert (order.day_first, order.told, order.against) == (True, 9, 1)
    order = order_of(pl.Series([*wrong * 9, "25/12/1998"]))
    assert (order.day_first, order.told, order.against) == (False, 9, 1)


def test_a_column_that_says_both_is_undecided() -> None:
    order = order_of(pl.Series(["25/12/1998"] * 8 + ["12/25/1998"] * 2))
    assert order.day_first is None
    assert (order.told, order.against, order.undecided) == (8, 2, 10)


@pytest.mark.parametrize("text", ["13/13/2001", "99/03/2001", "98-12-25", "00/00/0000", "0/25/01"])
def test_what_is_no_date_in_either_order_tells_nothing(text: str) -> None:
    order = order_of(pl.Series([text, "03/04/2001"]))
    assert (order.day_first, order.told, order.undecided) == (None, 0, 1)
    assert order_of(pl.Series([text, "25/12/1998"])).day_first is True


def test_dates_that_need_no_order_ask_for_none() -> None:
    days = (date(1990, 3, 4), date(2001, 12, 11))
    texts = [write(day) for day in days for write in WRITTEN.values()] + ["5/5/2001"]
    assert order_of(pl.Series(texts)).undecided == 0
    assert order_of(pl.Series([None, "", "?"])).undecided == 0
    assert order_of(pl.Series([], dtype=pl.String)).undecided == 0


def test_two_digit_years_tell_the_order_too() -> None:
    assert order_of(pl.Series(["25.12.98", "03.04.01"])).day_first is True
    assert order_of(pl.Series(["12-25-98 10:15"])).day_first is False
