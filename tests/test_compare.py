"""Places side by side: footing, rates, gaps and ranks, against what is known of them."""

from __future__ import annotations

import json
import math
from itertools import permutations
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.places import judged, missed, once
from darkfigure import tables
from darkfigure.compare.comparison import compare
from darkfigure.compare.footing import Footing
from darkfigure.compare.gap import gap
from darkfigure.compare.place import Place, published
from darkfigure.compare.ranks import ranks
from darkfigure.compare.rates import rates
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.places import place_of_counts

HALF = np.array([0.5])


def place(name, total=900.0, lower=700.0, upper=1_300.0, observed=300, **other):
    estimate = published(total, lower, upper, observed=observed)
    return Place(name, **{"population": 500_000, "years": 1.0, "estimate": estimate, **other})


# one footing


@given(
    years=st.floats(0.0, 20.0),
    footing=st.floats(0.0, 20.0),
    stay=st.floats(0.01, 50.0),
)
def test_littles_law_there_and_back_changes_nothing(years, footing, stay):
    there = Footing(footing, (stay, stay)).factor(years, HALF)
    back = Footing(years, (stay, stay)).factor(footing, HALF)
    assert there * back == pytest.approx(1.0)


@given(years=st.floats(0.1, 20.0), stay=st.floats(0.01, 50.0))
def test_one_year_lies_between_the_yearly_average_and_all(years, stay):
    factor = float(Footing(1.0, (stay, stay)).factor(years, HALF)[0])
    assert min(1.0, 1 / years) - 1e-12 <= factor <= max(1.0, 1 / years) + 1e-12


def test_a_stay_of_nothing_is_the_yearly_average():
    assert Footing(1.0, (0.0, 0.0)).factor(6.0, HALF).tolist() == [1 / 6]


def test_a_simulated_stock_of_people_is_brought_to_one_year():
    """Steady arrivals, stays of three years on average: people of six years, of one, at once."""
    rng = np.random.default_rng(1)
    began = rng.uniform(-60, 10, 700_000)
    ended = began + rng.exponential(3.0, began.size)

    def within(start, years):
        return int(((ended >= start) & (began <= start + years)).sum())

    factor = float(Footing(1.0, (3.0, 3.0)).factor(6.0, HALF)[0])
    assert within(0, 6) * factor == pytest.approx(within(2, 1), rel=0.02)
    stock = float(Footing(0.0, (3.0, 3.0)).factor(6.0, HALF)[0])
    assert within(0, 6) * stock == pytest.approx(within(3, 0), rel=0.02)


def test_different_times_are_refused_without_a_stated_stay():
    with pytest.raises(InputError, match=r"b counts the people of 6 years.*--stay"):
        rates([place("a"), place("b", years=6.0)])


def test_a_stock_and_years_of_people_who_do_not_stay_are_refused():
    with pytest.raises(InputError, match="at any one moment"):
        rates([place("a"), place("b", years=0.0)], Footing(1.0, (0.0, 0.0)))


@pytest.mark.parametrize("stay", [(-1.0, 2.0), (3.0, 2.0), (0.0, 2.0), (1.0, math.inf)])
def test_an_impossible_stay_is_refused(stay):
    with pytest.raises(InputError, match="stay"):
        Footing(1.0, stay)


def test_an_uncertain_stay_is_the_same_in_all_places():
    """Two places of six years differ as much as their lists say, however long people stay."""
    places = [place("a", years=6.0), place("b", years=6.0)]
    as_they_are = gap(rates(places, Footing(6.0)), "a", "b")
    brought = gap(rates(places, Footing(1.0, (0.1, 10.0))), "a", "b")
    assert brought.prevalence.ratio == pytest.approx(as_they_are.prevalence.ratio)
    assert brought.prevalence.lower == pytest.approx(as_they_are.prevalence.lower)
    assert brought.prevalence.upper == pytest.approx(as_they_are.prevalence.upper)


# places


def test_draws_of_a_published_interval_have_its_limits_and_its_total():
    found = published(13_079, 9_000, 30_000, observed=1_308)
    low, middle, high = np.quantile(found.draws, [0.025, 0.5, 0.975])
    assert (low, middle, high) == pytest.approx((9_000, 13_079, 30_000), rel=1e-3)


def test_an_assumed_interval_says_that_it_is_assumed():
    found = published(13_079, None, None, within=2.0)
    assert (found.lower, found.upper) == (13_079 / 2, 13_079 * 2)
    assert "assumed" in found.warnings[0]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((100, None, None, {}), "No limits"),
        ((100, 50, None, {}), "both limits"),
        ((None, None, None, {"within": 2.0}), "its total"),
        ((100, None, None, {"within": 1.0}), "above 1"),
        ((100, 120, 200, {}), "hold the total"),
        ((100, 50, 200, {"observed": 60}), "60 people recorded"),
        ((100, 0, 200, {}), "positive"),
        ((100, 50, 200, {"level": 1.0}), "level"),
        ((100, 50, math.inf, {}), "positive and hold"),
    ],
)
def test_published_numbers_that_contradict_each_other_are_refused(numbers, says):
    total, lower, upper, other = numbers
    with pytest.raises(InputError, match=says):
        published(total, lower, upper, **other)


@pytest.mark.parametrize("population", [0, -5, math.nan, math.inf])
def test_no_population_no_place(population):
    with pytest.raises(InputError, match="population of a"):
        place("a", population=population)


def test_one_place_is_no_comparison_and_neither_is_one_twice():
    with pytest.raises(InputError, match="two places or more"):
        rates([place("a")])
    with pytest.raises(InputError, match="'a' is there twice"):
        rates([place("a"), place("a")])


def test_places_whose_lists_cannot_answer_are_kept_and_not_ranked():
    silent = place_of_counts("silent", tables.load("artificial-3").drop("B"), 1e5, 1.0)
    assert not silent.answers
    assert silent.why.startswith("its lists cannot answer; ")
    found = compare([place("a"), silent, place("b")])
    rows = {row["name"]: row for row in found.rows()}
    assert rows["silent"]["observed"] == tables.load("artificial-3").drop("B").observed
    assert rows["silent"]["rank_lower"] is None
    assert {rows["a"]["rank_upper"], rows["b"]["rank_upper"]} == {2}
    assert any("silent" in sentence for sentence in found.sentences)


def test_a_lower_bound_is_no_estimate_to_compare():
    bound = Estimate(500.0, 400.0, 600.0, 0.95, 100, "chao", ("a", "b"), {}, {"lower_bound": True})
    with pytest.raises(NoEstimateError, match="Fewer than two places"):
        rates([place("a"), Place("b", 1e5, 1.0, bound)])


def test_a_place_with_nobody_recorded_has_a_rate_and_no_share():
    nobody = Place("b", 500_000, 1.0, published(900, 700, 1_300), observed=0)
    assert "; nobody is recorded in b. So" in str(compare([place("a"), nobody]).gaps[0])
    found = compare([place("a"), place("b", observed=0)])
    row = found.rows()[1]
    assert row["rate"] > 0
    assert row["coverage"] is None
    assert found.gaps[0].recorded.ratio is None
    assert "how many are recorded in b is not known" in str(found.gaps[0])


# rates and gaps


def test_draws_of_an_estimate_are_used_as_they_are():
    counts = tables.load("uk-2013")
    here = place_of_counts("here", counts, 64_139_000, 1.0)
    found = compare([here, place("b")])
    row = found.rows()[0]
    low, high = np.quantile(here.estimate.draws, [0.025, 0.975], method="inverted_cdf")
    assert row["rate_lower"] == pytest.approx(1e5 * low / 64_139_000, rel=0.01)
    assert row["rate_upper"] == pytest.approx(1e5 * high / 64_139_000, rel=0.01)


def test_an_estimate_without_draws_keeps_its_limits():
    e = Estimate(900.0, 700.0, 1_300.0, 0.9, 300, "independent", ("a", "b"))
    found = rates([Place("a", 1e6, 1.0, e), place("b")])
    low, high = np.quantile(1e6 * found.draws[:, 0], [0.05, 0.95])
    assert (low, high) == pytest.approx((700, 1_300), rel=0.02)


@settings(deadline=None, max_examples=30)
@example(totals=[985.0, 49990.0], shares=[0.05078125, 0.05], heads=[1e5, 1e5])  # 49.5 times
@given(
    totals=st.lists(st.floats(500, 50_000), min_size=2, max_size=2),
    shares=st.lists(st.floats(0.05, 0.9), min_size=2, max_size=2),
    heads=st.lists(st.floats(1e5, 1e7), min_size=2, max_size=2),
)
def test_what_is_recorded_is_prevalence_times_detection(totals, shares, heads):
    a, b = (
        place(name, t, t * max(0.8, s), t * 1.5, round(t * s * 0.99), population=p)
        for name, t, s, p in zip("ab", totals, shares, heads, strict=True)
    )
    found = gap(rates([a, b], draws=1_000), "a", "b")
    r, p, d = (each.ratio for each in (found.recorded, found.prevalence, found.detection))
    assert r == pytest.approx(p * d)
    turned = gap(rates([b, a], draws=1_000), "b", "a")
    assert turned.probability == pytest.approx(1 - found.probability)
    assert turned.prevalence.ratio == pytest.approx(1 / p)
    assert str(turned.turned).split(".")[0] == str(found if r >= 1 else found.turned).split(".")[0]


def test_two_log_normal_places_have_the_probability_of_the_closed_form():
    a = place("a", 1_000, 1_000 / 1.5, 1_500, 10)
    b = place("b", 1_300, 1_300 / 2.0, 2_600, 10)
    z = NormalDist().inv_cdf(0.975)
    sd = math.hypot(math.log(1.5) / z, math.log(2.0) / z)
    expected = NormalDist().cdf(math.log(1_000 / 1_300) / sd)
    found = gap(rates([a, b], draws=200_000), "a", "b")
    assert found.probability == pytest.approx(expected, abs=0.005)
    assert found.prevalence.lower == pytest.approx(1_000 / 1_300 * math.exp(-z * sd), rel=0.02)
    assert found.prevalence.upper == pytest.approx(1_000 / 1_300 * math.exp(z * sd), rel=0.02)


def test_the_recorded_ratio_has_the_limits_of_two_poisson_counts():
    """The exact conditional interval of a ratio of Poisson means (Clopper & Pearson): 2.20–4.15."""
    from scipy.stats import beta

    a, b = place("a", observed=300), place("b", observed=50, population=250_000)
    found = gap(rates([a, b], draws=100_000), "a", "b").recorded
    n, k = 350, 300
    low, high = beta.ppf(0.025, k, n - k + 1), beta.ppf(0.975, k + 1, n - k)
    exact = [p / (1 - p) * 250_000 / 500_000 for p in (low, high)]
    assert (found.lower, found.upper) == pytest.approx(exact, rel=0.02)


def test_a_place_does_not_change_with_who_stands_beside_it():
    a, b, c = place("a"), place("b", 2_000, 1_500, 3_000), place("c", 500, 400, 700)
    two, three = rates([a, b]), rates([c, b, a])
    assert np.array_equal(two.draws[:, 0], three.draws[:, 2])
    assert np.array_equal(rates([a, b], seed=2).draws[:, 0], two.draws[:, 0]) is False


def test_same_seed_same_numbers():
    a, b = place("a"), place("b", 2_000, 1_500, 3_000)
    assert compare([a, b]).to_dict() == compare([a, b]).to_dict()


# ranks


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 6).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 4), min_size=k, max_size=k), min_size=1, max_size=12
        )
    )
)
def test_ranks_are_those_of_all_orders_that_ties_allow(rows):
    """The slow way: every order of every draw that its ties allow, all equally likely."""
    x = np.array(rows, dtype=float)
    k = x.shape[1]
    slow = np.zeros((k, k))
    for row in x:
        orders = [
            p
            for p in permutations(range(k))
            if all(row[p[i]] >= row[p[i + 1]] for i in range(k - 1))
        ]
        for order in orders:
            for rank, who in enumerate(order):
                slow[who, rank] += 1 / len(orders) / len(x)
    found = ranks(x)
    assert found.probability == pytest.approx(slow)
    assert found.expected == pytest.approx(slow @ np.arange(1, k + 1))
    assert found.probability.sum(axis=0) == pytest.approx(np.ones(k))
    assert found.higher + found.higher.T == pytest.approx(np.ones((k, k)))
    assert (found.lower <= found.upper).all()
    turned = ranks(x, highest_first=False)
    assert turned.probability == pytest.approx(found.probability[:, ::-1])


def test_places_that_cannot_be_told_apart_are_not_ranked():
    found = compare([place("a"), place("b"), place("c")])
    assert not found.ranked
    assert "No two of the places can be told apart, so they are not ranked." in found.sentences
    assert not any(each.told_apart for each in found.gaps)
    assert "–" in str(found).splitlines()[-1].split()[-1]


def test_a_place_that_is_worse_is_said_to_be():
    found = compare([place("a"), place("b", 9_000, 7_000, 13_000)])
    assert found.first == ["b"]
    assert found.sentences == ["b has the most people per head (probability more than 99 %)."]
    assert found.gaps[0].told_apart
    assert "So prevalence is higher in b" in str(found.gaps[0])


def test_an_order_is_sure_when_the_interval_of_the_ratio_excludes_one():
    a = place("a", 1_000, 800, 1_250, 10)
    for factor in np.linspace(1.0, 2.0, 21):
        b = place("b", 1_000 * factor, 800 * factor, 1_250 * factor, 10)
        found = gap(rates([b, a]), "b", "a")
        assert found.told_apart == (found.prevalence.lower > 1 or found.prevalence.upper < 1)


def test_of_many_like_places_it_is_said_how_many_may_be_the_first():
    found = compare([place(f"p{i}") for i in range(42)])
    assert "cannot be told: it may be any of 4" in found.sentences[0]
    few = compare([place(f"p{i}") for i in range(8)])
    assert few.sentences[0].endswith("cannot be told: it may be any of 8 places.")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1_000), st.integers(2, 6), st.sampled_from([0.5, 0.8, 0.95]))
def test_simultaneous_ranks_hold_for_all_places_at_once_and_no_wider_than_need_be(seed, k, level):
    """The slow way: the ranks of every draw, counted within the limits."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(np.arange(k), 1.5, (200, k)).round(1)
    found = ranks(draws, level=level)
    first = (draws[:, None, :] > draws[:, :, None]).sum(axis=2) + 1
    last = first + (draws[:, None, :] == draws[:, :, None]).sum(axis=2) - 1
    low, high = found.simultaneous_lower, found.simultaneous_upper
    within = ((first >= low) & (last <= high)).all(axis=1).mean()
    assert within >= level - 1e-9
    assert (low <= found.lower).all()
    assert (high >= found.upper).all()
    if (low < found.lower).any() or (high > found.upper).any():
        below = found.probability.cumsum(axis=1)
        shallow = [below[j, low[j] - 1] for j in range(k)]
        shallow += [1 - below[j, high[j] - 1] + found.probability[j, high[j] - 1] for j in range(k)]
        tail = min(shallow) + 1e-9  # with these tails one rank fewer is left, and that is too few
        low, high = 1 + (below < tail).sum(axis=1), 1 + (below < 1 - tail).sum(axis=1)
        assert ((first >= low) & (last <= high)).all(axis=1).mean() < level


def test_what_is_recorded_says_that_it_hangs_on_the_stay_where_times_differ():
    places = [place("a"), place("b", years=6.0), place("c", years=6.0)]
    found = compare(places, Footing(1.0, (0.5, 5.0)))
    at = {(each.a, each.b): each for each in found.gaps}
    span = at["a", "b"].recorded.span
    said = f"({span} times, both brought to the people of one year under the assumed stay)"
    assert said in str(at["a", "b"])
    assert at["a", "b"].turned.brought == at["a", "b"].brought != ""
    assert "assumed stay" not in str(at["b", "c"])


def test_places_that_count_different_people_are_told_so():
    found = compare([place("a", people="victims"), place("b", people="presumed victims")])
    assert "count different people (a: victims; b: presumed victims)" in found.warnings[0]


def test_a_comparison_is_json_without_numbers_that_are_none():
    infinite = Estimate(
        900.0, 700.0, math.inf, 0.95, 300, "x", ("a",), draws=[700.0, 900.0, math.inf]
    )
    found = compare([Place("a", 1e5, 1.0, infinite), place("b")]).to_dict()
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text)["places"][0]["rate_upper"] is None
    assert json.loads(text)["pairs"][0]["prevalence_ratio_upper"] is None


def test_equal_places_that_look_differently_hard_are_seldom_told_apart():
    """A small part of `benchmarks.places`: the naive order errs in most pairs, ours hardly ever."""
    told = judged("awareness", [once("awareness", replicate, 16) for replicate in range(3)])
    assert told["naive_false"] > 0.8
    assert told["false"] < 0.2  # 0.055 over 51 places, 20 times
    assert told["coverage"] > 0.85


def test_the_bars_of_the_study_can_be_missed():
    told = judged("awareness", [once("awareness", 0, 6)])
    fine = {"coverage": 0.95, "false_worse": 0.02, "false_better": 0.02, "false": 0.04}
    fine |= dict.fromkeys(("false_worse_error", "false_better_error", "false_error"), 0.004)
    told |= {**fine, "naive_false": 0.9}
    assert missed(told) == []
    for name, value in (
        ("coverage", 0.91),
        ("naive_false", 0.4),
        ("false_worse", 0.04),
        ("false_better", 0.04),
        ("false", 0.06),
    ):
        assert missed({**told, name: value})
