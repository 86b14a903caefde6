"""Numbers as people speak: two significant digits, and never more certainty than there is."""

from __future__ import annotations

import math
from collections.abc import Sequence

EXACT_BELOW = 100
"""Whole numbers smaller than this are said as they are."""

ONE_IN_BELOW = 0.42
"""Shares smaller than this are said as "one in five", larger ones as "three in five"."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

ORDINALS = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)

COMMON_SHARES = (
    (1 / 2, "about half"),
    (3 / 5, "about three in five"),
    (2 / 3, "about two in three"),
    (3 / 4, "about three in four"),
    (4 / 5, "about four in five"),
    (9 / 10, "about nine in ten"),
)


def _step(number: float) -> float:
    """The unit of the second significant digit: 100 for 2,744."""
    return float(10 ** max(0, math.floor(math.log10(number)) - 1)) if number >= EXACT_BELOW else 1.0


def rounded(number: float) -> str:
    """A number of people to two significant digits; below a hundred, as it is.

    Examples
    --------
    >>> rounded(12_345), rounded(2_744), rounded(37), rounded(math.inf)
    ('12,000', '2,700', '37', 'no known number')
    """
    if math.isinf(number):
        return "no known number"
    step = _step(number)
    return f"{round(number / step) * step:,.0f}"


def limits(lower: float, upper: float, seen: float = 0) -> tuple[float, float]:
    """An interval rounded outward to two significant digits, so that none of it is lost.

    Parameters
    ----------
    lower, upper : float
        The limits, in people; `upper` may be infinite.
    seen : float
        How many people were seen: there cannot be fewer, however the rounding falls.

    Examples
    --------
    >>> limits(11_340, 14_210), limits(2_750, 5_010, seen=2_744)
    ((11000.0, 15000.0), (2744, 5100.0))
    """
    step = _step(lower)
    outer = upper
    if math.isfinite(upper):
        step_up = _step(upper)
        outer = math.ceil(upper / step_up) * step_up
    return max(seen, math.floor(lower / step) * step), max(seen, outer)


def between(lower: float, upper: float, seen: float = 0) -> str:
    """An interval of people in words, rounded outward.

    Examples
    --------
    >>> between(11_340, 14_210)
    'between 11,000 and 15,000'
    >>> between(5_020, math.inf)
    'at least 5,000'
    >>> between(120, 120)
    '120'
    """
    low, high = limits(lower, upper, seen)
    if math.isinf(high):
        return f"at least {low:,.0f}"
    return f"{low:,.0f}" if low == high else f"between {low:,.0f} and {high:,.0f}"


def one_in(share: float) -> str:
    """A share between 0 and 1 as people say it.

    Examples
    --------
    >>> one_in(0.21), one_in(0.9), one_in(0.031), one_in(1.0), one_in(0.0)
    ('about one in five', 'about nine in ten', 'about one in 32', 'all', 'none')
    """
    if share < 1e-9:
        return "none"
    if share >= 1:
        return "all"
    if share > 0.95:
        return "nearly all"
    if share < ONE_IN_BELOW:
        return f"about one in {counted(round(1 / share))}"
    return min(COMMON_SHARES, key=lambda common: abs(common[0] - share))[1]


def counted(number: int) -> str:
    """A small whole number as a word, a larger one rounded.

    Examples
    --------
    >>> counted(0), counted(7), counted(41), counted(1_234)
    ('no', 'seven', '41', '1,200')
    """
    return NUMBERS[number] if 0 <= number <= 10 else rounded(number)


def listed(things: Sequence[str]) -> str:
    """Several things in one breath.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} and {things[-1]}"


def per(rate: float) -> str:
    """A rate to two significant digits, with decimals where it is small.

    Examples
    --------
    >>> per(20.7), per(0.0347), per(1234.0), per(0.0)
    ('21', '0.035', '1,200', '0')
    """
    if rate <= 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(rate)))
    return f"{rate:.{digits}f}" if rate < EXACT_BELOW else rounded(rate)


def opened(sentence: str) -> str:
    """The sentence with a capital at its start, the rest left alone.

    Examples
    --------
    >>> opened("about half of the UK")
    'About half of the UK'
    """
    return sentence[:1].upper() + sentence[1:]


def is_one(share: float) -> bool:
    """Whether `one_in(share)` is about one person, so that "is" follows it, and not "are".

    Examples
    --------
    >>> is_one(0.2), is_one(0.9)
    (True, False)
    """
    return 1e-9 <= share < ONE_IN_BELOW


def number_or_none(number: float) -> str:
    """A number in full for a table, or "none" for a limit that does not exist.

    Examples
    --------
    >>> number_or_none(12_345.6), number_or_none(math.inf)
    ('12,346', 'none')
    """
    return f"{number:,.0f}" if math.isfinite(number) else "none"


def clipped(text: str, most: int) -> str:
    """A text cut to a length, with an ellipsis where something is missing.

    Examples
    --------
    >>> clipped("Nevada", 8), clipped("District of Columbia", 12)
    ('Nevada', 'District of…')
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def ordinal(number: int) -> str:
    """A place in an order, as a word up to the tenth.

    Examples
    --------
    >>> ordinal(2), ordinal(11), ordinal(42), ordinal(113)
    ('second', '11th', '42nd', '113th')
    """
    if 1 <= number <= len(ORDINALS):
        return ORDINALS[number - 1]
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def standing(low: int, high: int, of: int) -> str:
    """Where somebody stands among so many, never more surely than is known.

    Examples
    --------
    >>> standing(1, 2, 6), standing(4, 4, 6)
    ('may be first or second of six', 'is fourth of six')
    >>> standing(3, 40, 51), standing(1, 6, 6)
    ('may be anywhere from third to 40th of 51', 'may be anywhere among six')
    """
    if low == high:
        return f"is {ordinal(low)} of {counted(of)}"
    if (low, high) == (1, of):
        return f"may be anywhere among {counted(of)}"
    if high == low + 1:
        return f"may be {ordinal(low)} or {ordinal(high)} of {counted(of)}"
    return f"may be anywhere from {ordinal(low)} to {ordinal(high)} of {counted(of)}"


def percent(share: float) -> str:
    """A share or probability in per cent, never 0 or 100 where it is not certain.

    Examples
    --------
    >>> percent(0.493), percent(0.9999), percent(0.0)
    ('49\xa0%', 'more than 99\xa0%', 'less than 1\xa0%')
    """
    if share > 0.99:
        return "more than 99\u00a0%"
    return "less than 1\u00a0%" if share < 0.01 else f"{100 * share:.0f}\u00a0%"


def percent_exactly(share: float) -> str:
    """A probability in per cent for a table, to one decimal, never 0 or 100.

    Examples
    --------
    >>> percent_exactly(0.4932), percent_exactly(1.0)
    ('49.3\xa0%', 'over 99.9\xa0%')
    """
    if share > 0.9995:
        return "over 99.9\u00a0%"
    return "under 0.1\u00a0%" if share < 0.0005 else f"{100 * share:.1f}\u00a0%"


def exactly(number: float | None) -> str:
    """A number in full for a table, to four digits where it is small, or "none".

    Examples
    --------
    >>> exactly(13_079.4), exactly(0.123456), exactly(12.5), exactly(None)
    ('13,079', '0.1235', '12.5', 'none')
    """
    if number is None or math.isinf(number):
        return "none"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def how_often_wrong(level: float) -> str:
    """What the ranges of a page mean, in a sentence.

    Examples
    --------
    >>> how_often_wrong(0.9)
    'Ranges are at 90\xa0%: were all that is assumed true, each would miss about once in ten times.'
    """
    return (
        f"Ranges are at {100 * level:g}\u00a0%: were all that is assumed true, each would miss "
        f"about once in {counted(round(1 / (1 - level)))} times."
    )
