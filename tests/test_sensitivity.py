"""What no data can tell: shifted rightly, learned where it can be seen, and never telling more."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import size, tables
from darkfigure.disclosure import publishable_estimate
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report.unknowable import unknowable
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.sensitivity import (
    ENOUGH,
    TYPICAL,
    hidden_lists,
    no_highest_interaction,
    of_fit,
    sensitivity,
)

PEERS = Path(__file__).parent / "peers"
E500 = Estimate(500.0, 400.0, 700.0, 0.95, 120, "bic", ("a", "b", "c"))


def all_but_highest(k):
    return Model(k, frozenset(t for t in range(1, (1 << k) - 1) if t.bit_count() >= 2))


def with_interaction(k, xi, seed=0):
    """Expected counts of a log-linear model with any lower dependence and this highest one."""
    rng = np.random.default_rng(seed)
    eta = np.zeros(1 << k)
    for term in range(1, 1 << k):
        beta = rng.normal(0, 0.4) if term.bit_count() > 1 else rng.normal(-1, 0.3)
        if term == (1 << k) - 1:
            beta = (-1) ** k * xi
        eta[[m & term == term for m in range(1 << k)]] += beta
    return np.exp(eta + 14)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("xi", [-0.7, 0.0, 0.9])
def test_with_the_true_interaction_the_total_is_the_truth(k, xi):
    """The one parameter that is missing, given back, gives back the people who are missing."""
    cells = with_interaction(k, xi, seed=k)
    histories = CaptureHistories("abcde"[:k], np.round(cells))
    estimate = no_highest_interaction(histories)
    assert histories.observed + estimate.unseen * math.exp(xi) == pytest.approx(
        cells.sum(), rel=0.002
    )


@pytest.mark.parametrize("name", ["kosovo-1999", "lazio-pwid-1996"])
def test_without_the_highest_interaction_the_estimate_is_that_of_the_largest_model(name):
    histories = tables.load(name) if name in tables.names() else tables.load("kosovo-1999")
    fitted = fit(histories, all_but_highest(len(histories.lists)))
    estimate = no_highest_interaction(histories)
    assert estimate.total == pytest.approx(fitted.total, rel=1e-6)
    wald = of_fit(histories, fitted)
    assert (estimate.lower, estimate.upper) == pytest.approx((wald.lower, wald.upper), rel=1e-5)


def test_for_kosovo_it_is_what_the_peer_finds():
    models = json.loads((PEERS / "bic_models__kosovo-1999.json").read_text())["models"]
    (peer,) = [m["nhat"] for m in models if m["model"] == "[123,124,134,234]"]
    assert no_highest_interaction(tables.load("kosovo-1999")).total == pytest.approx(peer, rel=1e-5)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("xi", [-1.2, 0.4])
def test_a_regression_with_the_interaction_held_at_xi_gives_the_shifted_unseen(k, xi):
    """Held as an offset of the cell of all lists, where it has the sign (-1)**k."""
    counts = np.random.default_rng(k).integers(20, 400, 1 << k)
    cells, terms = np.arange(1, 1 << k), np.arange((1 << k) - 1)
    design = (cells[:, None] & terms == terms).astype(float)
    offset = np.where(cells == (1 << k) - 1, (-1) ** k * xi, 0.0)
    intercept = np.linalg.solve(design, np.log(counts[1:]) - offset)[0]
    estimate = no_highest_interaction(CaptureHistories("abcd"[:k], counts))
    assert math.exp(intercept) == pytest.approx(estimate.unseen * math.exp(xi))


def test_the_curve_shifts_the_unseen_and_nothing_else():
    found = sensitivity(E500)
    assert [p.times for p in found.curve][::16] == pytest.approx([0.25, 1, 4])
    for point in found.curve:
        assert point.times == pytest.approx(math.exp(point.xi))
        for shifted, own in ((point.total, 500), (point.lower, 400), (point.upper, 700)):
            assert shifted - 120 == pytest.approx((own - 120) * point.times)
    assert found.saturated is found.why_not_saturated is None


def test_where_conclusions_change():
    found = {turn.what: turn for turn in sensitivity(E500, thresholds=[1000]).turns}
    assert found["twice the total"].times == pytest.approx((1000 - 120) / 380)
    assert found["half the total"].times == pytest.approx((250 - 120) / 380)
    assert found["the upper limit"].times == pytest.approx(580 / 380)
    threshold = found["the threshold"]
    assert math.exp(threshold.xi_lower) == pytest.approx(880 / 280)
    assert math.exp(threshold.xi_upper) == pytest.approx(880 / 580)
    assert threshold.probability == pytest.approx(
        0.5 * math.erfc(threshold.xi / TYPICAL / math.sqrt(2))
    )


def test_where_other_models_are_left():
    others = [Estimate(t, 130.0, 9e3, 0.95, 120, "m", ("a", "b", "c")) for t in (310.0, 800.0)]
    found = {turn.what: turn for turn in sensitivity(E500, others=others).turns}
    assert found["the lowest other model"].people == 310
    assert found["the highest other model"].times == pytest.approx(680 / 380)


def test_nothing_makes_fewer_than_were_seen():
    found = sensitivity(E500, thresholds=[100, 120])
    never = [turn for turn in found.turns if turn.what == "the threshold"]
    assert all(turn.xi is turn.times is turn.probability is None for turn in never)
    assert min(point.total for point in found.curve) > 120


@pytest.mark.parametrize("people", [0, -5, math.inf, math.nan])
def test_a_threshold_that_is_no_number_of_people_is_refused(people):
    with pytest.raises(InputError, match="threshold"):
        sensitivity(E500, thresholds=[people])


def test_the_doubt_mixed_in_is_that_of_draws():
    """Against draws of a lognormal unseen times exp(xi), xi normal."""
    rng = np.random.default_rng(1)
    spread = 0.3
    unseen = 380 * np.exp(spread * rng.standard_normal(400_000))
    z = 1.959964
    e = Estimate(
        500.0, 120 + 380 * math.exp(-z * spread), 120 + 380 * math.exp(z * spread), 0.95, 120, "m",
        ("a", "b", "c"),
    )  # fmt: skip
    mixed = 120 + unseen * np.exp(TYPICAL * rng.standard_normal(unseen.size))
    found = sensitivity(e)
    assert found.plausible_lower == pytest.approx(np.quantile(mixed, 0.025), rel=0.01)
    assert found.plausible_upper == pytest.approx(np.quantile(mixed, 0.975), rel=0.02)


def test_limits_that_do_not_exist_stay_so():
    found = sensitivity(Estimate(500.0, 120.0, math.inf, 0.95, 120, "m", ("a", "b")))
    assert (found.upper, found.plausible_upper, found.plausible_lower) == (None, None, 120)
    assert all(point.upper is None for point in found.curve)
    json.dumps(found.to_dict(), allow_nan=False)


def test_nobody_unseen_stays_nobody():
    e = Estimate(120.0, 120.0, 120.0, 0.95, 120, "m", ("a", "b"))
    found = sensitivity(e)
    assert {point.total for point in found.curve} == {120}
    assert all(turn.xi is None for turn in found.turns)
    assert unknowable(found.to_dict()) is None


def test_with_empty_combinations_the_saturated_model_does_not_exist_and_the_other_is_used():
    histories = tables.load("uk-2013")
    with pytest.raises(NoEstimateError, match="nobody is on 38 of the 63 combinations"):
        no_highest_interaction(histories)
    found = sensitivity(size.bic(histories, bootstrap=0), histories)
    assert found.saturated is None
    assert "needs them all" in found.why_not_saturated
    assert all(point.saturated is None for point in found.curve)


@pytest.mark.parametrize("name", ["kosovo-1999", "korea-palembang", "uk-2013"])
def test_the_hidden_lists_are_those_whose_truth_is_known(name):
    histories = tables.load(name)
    for one in hidden_lists(histories):
        truth = histories.size_of(one.name)
        inside = histories.given(one.name)
        assert inside.observed >= ENOUGH
        estimate = size.bic(inside, bootstrap=0)
        assert one.alone == truth - inside.observed
        assert one.estimated == pytest.approx(estimate.unseen, rel=1e-6)
        assert one.xi == pytest.approx(math.log(max(one.alone, 0.5) / estimate.unseen), rel=1e-4)


def test_on_a_list_the_interaction_of_the_others_is_the_logarithm_of_truth_over_estimate():
    histories = tables.load("kosovo-1999")
    for j, one in enumerate(hidden_lists(histories)):
        on = [m for m in range(16) if m >> j & 1]
        odds = sum((-1) ** (m.bit_count() - 1) * math.log(histories.known[m]) for m in on)
        assert one.xi_saturated == pytest.approx(odds)  # three others


def test_the_scale_is_learned_from_the_lists_and_one_typical_value():
    histories = tables.load("kosovo-1999")
    found = sensitivity(size.bic(histories, bootstrap=0), histories)
    squares = [one.xi**2 for one in found.hidden] + [TYPICAL**2]
    assert found.sd == pytest.approx(math.sqrt(sum(squares) / len(squares)))
    assert sensitivity(size.bic(histories, bootstrap=0)).sd == TYPICAL


def test_the_typical_value_is_that_of_the_tables_that_ship():
    """Of those that are not a part or another edition of a table among them."""
    editions = ("-stratified", "-5lists", "-185", "male", "male-15-29", "male-30-44")
    names = [name for name in tables.names() if not name.endswith(editions)]
    squares = [one.xi**2 for name in names for one in hidden_lists(tables.load(name))]
    assert len(squares) == 48
    assert math.sqrt(np.mean(squares)) == pytest.approx(TYPICAL, abs=0.005)


def test_made_of_a_published_estimate_it_tells_what_that_tells():
    exact = [500.0 + i for i in range(5)]
    told = {
        json.dumps(
            sensitivity(
                publishable_estimate(
                    Estimate(total, 401.0, 704.0, 0.95, 120, "bic", ("a", "b", "c"))
                )
            ).to_dict()
        )
        for total in exact
    }
    assert len(told) == 1


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 5000),
    st.floats(0, 1e6),
    st.floats(0, 1),
    st.floats(0, 5),
    st.lists(st.floats(1, 1e7), max_size=2),
)
def test_any_estimate_has_a_sensitivity(observed, unseen, down, up, thresholds):
    e = Estimate(
        observed + unseen, observed + unseen * down, observed + unseen * (1 + up), 0.9, observed,
        "m", ("a", "b", "c"),
    )  # fmt: skip
    found = sensitivity(e, thresholds=thresholds)
    json.dumps(found.to_dict(), allow_nan=False)
    assert observed <= found.plausible_lower <= e.lower * (1 + 1e-9)
    assert found.plausible_upper >= e.upper * (1 - 1e-9)
    totals = [point.total for point in found.curve]
    assert totals == sorted(totals)
    for turn in found.turns:
        if turn.xi is not None:
            assert observed + unseen * turn.times == pytest.approx(turn.people)
            assert 0 <= turn.probability <= 0.5


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_the_lists_does_not_matter(order):
    histories = tables.load("kosovo-1999")
    masks = [sum(1 << i for i, j in enumerate(order) if m >> j & 1) for m in range(16)]
    counts = np.zeros(16, np.int64)
    counts[masks[1:]] = histories.counts[1:]
    turned = CaptureHistories([histories.lists[j] for j in order], counts)
    assert no_highest_interaction(turned).total == pytest.approx(
        no_highest_interaction(histories).total
    )
    xi = {one.name: one.xi for one in hidden_lists(histories)}
    assert {one.name: one.xi for one in hidden_lists(turned)} == pytest.approx(xi, abs=1e-4)


def test_the_page_says_it_and_draws_it():
    histories = tables.load("kosovo-1999")
    told = sensitivity(size.bic(histories, bootstrap=0), histories).to_dict()
    said = unknowable(told)
    assert said is not None
    doubled = told["observed"] + 2 * (told["total"] - told["observed"])
    assert said.chart.title == (
        "If twice as many are on no list as the lists suggest, there are "
        f"{round(doubled, -3):,.0f} people in all"
    )
    assert [row[0] for row in said.chart.rows] == [
        "a quarter (0.25)", "half (0.5)", "as many (1)", "twice (2)", "four times (4)",
    ]  # fmt: skip
    assert "no data can tell" in said.text[0]
    assert said.chart.wide_svg.startswith("<svg")
