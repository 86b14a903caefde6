"""Heterogeneity and Chao's bound: the slow obvious way, the peer, known truth, and refusals."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize
from scipy.stats import norm

from darkfigure import tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import chao, heterogeneity, independent
from darkfigure.size.chao import WARNING
from darkfigure.size.chao import _columns as chao_columns
from darkfigure.size.heterogeneity import SHAPES, _column, fit_layers, profile_limits
from darkfigure.size.loglinear import Model, fit

PEOPLE = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 12])
DIFFERENT = CaptureHistories("abcd", [0, 90, 70, 22, 60, 15, 14, 9, 50, 12, 8, 7, 8, 6, 5, 9])
counts_of = st.lists(st.integers(0, 30), min_size=15, max_size=15)


def design(k, columns):
    cells = np.arange(1, 1 << k)
    inside = cells[:, None] >> np.arange(k) & 1
    return np.hstack([np.ones((cells.size, 1)), inside, columns[np.bitwise_count(cells)]])


def peaks(histories, x):
    """Does the Poisson likelihood have a maximum? Haberman (1974), by a linear programme."""
    counted = histories.counts[1:] > 0
    if counted.all():
        return True
    empty = x[~counted]
    found = linprog(
        empty.sum(axis=0),
        A_ub=np.vstack([empty, -empty]),
        b_ub=np.repeat([0.0, 1.0], len(empty)),
        A_eq=x[counted],
        b_eq=np.zeros(int(counted.sum())),
        bounds=(None, None),
    )
    return found.fun > -0.5


# The slow obvious way


@pytest.mark.parametrize("kind", SHAPES)
def test_the_fit_is_that_of_every_cell_with_a_design_matrix(kind):
    x, counts = design(4, _column(kind, 4)), DIFFERENT.known[1:]
    start = np.zeros(x.shape[1])
    start[0] = math.log(counts.mean())
    slow = minimize(
        lambda b: np.exp(x @ b).sum() - counts @ x @ b,
        start,
        jac=lambda b: x.T @ (np.exp(x @ b) - counts),
        hess=lambda b: x.T @ (np.exp(x @ b)[:, None] * x),
        method="trust-exact",
        options={"gtol": 1e-9},
    ).x
    found = fit_layers(DIFFERENT, _column(kind, 4))
    assert found.total == pytest.approx(DIFFERENT.observed + math.exp(slow[0]), rel=1e-6)
    assert found.shape[0] == pytest.approx(slow[-1], rel=1e-5)
    information = x.T @ (np.exp(x @ slow)[:, None] * x)
    assert found.unseen_log_se == pytest.approx(math.sqrt(np.linalg.inv(information)[0, 0]))


@settings(max_examples=40, deadline=None)
@given(counts_of)
def test_without_a_column_it_is_independence(counts):
    histories = CaptureHistories("abcd", [0, *counts])
    assume(histories.observed and all(histories.size_of(name) for name in "abcd"))
    alone = fit(histories, Model(4, frozenset()))
    try:
        found = fit_layers(histories, np.empty((5, 0)))
    except NoEstimateError:
        assert alone.status != 0
    else:
        assert found.total == pytest.approx(alone.total, rel=1e-6)
        assert found.unseen_log_se == pytest.approx(alone.unseen_log_se, rel=1e-5)
        assert found.deviance == pytest.approx(alone.deviance, abs=1e-6)
        assert found.aic == pytest.approx(alone.aic, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4).map(lambda n: max(0, n - 2)), min_size=15, max_size=15))
def test_there_is_an_estimate_exactly_where_the_likelihood_has_a_maximum(counts):
    histories = CaptureHistories("abcd", [0, *counts])
    assume(histories.observed and all(histories.size_of(name) for name in "abcd"))
    for kind in SHAPES:
        columns = _column(kind, 4)
        try:
            fit_layers(histories, columns)
        except NoEstimateError:
            assert not peaks(histories, design(4, columns))
        else:
            assert peaks(histories, design(4, columns))


@settings(max_examples=40, deadline=None)
@given(counts_of)
def test_the_bound_is_the_maximum_with_no_eta_below_zero(counts):
    histories = CaptureHistories("abcd", [0, *counts])
    assume(histories.observed and all(histories.size_of(name) for name in "abcd"))
    columns = chao_columns(4)
    try:
        found = fit_layers(histories, columns, bounded=True)
    except NoEstimateError:
        assert not peaks(histories, design(4, columns)[:, :5])
        return
    assert (found.shape >= 0).all()
    x = design(4, columns)
    excess = x.T @ (histories.known[1:] - np.exp(x @ found.start))
    assert excess[:5] == pytest.approx(0, abs=1e-3)
    held = found.shape == 0
    assert excess[5:][~held] == pytest.approx(0, abs=1e-3)
    assert (excess[5:][held] <= 1e-3).all()


# The peer: benchmarks/parity.py holds every published table against it


def test_korea_is_what_rcapture_says():
    found = chao(tables.load("korea-palembang"))
    assert found.total == pytest.approx(141.99264735066, rel=1e-5)
    assert found.lower == pytest.approx(130.998520100353, rel=1e-4)
    assert found.upper == pytest.approx(155.772415770395, rel=1e-4)
    poisson = heterogeneity(tables.load("korea-palembang"))
    assert poisson.total == pytest.approx(133.237205813732, rel=1e-5)
    assert any("comes out negative" in warning for warning in poisson.warnings)


# Known truth


def mixture(ease, weight, lists, people):
    """The expected counts of people whose odds of being on list j are exp(lists[j] + ease)."""
    k = len(lists)
    cells = np.arange(1 << k)
    on = cells[:, None] >> np.arange(k) & 1
    p = 1 / (1 + np.exp(-(np.asarray(lists) + np.asarray(ease)[:, None])))
    each = np.prod(np.where(on[None], p[:, None], 1 - p[:, None]), axis=2)
    counts = np.rint(people * (np.asarray(weight) @ each)).astype(np.int64)
    return CaptureHistories([f"l{j}" for j in range(k)], counts)


def test_darroch_finds_the_truth_it_is_made_for():
    k, column = 4, _column("darroch", 4)
    b = np.array([-3.0, -2.7, -2.3, -2.5])
    cells = np.arange(16)
    height = (cells[:, None] >> np.arange(k) & 1) @ b + 0.7 * column[np.bitwise_count(cells), 0]
    share = np.exp(height) / np.exp(height).sum()
    counts = np.rint(1e7 * share).astype(np.int64)
    histories = CaptureHistories("abcd", counts)
    found = heterogeneity(histories, kind="darroch")
    assert found.total == pytest.approx(1e7, rel=0.005)
    assert found.details["heterogeneity"] == pytest.approx(0.7, abs=0.005)
    assert independent(histories, bootstrap=0).total < 0.9e7
    assert chao(histories).total < 1e7


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-4, 3), min_size=2, max_size=4),
    st.lists(st.floats(-2.5, 0.5), min_size=3, max_size=5),
)
def test_the_bound_is_below_the_truth_however_people_differ(ease, lists):
    histories = mixture(ease, np.full(len(ease), 1 / len(ease)), lists, 10_000_000)
    found = chao(histories)
    assert found.total <= 10_000_000 * 1.001
    assert found.total >= independent(histories, bootstrap=0).total * 0.999


def test_the_profile_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    columns, truth, held = np.empty((4, 0)), 600, 0
    for _ in range(200):
        on = rng.random((truth, 3)) < (0.3, 0.25, 0.2)
        masks = on @ (1 << np.arange(3))
        histories = CaptureHistories("abc", np.bincount(masks, minlength=8))
        one = fit_layers(histories, columns)
        lower, upper = profile_limits(histories, one, columns, 0.9)
        held += lower <= truth <= upper
    assert 170 <= held <= 191


# What an estimate says


def test_a_lower_bound_says_so_first():
    assert chao(tables.load("netherlands-2010-2015")).warnings[0] == WARNING
    found = chao(PEOPLE)
    assert str(found).startswith("At least 917 people in all, a bound that lies between")
    assert "at least" in found.table().splitlines()[0]
    assert found.details["lower_bound"] is True
    assert found.lower < found.total < found.upper
    assert found == found.from_json(found.to_json())


def test_two_lists_give_lincoln_and_petersen():
    assert chao(CaptureHistories("ab", [0, 60, 40, 20])).total == pytest.approx(240)


def test_shapes_that_disagree_are_a_warning():
    found = heterogeneity(tables.load("kosovo-1999"))
    kinds = found.details["kinds"]
    assert kinds["gamma"]["total"] > 1.9 * kinds["poisson"]["total"]
    assert any("9,328 to 18,387" in warning for warning in found.warnings)


def test_the_interval_narrows_with_its_level():
    wide, narrow = heterogeneity(DIFFERENT, level=0.99), heterogeneity(DIFFERENT, level=0.5)
    assert wide.lower < narrow.lower < narrow.total < narrow.upper < wide.upper
    width = math.log(wide.unseen / (wide.lower - wide.observed))
    expected = norm.ppf(0.995) * fit_layers(DIFFERENT, _column("poisson", 4)).unseen_log_se
    assert width == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("method", [chao, heterogeneity])
def test_the_order_of_the_lists_does_not_matter(method):
    expected = method(PEOPLE)
    masks = np.arange(1, 8)
    patterns = masks[:, None] >> np.arange(3) & 1
    for order in permutations(range(3)):
        mixed = CaptureHistories.from_patterns(
            ["abc"[j] for j in order], patterns[:, order], PEOPLE.counts[1:]
        )
        found = method(mixed)
        assert found.total == pytest.approx(expected.total, rel=1e-7)
        assert found.upper == pytest.approx(expected.upper, rel=1e-6)


@pytest.mark.parametrize("method", [chao, heterogeneity])
def test_replicates_are_the_same_on_any_number_of_cores(method):
    one, two, three = (method(DIFFERENT, bootstrap=60, seed=3, workers=n) for n in (1, 2, 3))
    assert one == two == three
    assert np.array_equal(one.draws, three.draws)
    assert not np.array_equal(one.draws, method(DIFFERENT, bootstrap=60, seed=4).draws)
    assert "BCa" in one.details["interval"]


@pytest.mark.parametrize("method", [chao, heterogeneity])
@pytest.mark.parametrize("bootstrap", [0, 100])
def test_draws_of_who_is_who_widen_the_interval(method, bootstrap):
    rng = np.random.default_rng(1)
    moved = np.maximum(DIFFERENT.known + rng.integers(-3, 4, (10, 16)), 1).astype(int)
    drawn = CaptureHistories(DIFFERENT.lists, DIFFERENT.counts, draws=moved)
    found = method(drawn, bootstrap=bootstrap)
    assert 0 < found.details["linkage"]["share"] < 1
    assert found.lower < found.total < found.upper


def test_twelve_lists_and_more_take_no_time():
    rng = np.random.default_rng(2)
    ease = rng.normal(0, 0.8, (3000, 1))
    on = rng.random((3000, 14)) < 1 / (1 + np.exp(3.2 - ease))
    on = on[on.any(axis=1)]
    histories = CaptureHistories.from_patterns([f"l{j}" for j in range(14)], on)
    assert histories.observed < chao(histories).total < 3300
    assert 2500 < heterogeneity(histories, kind="darroch").total < 3600


# Refusals


@pytest.mark.parametrize("method", [chao, heterogeneity])
def test_lists_that_share_nobody_cannot_answer(method):
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        method(CaptureHistories("abc", [0, 60, 40, 0, 30, 0, 0, 0]))


def test_heterogeneity_refuses_what_the_counts_do_not_tell():
    with pytest.raises(NoEstimateError, match="do not tell how much people differ"):
        heterogeneity(CaptureHistories("abc", [0, 40, 30, 5, 20, 4, 0, 0]))
    absurd = CaptureHistories("abc", [0, 7316, 192, 18, 8770, 68, 181, 942])
    with pytest.raises(NoEstimateError, match="absurd number of people"):
        heterogeneity(absurd, kind="gamma")
    assert any("no estimate with" in warning for warning in heterogeneity(absurd).warnings)
    with pytest.raises(InputError, match="at least three"):
        heterogeneity(CaptureHistories("ab", [0, 60, 40, 20]))
    with pytest.raises(InputError, match="poisson, darroch, gamma"):
        heterogeneity(PEOPLE, kind="normal")


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="level"):
        chao(PEOPLE, level=1.5)
    with pytest.raises(InputError, match="too few"):
        heterogeneity(PEOPLE, bootstrap=5)
    with pytest.raises(InputError, match="Nobody"):
        chao(CaptureHistories("abc", [0] * 8))


def test_a_list_without_people_changes_nothing():
    wider = CaptureHistories("abcd", [*PEOPLE.counts, *[0] * 8])
    for kind in SHAPES:
        there, alone = heterogeneity(wider, kind=kind), heterogeneity(PEOPLE, kind=kind)
        assert there.total == pytest.approx(alone.total, rel=1e-7)
    assert chao(wider).total == pytest.approx(chao(PEOPLE).total, rel=1e-7)
