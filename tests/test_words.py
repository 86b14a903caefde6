"""Numbers as people speak, and what may be shown of small ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkfigure.errors import InputError
from darkfigure.helplines import helpline
from darkfigure.report.words import between, limits, one_in, per, rounded

sizes = st.floats(1, 1e7)


@given(sizes, sizes)
def test_rounding_an_interval_loses_none_of_it(a: float, b: float) -> None:
    lower, upper = sorted((a, b))
    low, high = limits(lower, upper)
    assert low <= lower <= upper <= high
    assert high - upper <= 0.1 * upper + 1


@given(sizes, st.floats(1, 2))
def test_an_interval_in_words_never_starts_below_the_number_seen(seen: float, times: float) -> None:
    assert limits(seen, seen * times, seen=seen)[0] >= seen


def test_numbers_are_said_with_two_digits() -> None:
    assert rounded(12_345) == "12,000"
    assert rounded(99.6) == "100"
    assert between(2_744, math.inf) == "at least 2,700"
    assert per(0.5) == "0.50"


@given(st.floats(0, 1))
def test_every_share_has_words(share: float) -> None:
    assert one_in(share)


def test_an_unknown_country_is_told_what_to_do() -> None:
    with pytest.raises(InputError, match=r"\[help\]"):
        helpline("XX")
