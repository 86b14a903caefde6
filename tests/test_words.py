"""Numbers as people speak, and what may be shown of small ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure.errors import InputError
from darkfigure.helplines import helpline
from darkfigure.histories import CaptureHistories
from darkfigure.report.disclosure import publishable_overlaps, sizes_as_text
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


counts = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.just(k),
        st.lists(
            st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 200)),
            min_size=2**k - 1,
            max_size=2**k - 1,
        ),
    )
)


@settings(max_examples=400)
@given(counts, st.integers(1, 12))
def test_no_small_count_is_shown_or_can_be_subtracted(
    table: tuple[int, list[int]], smallest: int
) -> None:
    k, numbers = table
    histories = CaptureHistories([f"list {j}" for j in range(k)], [0, *numbers])
    try:
        shown = publishable_overlaps(histories, smallest)
    except InputError:
        assert max(numbers) <= max(smallest, 0)
        return
    assert all(count >= smallest for _, count in shown.rows)
    assert shown.others is None or shown.others >= smallest
    assert sum(count for _, count in shown.rows) + (shown.others or 0) == histories.observed
    if not shown.others:
        assert not shown.rounded
        return
    for name, size in shown.list_sizes.items():
        assert size == sum(count for lists, count in shown.rows if name in lists)


@pytest.mark.parametrize("smallest", [2, 3, 5])
def test_a_reader_who_knows_the_rule_cannot_work_out_a_hidden_count(smallest: int) -> None:
    lists = ["a", "b"]
    combinations = [("a",), ("b",), ("a", "b")]
    tables: dict[tuple[Any, ...], list[tuple[int, ...]]] = {}
    for numbers in itertools.product(range(25), repeat=3):
        if sum(numbers) > 24:
            continue
        try:
            shown = publishable_overlaps(CaptureHistories(lists, [0, *numbers]), smallest)
        except InputError:
            continue
        if shown.others:
            key = (tuple(shown.rows), shown.others, tuple(shown.list_sizes.values()))
            tables.setdefault(key, []).append(numbers)
    assert tables
    for (rows, *_), fitting in tables.items():
        visible = {names for names, _ in rows}
        for j, names in enumerate(combinations):
            if names not in visible:
                assert len({numbers[j] for numbers in fitting}) > 1, (rows, fitting)


def test_nothing_is_held_back_of_what_is_published_already() -> None:
    shown = publishable_overlaps(CaptureHistories(["a", "b"], [0, 3, 0, 1]), 1)
    assert shown.rows == [(("a",), 3), (("a", "b"), 1)]
    assert shown.others is None
    assert not shown.rounded
    assert sizes_as_text(shown) == {"a": "4", "b": "1"}


def test_too_few_people_for_anything_are_refused() -> None:
    with pytest.raises(InputError, match="nothing can be published"):
        publishable_overlaps(CaptureHistories(["a", "b"], np.array([0, 3, 1, 1])), 10)
