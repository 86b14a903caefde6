"""Shrunken rates and ranks against the published ones, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.parity import surgical, surgical_table
from darkfigure.compare.shrunken import exchangeable, independent
from darkfigure.errors import InputError


def test_rates_and_ranks_of_hospitals_are_the_published_ones():
    rows = list(surgical())
    assert len(rows) > 10
    assert [row for row in rows if not row.ok] == []


def test_a_small_place_is_drawn_further_to_the_mean_than_a_large_one():
    table = surgical_table()
    alone = independent(table["deaths"], table["operations"]).mean(axis=0)
    found = exchangeable(table["deaths"], table["operations"], chains=2, warmup=300, draws=400)
    pull = (found.rate.mean(axis=0) - alone) / (0.0739 - alone)
    smallest, largest = table["operations"].argmin(), table["operations"].argmax()
    assert 0 < pull[largest] < pull[smallest] < 1


def test_the_same_seed_gives_the_same_draws():
    few = {"chains": 2, "warmup": 300, "draws": 500}
    first, again, other = (
        exchangeable([3, 9, 30], [90, 90, 300], seed=s, **few) for s in (1, 1, 2)
    )
    assert np.array_equal(first.rate, again.rate)
    assert not np.array_equal(first.rate, other.rate)


@pytest.mark.parametrize(
    ("events", "trials", "said"),
    [
        ([1], [10], "only one place"),
        ([0, 0], [10, 20], "no events at all"),
        ([11, 1], [10, 20], "between zero and trials"),
        ([1, 1], [10, 0], "trials are more than zero"),
        ([1.5, 1], [10, 20], "whole numbers"),
        ([1, 2, 3], [10, 20], "as many events as trials"),
    ],
)
def test_what_cannot_be_answered_is_said(events, trials, said):
    with pytest.raises(InputError, match=said):
        exchangeable(events, trials)


def test_chains_that_go_on_draw_anew():
    """Few draws do not agree at once; what is drawn when they go on is no repetition."""
    table = surgical_table()
    found = exchangeable(table["deaths"], table["operations"], chains=2, warmup=100, draws=60)
    assert found.mu.size > 120
    assert np.unique(np.round(found.mu, 6)).size > 0.98 * found.mu.size  # a move may be refused
