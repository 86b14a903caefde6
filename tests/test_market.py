"""The market: people are conserved, and where the answer is known it is that."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from darkfigure.demand import _market
from darkfigure.demand.market import GROUPS, PARAMETERS, Run, keys_of, simulate
from darkfigure.errors import InputError

PLAIN = {
    "stay": 3.0,
    "entry_ratio": 1.0,
    "visible_share": 0.3,
    "controlled": 0.5,
    "supply_elasticity": 1.0,
    "hours_per_exploited_arrest": 6.0,
    "hours_per_buyer_arrest": 5.0,
    "hours_per_trafficker_arrest": 300.0,
    "hidden_exposure": 0.2,
    "buyer_career": 8.0,
    "specific_deterrence": 0.5,
    "deterrence_years": 3.0,
    "general_deterrence": 1.0,
    "trafficker_career": 5.0,
    "replacement": 0.5,
    "replacement_years": 0.3,
    "freed_by_trafficker_arrest": 0.4,
    "custody_days": 20.0,
    "exit_at_arrest": 0.1,
    "indoors_per_exploited_arrest": 0.2,
    "indoors_per_buyer_arrest": 0.2,
    "displacement": 0.3,
    "harm_hidden": 0.9,
    "harm_of_arrest": 0.2,
    "harm_of_buyer_focus": 0.2,
    "cost_per_hour": 100.0,
    "cost_per_arrest": 3000.0,
}
TODAY = [[2400.0, 600.0, 1000.0], [500.0, 100.0, 200.0]]
SHIFTED = [[0.0, 2000.0, 2000.0], [500.0, 100.0, 200.0]]
NONE = np.zeros((1, 3))
MOVE = [[0.98, 0.02], [0.045, 0.955]]
SIZES = [[4400.0, 15000.0, 480.0], [1900.0, 6000.0, 200.0]]


def market(
    n: int = 200,
    sizes: object = SIZES,
    today: object = TODAY,
    hours: object = None,
    move: object = MOVE,
    years: int = 5,
    seed: int = 1,
    first: int = 0,
    **changes: float,
) -> Run:
    size = np.tile(np.asarray(sizes, float), (n, 1, 1))
    then = today if hours is None else hours
    return simulate(
        {**PLAIN, **changes}, size, today, then, move, years=years, seed=seed, first=first
    )


def test_the_kernel_has_its_parameters_in_the_order_that_is_documented() -> None:
    assert [getattr(_market, name.upper()) for name in PARAMETERS] == list(range(len(PARAMETERS)))


def test_random_numbers_are_uniform_and_apart() -> None:
    keys = keys_of(1, np.arange(200))
    u = np.array([[_market.uniform(key, i) for i in range(200)] for key in keys])
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    across = [np.corrcoef(u[i], u[i + 1])[0, 1] for i in range(199)]
    along = [np.corrcoef(u[:, i], u[:, i + 1])[0, 1] for i in range(199)]
    assert abs(np.mean(across)) < 0.02
    assert abs(np.mean(along)) < 0.02
    assert len(np.unique(np.concatenate([keys_of(s, np.arange(500)) for s in range(20)]))) == 10_000


def test_the_normal_quantile() -> None:
    u = np.concatenate([np.logspace(-15, -1, 30), np.linspace(0.1, 0.9, 30)])
    found = [_market.normal(each) for each in u]
    assert np.allclose(found, stats.norm.ppf(u), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("n", "p"), [(7, 0.3), (40, 0.02), (300, 0.9), (900, 0.015), (5000, 0.3)])
def test_binomial_draws_have_the_distribution(n: int, p: float) -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    found = np.array([_market.binomial(float(n), p, each) for each in u])
    exact = stats.binom.ppf(u, n, p)
    assert found.mean() == pytest.approx(n * p, rel=2e-3)
    assert found.std() == pytest.approx(exact.std(), rel=5e-3)
    assert np.abs(found - exact).max() <= 1
    if n * p * (1 - p) < 10:
        assert (found == exact).all()
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("mean", [0.3, 8.0, 25.0, 900.0])
def test_poisson_draws_have_the_distribution(mean: float) -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    found = np.array([_market.poisson(mean, each) for each in u])
    exact = stats.poisson.ppf(u, mean)
    assert np.abs(found - exact).max() <= 1
    assert found.mean() == pytest.approx(mean, rel=2e-3)


shares = st.floats(0.0, 1.0)
times = st.floats(0.05, 20.0)
hours = st.floats(0.0, 1e5)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), cities=st.integers(1, 3))
def test_nobody_is_lost_and_nobody_appears(data: st.DataObject, cities: int) -> None:
    some = {}
    for name, each in PARAMETERS.items():
        high = min(each.high, max(50.0, 2 * each.low))
        some[name] = data.draw(st.floats(each.low or (0.0 if each.high == 1 else 1e-3), high), name)
    sizes = data.draw(
        st.lists(st.tuples(*[st.integers(0, 20_000)] * 3), min_size=cities, max_size=cities)
    )
    spent = [
        data.draw(st.lists(st.tuples(hours, hours, hours), min_size=cities, max_size=cities))
        for _ in range(2)
    ]
    raw = np.array(
        data.draw(st.lists(st.lists(shares, min_size=3, max_size=3), min_size=3, max_size=3))
    )[:cities, :cities] + np.eye(cities)
    run = simulate(
        some, [sizes], spent[0], spent[1], raw / raw.sum(1, keepdims=True), years=2, seed=3
    )
    for group in GROUPS:
        start, entered, left, moved, end = np.moveaxis(run.ledger[group], -1, 0)
        assert (start + entered - left + moved == end).all()
        assert moved.sum() == 0
        for each in (entered, left, end):
            assert (each >= 0).all()
            assert (each == np.floor(each)).all()
    for group in GROUPS:
        assert (run.arrests[group] >= 0).all()


def test_without_entries_and_hours_numbers_decline_exponentially() -> None:
    run = market(2000, [[1000.0, 0, 0]], NONE, None, [[1.0]], years=4, entry_ratio=0.0, stay=2.0)
    expected = 1000 * np.exp(-np.arange(5) / 2.0)
    error = np.sqrt(expected * (1 - expected / 1000) / 2000) + 1e-9
    assert (np.abs(run.path.mean(axis=0) - expected) < 4 * error).all()
    years = 1000 * 2 * (1 - math.exp(-2))
    assert (run.visible_years + run.hidden_years).mean() == pytest.approx(years, rel=2e-3)


def test_without_hours_as_many_are_there_as_come_times_their_stay() -> None:
    """Little's law; the spread is that of a Poisson number in the long run."""
    run = market(800, [[900.0, 0, 0]], NONE, None, [[1.0]], years=25, stay=1.5)
    chance = 1 - math.exp(-1 / (12 * 1.5))
    entered = run.ledger["exploited"][:, 0, 1].mean() / (25 * 12)
    assert entered / chance == pytest.approx(900, rel=2e-3)
    assert run.path[:, -1].mean() == pytest.approx(900, abs=4 * 30 / math.sqrt(800))
    assert run.path[:, -1].var() == pytest.approx(900, rel=0.25)


def test_with_todays_hours_the_market_stands_still() -> None:
    run = market(1500, years=8)
    for group in GROUPS:
        ledger = run.ledger[group]
        assert ledger[:, :, 4].sum(1).mean() == pytest.approx(
            ledger[:, :, 0].sum(1).mean(), rel=0.004
        ), group
    first, second = (run.path[:, 0].mean(), run.path[:, -1].mean())
    assert second == pytest.approx(first, rel=0.004)


def test_arrests_are_hours_over_hours_per_arrest() -> None:
    run = market(800, years=5)
    for j, (group, per) in enumerate(
        zip(GROUPS, ("exploited", "buyer", "trafficker"), strict=True)
    ):
        expected = 5 * np.array(TODAY)[:, j] / PLAIN[f"hours_per_{per}_arrest"]
        assert run.arrests[group].mean(axis=0) == pytest.approx(expected, rel=0.02), group


def test_no_more_are_arrested_than_there_are() -> None:
    run = market(20, [[50.0, 80.0, 5.0]], [[1e7] * 3], None, [[1.0]], years=1, replacement=0.0)
    assert (run.ledger["exploited"][:, 0, 4] >= 0).all()
    assert (run.arrests["traffickers"] <= 5 + run.ledger["traffickers"][:, 0, 1:2]).all()


def test_arrests_that_deter_nobody_and_free_nobody_change_no_number_of_people() -> None:
    off = {
        "specific_deterrence": 1.0,
        "general_deterrence": 0.0,
        "freed_by_trafficker_arrest": 0.0,
        "exit_at_arrest": 0.0,
        "controlled": 0.0,
        "custody_days": 0.1,
    }
    before, after = (
        market(600, hours=each, move=np.eye(2), years=5, **off) for each in (TODAY, SHIFTED)
    )
    change = after.path[:, -1] - before.path[:, -1]
    assert abs(change.mean()) < 4 * change.std() / math.sqrt(600) + 0.5
    assert after.deterred.max() == 0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_in_the_long_run_entries_answer_to_buying_with_the_elasticity(share: float) -> None:
    """Whether they have a trafficker or not: the elasticity is not taken twice."""
    none, some = [[0.0, 0.0, 0.0]], [[0.0, 2000.0, 0.0]]
    still = {
        "controlled": share, "supply_elasticity": 1.5, "specific_deterrence": 1.0,
        "general_deterrence": 2.0, "hours_per_buyer_arrest": 1.0, "trafficker_career": 0.5,
        "stay": 0.5, "indoors_per_buyer_arrest": 0.0,
    }  # fmt: skip
    run = market(40, [[50_000.0, 20_000.0, 20_000.0]], none, some, [[1.0]], years=8, **still)
    bought = math.exp(-2.0 * 2000 / 20_000)  # a risk of 10 in 100 a year
    assert run.path[:, -1].mean() / 50_000 == pytest.approx(bought**1.5, rel=0.01)
    lost = run.deterred.mean() / run.ledger["buyers"][:, 0, [0, 4]].mean()
    assert lost == pytest.approx(1 - bought, rel=0.02)


@pytest.mark.parametrize("days", [1.0, 7.75, 60.0, 400.0])
def test_as_many_are_in_custody_as_are_arrested_times_the_days(days: float) -> None:
    """Little's law; there are so many at the start, and later too."""
    hours = [[12_000.0, 0.0, 0.0]]
    still = {"exit_at_arrest": 0.0, "custody_days": days, "indoors_per_exploited_arrest": 0.0}
    run = market(200, [[60_000.0, 0.0, 0.0]], hours, hours, [[1.0]], years=6, **still)
    arrested = run.arrests["exploited"].mean() / 6
    ledger = run.ledger["exploited"][:, 0]
    for at, year in ((0, 0), (4, -1)):
        held = ledger[:, at].mean() - run.path[:, year].mean()
        assert held == pytest.approx(arrested * days / 365.25, rel=0.03, abs=0.5)


def test_what_is_bought_next_door_is_bought() -> None:
    """Of all that arrests deter, the share that is displaced takes place: all of it, or none."""
    hours = [[0.0, 3000.0, 0.0], [0.0, 0.0, 0.0]]
    lost = [
        market(60, today=np.zeros((2, 3)), hours=hours, displacement=each).deterred.mean(axis=0)
        for each in (0.0, 0.5, 1.0)
    ]
    assert lost[0][0] > 500
    assert lost[0][1] == 0
    assert lost[1].sum() == pytest.approx(lost[0].sum() / 2, rel=1e-9)
    assert lost[2].sum() == pytest.approx(0, abs=1e-6)
    assert lost[2][1] == pytest.approx(-lost[0][0], rel=1e-9)


def test_harm_and_cost_are_what_they_are_made_of() -> None:
    hours = [[1200.0, 900.0, 600.0]]
    run = market(50, SIZES[:1], TODAY[:1], hours, [[1.0]], years=4)
    focus = 900 / 2700 - 600 / 4000
    harm = (1 + 0.2 * focus) * run.visible_years + 0.9 * run.hidden_years
    np.testing.assert_allclose(run.harm, harm + 0.2 * run.arrests["exploited"], rtol=1e-9)
    arrests = sum(run.arrests[group] for group in GROUPS)
    np.testing.assert_allclose(run.cost, 100 * 2700 * 4 + 3000 * arrests, rtol=1e-9)


def test_more_hours_on_buyers_lessen_exploitation_and_no_deterrence_does_not() -> None:
    strong = market(300, hours=SHIFTED, specific_deterrence=0.0, general_deterrence=4.0)
    weak = market(300, hours=SHIFTED, specific_deterrence=1.0, general_deterrence=0.0)
    assert strong.deterred.mean() > weak.deterred.mean()
    assert strong.path[:, -1].mean() < weak.path[:, -1].mean() - 50


def test_a_replaced_trafficker_changes_less_than_one_who_is_not() -> None:
    never, always = (
        market(300, hours=SHIFTED, replacement=each, supply_elasticity=0.0) for each in (0.0, 1.0)
    )
    fall = [
        (each.ledger["traffickers"][..., 4] - each.ledger["traffickers"][..., 0])[:, 0].mean()
        for each in (never, always)
    ]
    assert fall[0] < fall[1] - 5
    assert abs(fall[1]) < 5


def test_displaced_demand_turns_up_in_the_next_city() -> None:
    none, much = (
        market(400, hours=SHIFTED, displacement=each, general_deterrence=4.0).ledger["exploited"]
        for each in (0.0, 0.8)
    )
    assert much[:, 1, 1].mean() > none[:, 1, 1].mean() * 1.02


def test_a_market_has_the_same_chance_whatever_the_pieces() -> None:
    whole = market(10, years=3)
    part = market(4, years=3, first=6)
    assert (whole.path[6:] == part.path).all()
    assert (market(10, years=3).harm == whole.harm).all()
    assert not (market(10, years=3, seed=2).harm == whole.harm).all()


def test_both_allocations_meet_the_same_chance() -> None:
    slightly = np.add(TODAY, [[-6.0, 6.0, 0.0], [0.0, 0.0, 0.0]])
    before, after = market(300, years=5), market(300, hours=slightly, years=5)
    change = after.path[:, -1] - before.path[:, -1]
    assert change.std() < 0.3 * before.path[:, -1].std()


def test_a_missing_parameter_and_a_wrong_shape_are_refused() -> None:
    with pytest.raises(InputError, match="stay"):
        simulate({}, [[[1, 1, 1]]], NONE, NONE, years=1, seed=1)
    with pytest.raises(InputError, match="shape"):
        simulate(PLAIN, [[1, 1, 1]], NONE, NONE, years=1, seed=1)
    with pytest.raises(InputError, match="shape"):
        simulate(PLAIN, [[[1, 1, 1]]], [[1, 1]], NONE, years=1, seed=1)
