"""Counts with draws of who is who: every method takes them, and its interval holds their doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darkfigure.errors import NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size.methods import METHODS

COUNTS = np.array([0, 90, 80, 20, 70, 15, 18, 3])
QUICK: dict[str, dict[str, Any]] = {
    "auto": {"draws": 4_000},
    "shrinkage": {"draws": 4_000},
    "threshold": {"draws": 4_000},
    "heterogeneity": {"bootstrap": 200},
    "chao": {"bootstrap": 200},
    "independent": {"bootstrap": 200},
    "stepwise": {"bootstrap": 200},
    "bic": {"bootstrap": 200},
    "averaged": {"draws": 4_000},
    "decomposable": {"draws": 4_000},
    "latent-class": {"draws": 4_000},
}

every = pytest.mark.parametrize("name", METHODS)


def drawn(spread: float, n: int = 10, seed: int = 1) -> CaptureHistories:
    """Draws in which so many people, on average, turn out to be on both of two lists or not."""
    rng = np.random.default_rng(seed)
    tables = np.tile(COUNTS, (n, 1))
    for table in tables:
        moved = int(np.clip(round(rng.normal(0, spread)), -15, 15))
        table[3] += moved
        table[1] -= moved
        table[2] -= moved
    return CaptureHistories("abc", COUNTS, draws=tables)


@every
def test_every_method_takes_draws_and_says_so(name: str) -> None:
    estimate = METHODS[name].estimate(drawn(5), **QUICK[name])
    assert estimate.details["linkage"]["draws"] == 10
    assert estimate.settings["linkage_draws"] == 10
    assert estimate.observed == COUNTS.sum()
    assert estimate.lower <= estimate.total <= estimate.upper


@every
def test_draws_that_agree_leave_the_estimate_where_it_is(name: str) -> None:
    """Equal tables: only the replicates' share of the random numbers differs."""
    options = QUICK[name] if "draws" in QUICK[name] else {"bootstrap": 1_000}
    alone = METHODS[name].estimate(drawn(0).settled, **options)
    pooled = METHODS[name].estimate(drawn(0), **options)
    assert pooled.total == pytest.approx(alone.total, rel=0.01)
    assert pooled.details["linkage"]["share"] < 0.02
    assert pooled.lower == pytest.approx(alone.lower, rel=0.08)
    assert pooled.upper == pytest.approx(alone.upper, rel=0.25)


@every
def test_the_more_the_draws_disagree_the_wider_the_interval(name: str) -> None:
    intervals = [METHODS[name].estimate(drawn(s), **QUICK[name]) for s in (0, 9)]
    narrow, wide = (np.log(e.upper - e.observed) - np.log(e.lower - e.observed) for e in intervals)
    assert wide > narrow or np.isinf(narrow)  # where there is no limit there is none
    shares = [e.details["linkage"]["share"] for e in intervals]
    assert shares[0] < 0.02 < shares[1]


@every
def test_the_same_seed_gives_the_same_interval_on_any_number_of_cores(name: str) -> None:
    one, two = (
        METHODS[name].estimate(drawn(5), **QUICK[name], seed=3, workers=cores) for cores in (1, 2)
    )
    assert one == two


def test_the_share_is_that_of_a_known_variance() -> None:
    """Two tables whose totals differ, with next to no chance in each: all doubt is of the links."""
    many = 10_000
    sure = np.array([0, 90, 80, 20]) * many
    draws = [sure, sure + np.array([0, -many, -many, many])]
    histories = CaptureHistories("ab", sure, draws=draws)
    estimate = METHODS["independent"].estimate(histories, bootstrap=200)
    assert estimate.details["linkage"]["share"] > 0.99


def test_without_replicates_the_intervals_are_mixed_too() -> None:
    alone = METHODS["stepwise"].estimate(drawn(0).settled, bootstrap=0)
    same = METHODS["stepwise"].estimate(drawn(0), bootstrap=0)
    apart = METHODS["stepwise"].estimate(drawn(9), bootstrap=0)
    assert (same.lower, same.upper) == pytest.approx((alone.lower, alone.upper), rel=0.01)
    assert apart.upper - apart.lower > same.upper - same.lower
    assert apart.draws is None


def test_a_draw_without_an_estimate_counts_as_no_upper_limit() -> None:
    nobody_shared = np.array([0, 90, 80, 0])
    draws = [nobody_shared] * 3 + [np.array([0, 70, 60, 20])] * 3
    histories = CaptureHistories("ab", [0, 70, 60, 20], draws=draws)
    estimate = METHODS["independent"].estimate(histories, bootstrap=100)
    assert np.isinf(estimate.upper)
    assert any("draws of who is who" in warning for warning in estimate.warnings)
    with pytest.raises(NoEstimateError):
        METHODS["independent"].estimate(
            CaptureHistories("ab", [0, 70, 60, 20], draws=[nobody_shared] * 4), bootstrap=100
        )


def test_lists_can_be_dropped_and_merged_under_every_draw() -> None:
    histories = drawn(5)
    assert histories.draws is not None
    dropped = histories.drop("c")
    assert dropped.draws is not None
    for whole, part in zip(histories.each_draw(), dropped.each_draw(), strict=True):
        assert whole.drop("c") == part
    for whole, part in zip(
        histories.each_draw(), histories.merge(["a", "b"], "ab").each_draw(), strict=True
    ):
        assert whole.merge(["a", "b"], "ab") == part
    for whole, part in zip(histories.each_draw(), histories.given("c").each_draw(), strict=True):
        assert whole.given("c") == part
    assert histories.fingerprint != histories.settled.fingerprint
