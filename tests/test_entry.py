"""The entry model and what it tells: against every hidden path, made-up truth, and broken data."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from benchmarks import stock as bench
from darkfigure import InputError, NoEstimateError
from darkfigure.circuit import entry, multistate
from darkfigure.circuit._entry import spread
from darkfigure.circuit.design import TERMS, Design, Natural
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.maximum import first_seen, happened, minus_log_likelihood
from darkfigure.circuit.sightings import read_histories
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit.stock import _amounts, _given_data, _labels, stock_and_flow
from darkfigure.tables import sheets

Floats = npt.NDArray[np.float64]
DIPPER = read_histories(sheets.path("dipper"))
terms = st.sampled_from(TERMS)


def drawn(seed: int, cities: int = 2, occasions: int = 4, people: int = 60) -> Histories:
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, cities + 2, (people, occasions))
    patterns[patterns > cities] = 0
    patterns[~patterns.any(axis=1), 0] = 1
    return Histories("ABC"[:cities], [str(t) for t in range(occasions)], patterns)


@settings(max_examples=25, deadline=None)
@given(terms, terms, terms, st.integers(1, 3), st.integers(2, 4), st.booleans())
def test_the_gradient_is_that_of_the_likelihood(
    survival: str, detection: str, enters: str, cities: int, occasions: int, poisson: bool
) -> None:
    counts = m_array(drawn(1, cities, occasions))
    design = Design(
        occasions - 1, cities, survival, detection, "city", entry=enters, poisson=poisson
    )
    beta = np.random.default_rng(2).normal(0, 0.7, design.size)
    assert design.hidden == design.size - 1
    beta[design.hidden] = 2.5
    slope = minus_log_likelihood(beta, counts, design)[1]
    for j, unit in enumerate(1e-5 * np.eye(design.size)):
        up, down = (minus_log_likelihood(beta + k * unit, counts, design)[0] for k in (1, -1))
        assert slope[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def paths(at: Natural) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every way through the occasions, with its chance; R is in none of the cities."""
    assert at.entry is not None
    occasions, cities = at.entry.shape
    for path in itertools.product(range(cities + 1), repeat=occasions):
        inside = [t for t, r in enumerate(path) if r < cities]
        if not inside or inside != list(range(inside[0], inside[-1] + 1)):
            continue
        chance = at.entry[inside[0], path[inside[0]]]
        for t in inside[1:]:
            r, s = path[t - 1], path[t]
            chance *= at.survival[t - 1, r] * at.movement[t - 1, r, s]
        if inside[-1] < occasions - 1:
            chance *= at.gone[inside[-1], path[inside[-1]]]
        yield path, float(chance)


def seen_as(history: npt.NDArray[np.int64], path: tuple[int, ...], at: Natural) -> float:
    """The chance of this history on this way."""
    chance, cities = 1.0, at.survival.shape[1]
    for t, (seen, r) in enumerate(zip(history, path, strict=True)):
        if r == cities:
            chance *= not seen
        elif seen:
            chance *= at.detection[t, r] * (seen == r + 1)
        else:
            chance *= at.missed[t, r]
    return float(chance)


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("cities", [2, 3])
def test_likelihood_and_amounts_are_sums_over_all_hidden_paths(cities: int, poisson: bool) -> None:
    h = drawn(4, cities, people=40)
    design = Design(
        3, cities, "city*time", "city*time", "city*time", entry="city*time", poisson=poisson
    )
    beta = np.random.default_rng(5).normal(0, 0.8, design.size)
    assert design.hidden is not None
    beta[design.hidden] = 3.0
    at, counts = design.natural(beta), m_array(h)
    f, n = at.unseen, h.people
    ways = list(paths(at))
    assert sum(chance for _, chance in ways) == pytest.approx(1.0)

    rows = [*h.patterns, np.zeros(4, np.int64)]
    chances = np.array([[p * seen_as(row, way, at) for way, p in ways] for row in rows])
    alike = chances.sum(axis=1)
    if poisson:
        mean = f / alike[-1]
        like = n * math.log(mean) - mean + f
    else:
        like = gammaln(n + f + 1) - gammaln(f + 1) + f * math.log(alike[-1])
    like += h.freq @ np.log(alike[:-1]) - gammaln(counts.first + 1).sum()
    assert minus_log_likelihood(beta, counts, design)[0] == pytest.approx(-like, rel=1e-11)

    # all that is told of people, by what each way would add to it
    where = np.array([way for way, _ in ways])
    there = where[:, :, None] == np.arange(cities)
    ever = there.any(axis=1).astype(float)
    alone = ever * (ever.sum(axis=1, keepdims=True) == 1)
    weights = chances / alike[:, None]
    people = np.append(h.freq, f)
    flow = people @ weights @ ever
    share = 1 - people @ weights @ alone / flow
    several = 1 - alone.sum(axis=1)
    total = people @ weights @ several / (n + f)
    adds: list[tuple[Any, float, float]] = []  # what each way adds, and how that is scaled
    for t in (*range(4), None):
        for r in (*range(cities), None):
            table = there[:, t] if t is not None else there.mean(axis=1)
            adds.append((table[:, r] if r is not None else table.sum(axis=1), 1.0, 0.0))
    adds += [(ever[:, r], 1.0, 0.0) for r in range(cities)]
    adds += [(np.ones(len(ways)), 1.0, 0.0), (ever.sum(axis=1) - 1, 1.0, 0.0)]
    adds += [
        ((ever - alone)[:, r] - share[r] * ever[:, r], flow[r], share[r]) for r in range(cities)
    ]
    adds.append((several - total, n + f, total))
    values = _amounts(beta, design, counts, h)
    variances = _given_data(at, design, counts, h, values, None)
    labels = _labels(h)
    for (add, by, plus), value, variance, label in zip(
        adds, values, variances, labels, strict=False
    ):
        first, second = weights @ add, weights @ add**2
        assert people @ first / by + plus == pytest.approx(value, rel=1e-9), label
        spreads = second - first**2
        if poisson:
            spreads[-1] = second[-1]
        assert people @ spreads / by**2 == pytest.approx(variance, rel=1e-7, abs=1e-9), label


def test_moments_of_the_hidden_agree_with_their_expectation() -> None:
    h = drawn(9, 3, 6, 300)
    counts = m_array(h)
    design = Design(5, 3, "city", "time", "city", entry="city+time")
    beta = np.random.default_rng(1).normal(0, 0.5, design.size)
    at = design.natural(beta)
    events = first_seen(at, counts, happened(at, counts)[1], poisson=False)[1]
    weight = np.random.default_rng(2).random((6, 3))
    mean, variance, (first, _) = spread(
        weight, counts.first, counts.again, counts.never, counts.last,
        at.entry, at.survival, at.gone, at.movement, at.missed,
    )  # fmt: skip
    assert mean + at.unseen * first == pytest.approx((weight * events.unseen).sum())
    assert variance > 0


def test_a_fixed_and_a_poisson_number_of_people_differ_little() -> None:
    made = bench.region(1)
    one, two = (
        stock_and_flow(
            made.histories, entry.fit(made.histories, *bench.TERMS, starts=2, number=number)
        )
        for number in ("fixed", "poisson")
    )
    for a, b in zip(one.amounts, two.amounts, strict=True):
        assert a.estimate == pytest.approx(b.estimate, rel=0.01)
        assert a.standard_error == pytest.approx(b.standard_error, rel=0.03)
        assert a.lower == pytest.approx(b.lower, rel=0.02)


def test_limits_hold_the_truth_and_never_less_than_was_seen() -> None:
    made = bench.region(2)
    told = stock_and_flow(
        made.histories, entry.fit(made.histories, *bench.TERMS, starts=2, level=0.999)
    )
    for kind, truth, estimate, lower, upper in bench.truths(made, told):
        assert lower < truth < upper, kind
        assert lower < estimate < upper
    for each in told.amounts:
        if each.observed is not None and "share" not in each.what:
            assert each.lower is not None
            assert each.lower >= each.observed
    naive = sum(told.of("flow", city).observed or 0 for city in bench.CITIES)
    twice = told.of("counted more than once")
    assert twice.observed == naive - made.histories.people > 100


def test_ninety_five_limits_of_a_hundred_hold_the_truth() -> None:
    found = bench.coverage(12)
    for kind in ("stock", "flow", "share elsewhere too"):
        assert 0.85 <= found[kind][1] <= 1.0
        assert abs(found[kind][2]) < 0.05
    assert found["naive sum over people seen"][2] > 0.1


def test_more_starts_lead_to_the_same_maximum() -> None:
    made = bench.region(3)
    heights = [
        entry.fit(made.histories, "city", "city", "city", "city+time", starts=4, seed=seed)
        for seed in (1, 2)
    ]
    assert heights[0].minus2loglik == pytest.approx(heights[1].minus2loglik, abs=0.01)
    assert heights[0].found >= 2
    one, two = (entry.fit(made.histories, starts=3, workers=k).to_dict() for k in (1, 3))
    assert one == two


def test_what_hangs_on_who_was_missed_at_the_ends_has_no_number() -> None:
    found = entry.fit(DIPPER, "time", "time", entry="time", starts=3)
    assert (found.parameters, found.estimable) == (20, 18)
    assert "detection, 1" in found.not_estimable
    assert "detection, 7" in found.not_estimable
    told = stock_and_flow(DIPPER, found)
    known = {each.occasion for each in told.amounts if each.what == "stock" and each.estimate}
    assert known == set("23456")
    assert told.of("flow").estimate is None
    assert "flow, the region" in told.not_estimable
    assert "left out" in told.warnings[-1]
    with pytest.raises(NoEstimateError, match="flow, the region cannot be estimated"):
        told.estimate(told.of("flow"))
    json.dumps(told.to_dict(), allow_nan=False)


def test_where_everybody_is_seen_nobody_is_hidden() -> None:
    rows = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]]
    h = Histories("A", "123", rows, [40, 30, 20, 25, 15])
    found = entry.fit(h, entry="time", starts=3)
    assert "detection" in found.at_boundary
    told = stock_and_flow(h, found)
    people = told.of("flow")
    assert people.estimate == pytest.approx(130, abs=0.01)
    assert people.lower == pytest.approx(130, abs=0.01)
    assert people.upper is not None
    assert 130 <= people.upper < 131.5
    assert told.of("stock", occasion="2").estimate == pytest.approx(90, abs=0.01)


def test_a_number_that_grows_without_limit_is_refused() -> None:
    # nobody who was seen in B was ever seen again, though they stay as long as those in A
    rows = [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 1]]
    rows += [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]
    h = Histories("AB", "1234", rows, [40, 30, 30, 30, 20, 30, 30, 30, 30])
    with pytest.raises(NoEstimateError, match="no limit to how many people"):
        entry.fit(h, "constant", "city", "constant", "city", starts=3)


def test_an_estimate_can_be_taken_on() -> None:
    made = bench.region(4)
    told = stock_and_flow(made.histories, entry.fit(made.histories, *bench.TERMS, starts=1))
    amount = told.of("flow", "Harbour")
    estimate = told.estimate(amount, draws=20_000)
    assert (estimate.total, estimate.lower, estimate.upper) == (
        amount.estimate, amount.lower, amount.upper,
    )  # fmt: skip
    assert estimate.draws is not None
    limits = np.quantile(estimate.draws, [0.025, 0.975])
    assert limits == pytest.approx([estimate.lower, estimate.upper], rel=0.01)
    assert estimate.observed == amount.observed
    assert np.array_equal(estimate.draws, told.estimate(amount, draws=20_000).draws)
    with pytest.raises(InputError, match="is no number of people"):
        told.estimate(told.of("stay in region"))
    with pytest.raises(InputError, match="There is no 'stock' of Atlantis here"):
        told.of("stock", "Atlantis")
    assert "flow, Harbour" in told.table("flow")
    assert "stock" not in told.table("flow")


def test_covariates_of_detection_begin_on_the_first_occasion() -> None:
    made = bench.region(5)
    effort = {"effort": np.array([3.0, 1, 2, 2, 1, 3, 2, 1])}
    found = entry.fit(
        made.histories, "city", "city+effort", "city", "city", covariates=effort, starts=1
    )
    assert len(found.of("detection")) == 8 * 3
    (effect,) = found.coefficients
    assert effect.estimate is not None
    assert effect.standard_error is not None
    assert abs(effect.estimate) < 4 * effect.standard_error
    assert stock_and_flow(made.histories, found).not_estimable == ()
    effort["effort"][0] = np.nan
    with pytest.raises(InputError, match="no number for Harbour on occasion month 1"):
        entry.fit(made.histories, detection="effort", covariates=effort, starts=1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"entry": "month"}, "The entry is one of constant, time"),
        ({"number": "some"}, "'fixed' or 'poisson', not 'some'"),
        ({"level": 0.0}, "level"),
    ],
)
def test_a_call_that_is_wrong_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        entry.fit(DIPPER, **given)


def test_a_fit_without_entry_has_no_numbers_of_people() -> None:
    with pytest.raises(InputError, match="This fit has no entry"):
        stock_and_flow(DIPPER, multistate.fit(DIPPER, starts=1))


def test_a_made_up_region_adds_up() -> None:
    made = bench.region(6)
    assert made.entered.sum() == made.people == 1_500
    assert np.all(made.stock[0] == made.entered[0])
    assert np.all(made.stock[1:] == made.moves.sum(axis=1) + made.entered[1:])
    assert np.all(made.moves.sum(axis=2) <= made.stock[:-1])
    assert made.only.sum() <= made.people <= made.ever.sum()
    again = bench.region(6)
    assert np.array_equal(made.histories.patterns, again.histories.patterns)
    with pytest.raises(InputError, match="add up to one"):
        simulate("A", "12", 10, [[0.5], [0.4]], 0.9, [[1.0]], 0.5)
    with pytest.raises(InputError, match="The survival has the shape"):
        simulate("A", "12", 10, [[0.5], [0.5]], [0.9, 0.8], [[1.0]], 0.5)
    with pytest.raises(InputError, match="below 0 or above 1"):
        simulate("A", "12", 10, [[0.5], [0.5]], 1.9, [[1.0]], 0.5)
