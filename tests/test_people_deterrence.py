"""An arrest that deters: the chances against integrals and simulation, and what cannot be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from darkfigure import InputError, NoEstimateError
from darkfigure.demand import Counts, deterrence, people
from darkfigure.demand.deterrence import chances, chances_differing

TAXIS = Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1])


def arrests(rate: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Arrests in a period of length 1, event by event."""
    times, clock = np.zeros(rate.size, int), rng.exponential(1 / rate)
    while (clock < 1).any():
        times[clock < 1] += 1
        clock = clock + np.where(clock < 1, rng.exponential(1 / (rate * factor)), 0)
    return times


@settings(max_examples=40, deadline=None)
@given(rate=st.floats(0.01, 8), factor=st.floats(0.05, 3))
def test_chances_add_up_to_one_and_are_the_integral(rate: float, factor: float) -> None:
    p = chances(np.array([rate]), factor, 150)[0]
    assert p.sum() == pytest.approx(1, abs=1e-9)
    for k in (1, 2, 5):
        inner, _ = quad(
            lambda s, k=k: s ** (k - 1) * math.exp(rate * (1 - factor) * s), 0, 1
        )  # fmt: skip
        wanted = rate * (rate * factor) ** (k - 1) / math.factorial(k - 1) * math.exp(-rate) * inner
        assert p[k] == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
def test_chances_are_those_of_a_simulation(factor: float) -> None:
    times = arrests(np.full(200_000, 1.3), factor, np.random.default_rng(1))
    found = np.bincount(times, minlength=7)[:7] / times.size
    np.testing.assert_allclose(chances(np.array([1.3]), factor, 6)[0], found, atol=0.004)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
def test_chances_of_people_who_differ_are_those_of_a_simulation(factor: float) -> None:
    rng = np.random.default_rng(2)
    times = arrests(rng.exponential(0.9, 200_000) + 1e-12, factor, rng)
    found = np.bincount(times, minlength=7)[:7] / times.size
    np.testing.assert_allclose(chances_differing(0.9, factor, 6), found, atol=0.004)


def test_no_deterrence_is_the_family_without_it() -> None:
    for differ, name in ((False, "ztpoisson"), (True, "ztgeom")):
        (row,) = deterrence(TAXIS, [1.0], differ=differ).rows
        plain = people(TAXIS, name)
        assert row.total == pytest.approx(plain.total, rel=1e-5)
        assert row.se == pytest.approx(plain.details["se"], rel=1e-4)
        assert row.lower == pytest.approx(plain.lower, rel=1e-4)
        assert row.loglik == pytest.approx(plain.details["loglik"], abs=1e-6) or not differ


def test_where_people_differ_counts_say_nothing_at_all_of_deterrence() -> None:
    rows = deterrence(TAXIS, [1.0, 0.7, 0.2], differ=True).rows
    assert {round(row.loglik, 6) for row in rows} == {round(rows[0].loglik, 6)}
    unseen = rows[0].total - TAXIS.observed
    for row in rows:
        assert row.total - TAXIS.observed == pytest.approx(row.factor * unseen, rel=1e-5)


def test_the_more_an_arrest_deters_the_fewer_were_never_arrested() -> None:
    totals = [row.total for row in deterrence(TAXIS).rows]
    assert totals == sorted(totals, reverse=True)


def test_the_truth_is_held_where_the_factor_is_right_and_missed_where_it_is_left_out() -> None:
    held = naive = 0
    for seed in range(60):
        times = arrests(np.full(1500, 0.8), 0.4, np.random.default_rng(seed))
        right, wrong = deterrence(Counts(times[times > 0]), [0.4, 1.0]).rows
        held += right.lower <= 1500 <= right.upper
        naive += wrong.lower <= 1500 <= wrong.upper
    assert held >= 52
    assert naive <= 5


def test_an_unknown_factor_widens_the_answer() -> None:
    found = deterrence(TAXIS, [1.0, 0.6, 0.3], weights=[1, 2, 1])
    assert found.mixed is not None
    middle, lower, upper = found.mixed
    assert lower < middle < upper
    assert upper - lower > max(row.upper - row.lower for row in found.rows)
    assert found.mixed == deterrence(TAXIS, [1.0, 0.6, 0.3], weights=[1, 2, 1]).mixed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"factors": []}, "above 0"),
        ({"factors": [0.0]}, "above 0"),
        ({"factors": [math.nan]}, "above 0"),
        ({"factors": [1, 0.5], "weights": [1]}, "one weight"),
        ({"factors": [1, 0.5], "weights": [0, 0]}, "one weight"),
        ({"level": 2}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        deterrence(TAXIS, **options)


def test_nobody_arrested_twice_says_nothing() -> None:
    with pytest.raises(NoEstimateError, match="Nobody was arrested more than once"):
        deterrence(Counts([1], [40]))
