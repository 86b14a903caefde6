"""Stock, flow and double count: held against all paths, each other, and the truth."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from darkfigure import InputError, NoEstimateError
from darkfigure.circuit import _entry as kernel
from darkfigure.circuit import entry, multistate
from darkfigure.circuit.amounts import Amount, StockAndFlow, over_draws
from darkfigure.circuit.bootstrap import bootstrap
from darkfigure.circuit.design import Design, Natural
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.multistate import Fit
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit.stock import stock_and_flow
from tests.test_entry import B_ONCE, paths
from tests.three_cities import coverage

Floats = npt.NDArray[np.float64]
TINY_REGIONS = [(2, 3, 0), (2, 4, 1), (3, 3, 2)]


def tiny(cities: int, occasions: int, seed: int) -> tuple[Natural, Histories]:
    """A model of a few cities and occasions, and everybody who may be seen in it."""
    design = Design(occasions - 1, cities, *["city*time"] * 3, entry="city*time")
    beta = np.random.default_rng(seed).normal(0.0, 0.8, design.size)
    beta[design.hidden or 0] = math.log(7.0)
    rows = [row for row in itertools.product(range(cities + 1), repeat=occasions) if any(row)]
    freq = np.random.default_rng(seed).integers(1, 9, len(rows))
    names = [str(t) for t in range(occasions)]
    return design.natural(beta), Histories("ABC"[:cities], names, rows, freq)


def given_history(history: npt.ArrayLike, at: Natural) -> list[tuple[tuple[int, ...], float]]:
    """All paths of somebody with this history, and how likely each is given that."""
    told = []
    for path, share in paths(at):
        for t, (seen, here) in enumerate(zip(np.asarray(history), path, strict=True)):
            if here >= 0:
                share *= at.missed[t, here] if not seen else at.detection[t, here]
            share *= seen in ((0,) if here < 0 else (0, here + 1))
        told.append((path, share))
    total = sum(share for _, share in told)
    return [(path, share / total) for path, share in told if share]


def arrays(at: Natural) -> tuple[Any, ...]:
    return at.entry, at.survival, at.gone, at.movement, at.missed


@pytest.mark.parametrize(("cities", "occasions", "seed"), TINY_REGIONS)
def test_the_chance_to_have_stayed_within_is_that_of_all_paths(
    cities: int, occasions: int, seed: int
) -> None:
    at, h = tiny(cities, occasions, seed)
    for size in range(1, cities + 1):
        for within in itertools.combinations(range(cities), size):
            allowed = np.isin(np.arange(cities), within)
            found, unseen = kernel.staying(h.patterns, allowed, *arrays(at))
            for row, ours in zip([*h.patterns, np.zeros(occasions)], [*found, unseen], strict=True):
                slowly = sum(
                    share
                    for path, share in given_history(row, at)
                    if set(path) - {-1} <= set(within)
                )
                assert ours == pytest.approx(slowly, abs=1e-12)


@pytest.mark.parametrize(("cities", "occasions", "seed"), TINY_REGIONS)
def test_mean_and_variance_of_who_is_hidden_are_those_of_all_paths(
    cities: int, occasions: int, seed: int
) -> None:
    at, h = tiny(cities, occasions, seed)
    weight = np.random.default_rng(seed).uniform(0, 1, (occasions, cities))
    c = m_array(h)
    ours = kernel.spread(weight, c.first, c.again, c.never, c.last, *arrays(at))
    moments = []
    for row in [*h.patterns, np.zeros(occasions)]:
        ways = given_history(row, at)
        sums = [
            sum(weight[t, here] for t, here in enumerate(path) if here >= 0 and not row[t])
            for path, _ in ways
        ]
        shares = [share for _, share in ways]
        moments.append((np.dot(shares, sums), np.dot(shares, np.square(sums))))
    first, second = np.array(moments).T
    assert ours[0] == pytest.approx(h.freq @ first[:-1])
    assert ours[1] == pytest.approx(h.freq @ (second - first**2)[:-1])
    assert ours[2] == pytest.approx([first[-1], second[-1]])


@cache
def region(seed: int = 1, people: int = 900, cities: int = 3) -> tuple[Any, Fit, StockAndFlow]:
    rng = np.random.default_rng([3, seed])
    enters = np.full((6, cities), 0.1)
    enters[0] = rng.uniform(0.2, 0.6, cities)
    moves = np.array([rng.dirichlet(np.ones(cities)) for _ in range(cities)])
    moves = 0.6 * np.eye(cities) + 0.4 * moves
    p = rng.uniform(0.25, 0.5, cities)
    names = [f"month {t}" for t in range(6)]
    made = simulate("ABCD"[:cities], names, people, enters / enters.sum(), 0.8, moves, p, seed=seed)
    found = entry.fit(made.histories, "constant", "city", "city", "city", starts=2, seed=5)
    return made, found, stock_and_flow(made.histories, found, workers=1)


def size(told: StockAndFlow, *which: str | None) -> float:
    each = told.of(*which)  # type: ignore[arg-type]
    assert each.estimate is not None
    return each.estimate


def test_stocks_and_flows_add_up() -> None:
    made, found, told = region()
    h: Histories = made.histories
    for when in (*h.occasions, None):
        total = sum(size(told, "stock", city, when) for city in h.cities)
        assert size(told, "stock", None, when) == pytest.approx(total)
    for city in (*h.cities, None):
        by_month = [size(told, "stock", city, when) for when in h.occasions]
        assert size(told, "stock", city) == pytest.approx(np.mean(by_month))
        assert size(told, "flow", city) >= max(by_month)
    flows = [size(told, "flow", city) for city in h.cities]
    assert max(flows) < size(told, "flow") < sum(flows)
    assert size(told, "counted more than once") == pytest.approx(sum(flows) - size(told, "flow"))
    hidden = math.exp(found.beta[-1])
    assert size(told, "flow") == pytest.approx(h.people + hidden)
    # whoever is in one city alone is in one
    alone = sum(
        flow * (1 - size(told, "share elsewhere too", city))
        for city, flow in zip(h.cities, flows, strict=True)
    )
    assert size(told, "share in several cities") == pytest.approx(1 - alone / size(told, "flow"))


def test_limits_are_on_both_sides_and_never_below_what_was_seen() -> None:
    made, _, told = region()
    assert told.not_estimable == ()
    for each in told.amounts:
        assert each.estimate is not None
        assert each.lower is not None
        assert each.upper is not None
        assert each.lower < each.estimate < each.upper
        if each.what in ("stock", "flow", "counted more than once"):
            assert each.observed is not None
            assert each.observed <= each.lower
        if each.what.startswith("share"):
            assert 0 < each.lower < each.upper < 1
    seen = made.histories.patterns
    assert told.of("stock", "A", "month 2").observed == np.sum(made.histories.freq[seen[:, 2] == 1])
    assert told.of("flow", "B").observed == np.sum(made.histories.freq[(seen == 2).any(axis=1)])


def test_two_cities_have_the_shares_that_their_flows_say() -> None:
    _, _, told = region(2, cities=2)
    a, b, both = size(told, "flow", "A"), size(told, "flow", "B"), size(told, "flow")
    assert size(told, "share in several cities") == pytest.approx((a + b - both) / both)
    assert size(told, "share elsewhere too", "A") == pytest.approx((a + b - both) / a)


def test_turnover_is_that_of_the_region_it_was_made_of() -> None:
    made, _, told = region(3, people=20_000)
    later = made.stock[1:].sum(axis=0)
    for r, city in enumerate(made.histories.cities):
        came = made.moves[:, :, r].sum() - made.moves[:, r, r].sum()
        left = made.stock[:-1, r].sum() - made.moves[:, r, r].sum()
        for what, truth in (
            ("entries", made.entered[1:, r].sum() / later[r]),
            ("moves in", came / later[r]),
            ("stay in city", made.stock[:-1, r].sum() / left),
        ):
            each = told.of(what, city)
            assert each.lower is not None
            assert each.upper is not None
            middle, half = (each.lower + each.upper) / 2, (each.upper - each.lower) / 2
            assert abs(truth - middle) < 1.6 * half
            assert half < 0.15 * truth
    gone = made.stock[:-1].sum() - made.moves.sum()
    assert size(told, "stay in region") == pytest.approx(made.stock[:-1].sum() / gone, rel=0.05)


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(3)), st.randoms(use_true_random=False))
def test_names_of_cities_and_the_order_of_people_do_not_matter(order: list[int], rnd: Any) -> None:
    made, found, told = region(4, people=300)
    h: Histories = made.histories
    rows = list(range(len(h.freq)))
    rnd.shuffle(rows)
    place = np.array([0, *(1 + np.argsort(order))])  # where each city has gone
    again = Histories(
        [h.cities[r] for r in order], h.occasions, place[h.patterns[rows]], h.freq[rows]
    )
    anew = entry.fit(again, "constant", "city", "city", "city", starts=2)
    assert anew.minus2loglik == pytest.approx(found.minus2loglik, abs=1e-4)
    other = stock_and_flow(again, anew, workers=1)
    for each in told.amounts:
        same = other.of(each.what, each.city, each.occasion)
        assert same.observed == each.observed or each.observed is None
        assert same.estimate == pytest.approx(each.estimate, rel=2e-3)
        assert same.standard_error == pytest.approx(each.standard_error, rel=2e-2)


def test_a_smaller_level_and_a_larger_c_hat_do_what_they_say() -> None:
    made, found, told = region()
    wide = replace(found, settings={**found.settings, "c_hat": 4.0})
    four = stock_and_flow(made.histories, wide, workers=1).of("flow")
    one = told.of("flow")
    assert four.estimate == one.estimate
    assert four.standard_error == pytest.approx(2 * (one.standard_error or 0), rel=1e-6)
    narrow = replace(found, settings={**found.settings, "level": 0.5})
    half = stock_and_flow(made.histories, narrow, workers=1).of("flow")
    assert one.lower is not None
    assert one.lower < (half.lower or 0) < (half.upper or 0) < (one.upper or 0)


def test_an_amount_becomes_an_estimate_of_people_that_others_take() -> None:
    _, _, told = region()
    amount = told.of("flow", "A")
    made = told.estimate(amount)
    assert (made.total, made.lower, made.upper) == (amount.estimate, amount.lower, amount.upper)
    assert made.observed == amount.observed
    assert made.draws is not None
    assert made.draws.min() >= made.observed
    assert np.quantile(made.draws, 0.975) == pytest.approx(made.upper, rel=0.05)
    assert np.array_equal(made.draws, told.estimate(amount).draws)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no number of people"):
        told.estimate(told.of("stay in region"))
    with pytest.raises(NoEstimateError, match="flow, A cannot be estimated"):
        told.estimate(replace(amount, estimate=None))
    with pytest.raises(InputError, match="no 'flow' of Z here; there are: stock, flow"):
        told.of("flow", "Z")
    assert "flow, the region" in told.table("flow")
    assert "stock" not in told.table("flow")
    assert "patterns" not in json.dumps(told.to_dict())


def drawn(*values: tuple[float, float] | None) -> list[StockAndFlow]:
    """A flow of 100 seen, once for each estimate and error; None where it cannot be told."""
    return [
        StockAndFlow(
            (Amount("flow", None, None, 100.0, *(each or (None, None)), None, None),),
            (), {"level": 0.95}, (),
        )
        for each in values
    ]  # fmt: skip


def test_over_draws_the_error_has_what_is_within_and_between() -> None:
    (amount,) = over_draws(drawn((150, 9), (140, 10), (160, 10), (150, 10))).amounts
    assert amount.estimate == 150
    assert amount.standard_error == pytest.approx(math.sqrt(100 + (4 / 3) * 100))
    assert amount.lower is not None
    assert 100 < amount.lower < 150 < (amount.upper or 0)
    told = over_draws(drawn((150, 9), (140, 10), None))
    assert told.amounts[0].estimate is None
    assert told.not_estimable == ("flow, the region",)
    # nobody fewer than seen in a draw of fewer people
    (few,) = over_draws(drawn((150, 9), (90, 1), (95, 1))).amounts
    assert 90 <= (few.lower or 0) <= 92.5


def test_one_city_has_the_stock_and_the_flow_of_the_region() -> None:
    _, _, told = region(6, cities=1)
    assert told.of("flow", "A") == replace(told.of("flow"), city="A")
    assert {each.what for each in told.amounts} == {"stock", "flow", "entries", "stay in region"}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    told = coverage(24)
    assert told.pop("naive sum over people seen")[2] > 0.1
    # what is of one region hangs together: of 24 regions the bound is passed once in a thousand
    least = binom.ppf(0.001, 24, 0.95) / 24
    for kind, (intervals, share, off) in told.items():
        assert share >= least, kind
        assert abs(off) < 0.03, kind
        if intervals > 24 * 8:
            assert 0.91 <= share <= 0.985, kind


def test_where_all_may_have_been_seen_or_half_of_them_there_is_no_number() -> None:
    # in B each was seen once: seen by all means and gone at once, or one of many who stay
    found = entry.fit(B_ONCE, "city", "city", "city", "city", starts=3)
    assert "detection in B" in found.at_boundary
    told = stock_and_flow(B_ONCE, found, workers=1)
    for which in (("stock", "B"), ("flow", "B"), ("flow", None), ("stock", "B", "2")):
        assert told.of(*which).estimate is None
        assert told.of(*which).name in told.not_estimable
    assert told.of("flow", "A").estimate is not None


def test_where_all_of_a_few_were_seen_again_some_may_be_hidden() -> None:
    def unseen(people: int) -> float:
        enters = np.full((6, 1), 1 / 6)
        h = simulate("A", "123456", people, enters, 0.8, [[1.0]], 1.0, seed=2).histories
        found = entry.fit(h, "constant", "constant", "constant", "constant", starts=2)
        assert found.at_boundary == ("detection",)
        flow = stock_and_flow(h, found, workers=1).of("flow")
        assert flow.lower == flow.observed == people
        assert flow.estimate == pytest.approx(people, abs=0.01)
        assert flow.upper is not None
        return flow.upper - people

    assert 0.3 < unseen(20) < 5
    assert 0 <= unseen(2_000) < 1.5


def test_replicates_and_standard_errors_agree() -> None:
    """By how far estimates are from the truth of each replicate, and by the delta method."""
    moves = np.array([[0.7, 0.2, 0.1], [0.15, 0.8, 0.05], [0.2, 0.1, 0.7]])
    enter = np.full((6, 3), 0.6 / 15)
    enter[0] = 0.4 / 3
    h = simulate("ABC", "123456", 1500, enter, 0.85, moves, 0.4, seed=3).histories
    found = entry.fit(h, detection="city", entry="constant", starts=2)
    told = stock_and_flow(h, found)
    made = bootstrap(h, found, replicates=120)
    for ours, theirs in zip(made.estimates, found.estimates, strict=True):
        assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.25)
    drawn = made.people(told)
    for ours, theirs in zip(drawn.amounts, told.amounts, strict=True):
        assert ours.estimate == theirs.estimate
        if theirs.estimate is None:
            continue
        assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.3)
        assert (ours.observed or 0.0) <= ours.lower <= ours.estimate <= ours.upper
        off = (ours.lower - theirs.lower) / theirs.standard_error
        assert abs(off) < 1, ours.name
    one, three = (bootstrap(h, found, replicates=12, workers=n) for n in (1, 3))
    assert np.array_equal(one.amounts, three.amounts)
    assert np.array_equal(one.truths, three.truths, equal_nan=True)
    plain = bootstrap(h, multistate.fit(h, starts=1), replicates=2)
    with pytest.raises(InputError, match="no entry"):
        plain.people(told)
