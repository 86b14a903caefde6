"""The entry model: how many there are, when and where they enter, and what nobody can tell."""

from __future__ import annotations

import itertools
from math import exp, lgamma, log
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.parity import dippers, entry_models
from darkfigure import InputError, NoEstimateError
from darkfigure.circuit import entry, multistate
from darkfigure.circuit._entry import before_seen, never_seen
from darkfigure.circuit.design import TERMS, Design, Natural
from darkfigure.circuit.estimates import expected_from_entry, slope
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.maximum import minus_log_likelihood, with_unseen
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit.stock import stock_and_flow

terms = st.sampled_from(TERMS)


def histories(seed: int, cities: int = 2, occasions: int = 4, people: int = 60) -> Histories:
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, cities + 2, (people, occasions))
    patterns[patterns > cities] = 0
    patterns[~patterns.any(axis=1), 0] = 1
    patterns[:2, :2] = 1
    return Histories("ABC"[:cities], [str(t) for t in range(occasions)], patterns)


def paths(at: Natural) -> list[tuple[tuple[int, ...], float]]:
    """Every way through the cities, -1 for none, with its chance, of one who enters."""
    assert at.entry is not None
    occasions, cities = at.entry.shape
    told = []
    for path in itertools.product(range(-1, cities), repeat=occasions):
        there = [t for t in range(occasions) if path[t] >= 0]
        if not there or there != list(range(there[0], there[-1] + 1)):
            continue
        chance = float(at.entry[there[0], path[there[0]]])
        for t in there[:-1]:
            chance *= at.survival[t, path[t]] * at.movement[t, path[t], path[t + 1]]
        if there[-1] < occasions - 1:
            chance *= at.gone[there[-1], path[there[-1]]]
        told.append((path, chance))
    return told


def chance(history: npt.ArrayLike, at: Natural) -> float:
    """The chance of a history, perhaps of nobody ever seen, by going through every path."""
    total = 0.0
    for path, share in paths(at):
        for t, (seen, here) in enumerate(zip(np.asarray(history), path, strict=True)):
            if here < 0:
                share *= seen == 0
            else:
                share *= at.missed[t, here] if seen == 0 else at.detection[t, here]
                share *= seen in (0, here + 1)
        total += share
    return total


def at_random(
    seed: int, cities: int, occasions: int, *words: str, poisson: bool = False
) -> tuple[Design, npt.NDArray[np.float64]]:
    words = words or ("city*time",) * 4
    made = Design(occasions - 1, cities, *words[:3], entry=words[3], poisson=poisson)
    return made, np.random.default_rng(seed).normal(0.0, 0.7, made.size)


def test_every_published_model_has_the_published_numbers() -> None:
    rows = list(entry_models())
    assert len(rows) == 53
    assert [row for row in rows if not row.ok] == []


@pytest.mark.parametrize("number", ["fixed", "poisson"])
@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_is_the_sum_over_all_hidden_paths(seed: int, number: str) -> None:
    h = histories(seed)
    design, beta = at_random(seed, 2, 4, poisson=number == "poisson")
    at = design.natural(beta)
    assert sum(share for _, share in paths(at)) == pytest.approx(1.0)
    never = chance([0, 0, 0, 0], at)
    n, f = h.people, at.unseen
    slowly = sum(
        people * log(chance(row, at)) for row, people in zip(h.patterns, h.freq, strict=True)
    )
    if number == "fixed":
        slowly += lgamma(n + f + 1) - lgamma(f + 1) + f * log(never)
    else:  # n is Poisson too, with the mean (1 - P) M
        slowly += n * log(f / never) - f / never * (1 - never)
    first = m_array(h).first
    slowly -= sum(lgamma(count + 1) for count in first.ravel())
    assert minus_log_likelihood(beta, m_array(h), design)[0] == pytest.approx(-slowly, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(terms, terms, terms, terms),
    st.integers(1, 3),
    st.integers(2, 5),
    st.booleans(),
    st.integers(0, 1000),
)
def test_the_gradient_is_that_of_the_likelihood(
    words: tuple[str, ...], cities: int, occasions: int, poisson: bool, seed: int
) -> None:
    counts = m_array(histories(seed, cities, occasions))
    design, beta = at_random(seed, cities, occasions, *words, poisson=poisson)
    gradient = minus_log_likelihood(beta, counts, design)[1]
    for j, unit in enumerate(np.eye(design.size)):
        up = minus_log_likelihood(beta + 1e-5 * unit, counts, design)[0]
        down = minus_log_likelihood(beta - 1e-5 * unit, counts, design)[0]
        assert gradient[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def test_slopes_of_the_chance_to_enter_are_those_of_its_logit() -> None:
    design, beta = at_random(4, 2, 4)

    def logit(beta: npt.NDArray[np.float64]) -> float:
        table = design.natural(beta).entry
        assert table is not None
        return float(np.log(table[2, 1] / (1 - table[2, 1])))

    told = slope(design, design.natural(beta), "entry", (2, 1))
    for j, unit in enumerate(np.eye(design.size)):
        numeric = (logit(beta + 1e-5 * unit) - logit(beta - 1e-5 * unit)) / 2e-5
        assert told[j] == pytest.approx(numeric, abs=1e-8)


def test_what_people_did_unseen_is_what_they_did_on_all_paths() -> None:
    design, beta = at_random(3, 2, 3)
    at = design.natural(beta)
    total, xi, entered, died, moved, present = never_seen(
        at.entry, at.survival, at.gone, at.movement, at.missed
    )
    assert total == pytest.approx(chance([0, 0, 0], at))
    slowly = np.zeros((3, 2)), np.zeros((2, 2)), np.zeros((2, 2, 2)), np.zeros((3, 2))
    for path, share in paths(at):
        there = [t for t in range(3) if path[t] >= 0]
        for t in there:
            share *= at.missed[t, path[t]] / (total if t == there[0] else 1)
        slowly[0][there[0], path[there[0]]] += share
        if there[-1] < 2:
            slowly[1][there[-1], path[there[-1]]] += share
        for t in there:
            slowly[3][t, path[t]] += share
        for t in there[:-1]:
            slowly[2][t, path[t], path[t + 1]] += share
    for ours, theirs in zip((entered, died, moved, present), slowly, strict=True):
        assert ours == pytest.approx(theirs)
    # of one first seen on the last occasion in the first city
    first = np.zeros((3, 2))
    first[2, 0] = 1.0
    came, _, before = before_seen(first, xi, at.entry, at.survival, at.movement, at.missed)
    assert came.sum() == pytest.approx(1.0)
    assert before[2].sum() == 0
    assert chance([0, 0, 1], at) == pytest.approx(xi[2, 0] * at.detection[2, 0])
    assert before[1].sum() == pytest.approx(came[:2].sum())


def test_expected_counts_have_no_slope_where_they_were_made() -> None:
    design, beta = at_random(1, 3, 5, "city+time", "city", "city", "city+time", poisson=True)
    some = m_array(histories(0, 3, 5))
    beta = with_unseen(beta, some, design)
    counts = expected_from_entry(design.natural(beta))
    assert counts.first.sum() == pytest.approx(some.first.sum())
    assert np.allclose(minus_log_likelihood(beta, counts, design)[1], 0.0, atol=1e-8)


def test_what_nobody_can_tell_is_named_and_has_no_number() -> None:
    for number in ("fixed", "poisson"):
        found = entry.fit(dippers(), "time", "time", "constant", "time", number=number, starts=2)
        assert (found.parameters, found.estimable) == (20, 18)
        assert found.not_estimable[:3] == ("survival, 6 to 7", "detection, 1", "detection, 7")
        assert len(found.not_estimable) == 10  # and every entry, which are shares of all
        assert all((each.name in found.not_estimable) == (each.estimate is None)
                   for each in found.estimates)  # fmt: skip
        told = stock_and_flow(dippers(), found)
        for what, when in (("stock", "1"), ("stock", "7"), ("stock", None), ("flow", None)):
            each = told.of(what, None, when)
            assert (each.estimate, each.lower, each.upper) == (None, None, None)
            assert each.name in told.not_estimable
        assert told.of("stock", None, "4").estimate is not None
        assert any("hang on parameters that cannot be estimated" in w for w in told.warnings)


def test_with_one_detection_all_of_the_dippers_can_be_told() -> None:
    found = entry.fit(dippers(), "time", "constant", "constant", "time", starts=2)
    assert found.estimable == found.parameters == 14
    assert found.not_estimable == ()
    assert sum(each.estimate or 0 for each in found.of("entry")) == pytest.approx(1.0)


def region(seed: int = 1, people: int = 400, detection: float = 0.5) -> Histories:
    enters = np.full((5, 2), 0.1)
    stays = [[0.8, 0.2], [0.3, 0.7]]
    return simulate("AB", "12345", people, enters, 0.8, stays, detection, seed=seed).histories


def test_rates_agree_with_those_of_the_model_without_entry() -> None:
    h = region(people=4_000)
    with_it = entry.fit(h, "constant", "constant", "city", "city*time", starts=2)
    without = multistate.fit(h, starts=2)
    for kind in ("survival", "movement"):
        for a, b in zip(with_it.of(kind), without.of(kind), strict=True):
            assert a.estimate is not None
            assert b.estimate is not None
            assert b.standard_error is not None
            assert abs(a.estimate - b.estimate) < 2 * b.standard_error


def test_where_everybody_was_seen_nobody_is_hidden() -> None:
    h = region(detection=1.0)
    found = entry.fit(h, "constant", "constant", "city", "city", starts=2)
    told = stock_and_flow(h, found)
    assert "detection" in found.at_boundary
    flow = told.of("flow")
    assert flow.estimate == pytest.approx(h.people, abs=0.01)
    assert flow.observed == h.people == flow.lower
    assert flow.upper is not None
    assert h.people <= flow.upper < h.people + 3
    for each in told.amounts:
        if each.what in ("stock", "flow"):
            assert each.estimate == pytest.approx(each.observed, abs=0.01)


UNSEEN_AGAIN = [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]  # in B, each but once
OFTEN = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1]]
B_ONCE = Histories(
    "AB", "1234", [*OFTEN, [1, 1, 1, 1], *UNSEEN_AGAIN], [80, 40, 30, 40, 30, 40, 50, *[50] * 4]
)


def test_a_number_without_limit_is_refused_in_words() -> None:
    # if as many stay in B as in A, they are there in any number, and seen as good as never
    with pytest.raises(NoEstimateError, match="no limit to how many people there are: with 510"):
        entry.fit(B_ONCE, "constant", "city", "city", "city", starts=3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"number": "many"}, "'fixed' or 'poisson'"),
        ({"entry": "month"}, "The entry is one of constant, time"),
        ({"entry": "hours", "covariates": {"hours": [1.0, 2.0]}}, "The entry is one of"),
        ({"starts": 0}, "One start or more"),
    ],
)
def test_a_call_that_is_wrong_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        entry.fit(region(), **words)
    with pytest.raises(InputError, match="has no entry"):
        stock_and_flow(dippers(), multistate.fit(dippers(), starts=1))


def test_the_result_is_the_same_for_a_seed_on_any_number_of_cores() -> None:
    h = region(3)
    one, two = (entry.fit(h, starts=4, workers=n) for n in (1, 3))
    assert one.to_dict() == two.to_dict()
    assert (
        stock_and_flow(h, one, workers=1).to_dict() == stock_and_flow(h, two, workers=3).to_dict()
    )
    found = entry.fit(h, "city", "city", "city", "city+time", starts=4)
    assert found.found >= 3


def test_a_known_slope_of_detection_is_found_with_entry() -> None:
    raids = np.array([0.0, 1.0, 3.0, 2.0, 5.0])
    detection = 1 / (1 + np.exp(1.0 - 0.4 * raids))[:, None]
    enters = np.full((5, 2), 0.1)
    made = simulate("AB", "12345", 6_000, enters, 0.8, [[0.8, 0.2], [0.3, 0.7]], detection, seed=4)
    found = entry.fit(
        made.histories, detection="raids", entry="city", covariates={"raids": raids}, starts=2
    )
    (slope_of,) = found.coefficients
    assert slope_of.lower is not None
    assert slope_of.upper is not None
    assert slope_of.lower < 0.4 < slope_of.upper < 0.6
    flow = stock_and_flow(made.histories, found).of("flow")
    assert flow.lower is not None
    assert flow.upper is not None
    assert flow.lower < made.people < flow.upper
    assert exp(found.beta[-2]) == pytest.approx((flow.estimate or 0) - made.histories.people)
