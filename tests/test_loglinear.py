"""The log-linear fit against slow and obvious ways to the same answers."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _loglinear as kernel
from darkfigure.size.loglinear import Model, Status, fit, has_maximum


@st.composite
def models(draw, n_lists=None):
    k = n_lists or draw(st.integers(2, 5))
    masks = [m for m in range(1 << k) if 2 <= m.bit_count() < k]
    generators = draw(st.lists(st.sampled_from(masks), max_size=6)) if masks else []
    return Model.generated(k, generators)


@st.composite
def tables(draw, k):
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 60))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(any(counts))
    return CaptureHistories("abcde"[:k], [0, *counts])


@st.composite
def cases(draw):
    model = draw(models())
    return draw(tables(model.n_lists)), model


def obvious(histories, model):
    """Cells that stay, finite terms and the design between them, by definition."""
    k = model.n_lists

    def margin(term):
        return sum(histories.counts[w] for w in range(1, 1 << k) if w & term == term)

    terms = [0, *(1 << j for j in range(k)), *sorted(model.terms)]
    finite = [t for t in terms if margin(t) > 0]
    gone = [t for t in terms if margin(t) == 0]
    cells = [w for w in range(1, 1 << k) if not any(w & t == t for t in gone)]
    design = np.array([[float(w & t == t) for t in finite] for w in cells])
    return cells, finite, design


def kernel_status(histories, model):
    counts = histories.known
    margins = counts.copy()
    kernel.sum_over_supersets(margins)
    eta = np.empty(counts.size)
    kernel.start_from_counts(counts, eta)
    masks = model.masks()
    return kernel.fit_terms(counts, margins, masks, masks.size, eta)[0]


@settings(max_examples=400, deadline=None)
@given(cases())
def test_identification_is_the_rank_of_the_design(case):
    histories, model = case
    _, finite, design = obvious(histories, model)
    full = np.linalg.matrix_rank(design) == len(finite)
    assert bool(kernel_status(histories, model) & kernel.NOT_IDENTIFIED) == (not full)


@settings(max_examples=400, deadline=None)
@given(cases())
def test_existence_is_what_the_linear_programme_says(case):
    histories, model = case
    exists = not kernel_status(histories, model) & kernel.NO_MLE
    assert exists == has_maximum(histories, model)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_fitted_margins_are_the_observed_ones(case):
    histories, model = case
    found = fit(histories, model)
    assume(found.status is Status.ESTIMABLE)
    cells, finite, _ = obvious(histories, model)
    for t in finite:
        inside = [w for w in cells if w & t == t]
        observed = sum(int(histories.counts[w]) for w in inside)
        assert found.expected[inside].sum() == pytest.approx(observed, rel=1e-6, abs=1e-6)
    outside = [w for w in range(1, 1 << model.n_lists) if w not in cells]
    assert not found.expected[outside].any()


@settings(max_examples=300, deadline=None)
@given(cases())
def test_expected_is_the_exponential_of_the_sum_of_parameters(case):
    histories, model = case
    found = fit(histories, model)
    assume(found.status is Status.ESTIMABLE)
    cells, finite, design = obvious(histories, model)
    assert sorted(found.parameters) == sorted(finite)
    beta = np.array([found.parameters[t] for t in finite])
    assert np.exp(design @ beta) == pytest.approx(found.expected[cells], rel=1e-6)
    assert math.exp(found.parameters[0]) == pytest.approx(found.expected[0])
    assert found.total == pytest.approx(histories.observed + found.expected[0])
    assert found.unseen_log_se > 0


@settings(max_examples=100, deadline=None)
@given(cases())
def test_likelihood_deviance_and_criteria(case):
    histories, model = case
    found = fit(histories, model)
    assume(found.status is Status.ESTIMABLE)
    n = histories.known[1:]
    mean = found.expected[1:]
    by_cell = [
        x * math.log(mu) - mu - math.lgamma(x + 1) if mu > 0 else 0.0
        for x, mu in zip(n, mean, strict=True)
    ]
    assert found.log_likelihood == pytest.approx(sum(by_cell), rel=1e-6, abs=1e-6)
    assert found.deviance >= -1e-6
    parameters = 1 + model.n_lists + len(model.terms)
    assert found.aic == pytest.approx(2 * parameters - 2 * found.log_likelihood)
    assert found.bic - found.aic == pytest.approx(parameters * (math.log(histories.observed) - 2))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 10_000))
@example(40, 60, 20)
def test_two_lists_are_lincoln_and_petersen(only_first, only_second, both):
    assume(only_first + only_second > 0)
    histories = CaptureHistories("ab", [0, only_first, only_second, both])
    found = fit(histories, Model(2, frozenset()))
    if not (only_first and only_second):  # the estimate would be that nobody is unseen
        assert found.status is Status.NO_MLE
        return
    expected = (only_first + both) * (only_second + both) / both
    assert found.total == pytest.approx(expected)


@settings(max_examples=300)
@given(models())
def test_a_model_written_out_is_read_back(model):
    assert Model.parse(str(model), model.n_lists) == model


def test_a_model_of_more_than_nine_lists_is_read_back():
    model = Model.generated(12, [0b1000_0000_0001, 0b110])
    assert Model.parse(str(model), 12) == model


@pytest.mark.parametrize("text", ["", "[]", "12", "[14]", "[1,,2]", "[1;2]", "[0,1]", "[ab]"])
def test_what_is_not_a_model_is_refused(text):
    with pytest.raises(InputError, match="is not a model of 3 lists"):
        Model.parse(text, 3)


def test_terms_that_are_not_hierarchical_are_refused():
    with pytest.raises(InputError, match="not hierarchical"):
        Model(3, frozenset([0b111]))
    for term in (0, 1, 1 << 3):
        with pytest.raises(InputError, match="not a set of two or more"):
            Model(3, frozenset([term]))


def test_a_model_without_an_estimate_gives_no_total():
    histories = CaptureHistories("abc", [0, 10, 10, 0, 10, 0, 0, 0])
    found = fit(histories, Model(3, frozenset()))
    assert found.status is not Status.ESTIMABLE
    with pytest.raises(NoEstimateError, match="gives no estimate"):
        found.total  # noqa: B018


def test_fit_refuses_what_does_not_go_together():
    with pytest.raises(InputError, match="for 3 lists"):
        fit(CaptureHistories("ab", [0, 1, 1, 1]), Model(3, frozenset()))
    with pytest.raises(InputError, match="Nobody"):
        fit(CaptureHistories("ab", [0, 0, 0, 0]), Model(2, frozenset()))


def test_a_saturated_model_of_every_order_fits_exactly():
    rng = np.random.default_rng(5)
    for k in (3, 4, 5):
        counts = rng.integers(5, 40, 1 << k)
        everything = [sum(1 << j for j in c) for c in combinations(range(k), k - 1)]
        found = fit(CaptureHistories("abcde"[:k], counts), Model.generated(k, everything))
        assert found.deviance == pytest.approx(0, abs=1e-6)
        assert found.expected[1:] == pytest.approx(counts[1:])
        odd = np.bitwise_count(np.arange(1, 1 << k)) % 2 == 1
        logs = np.log(counts[1:])
        assert math.log(found.expected[0]) == pytest.approx(logs[odd].sum() - logs[~odd].sum())
