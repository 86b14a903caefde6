"""The proven search against fitting every model."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from darkfigure import size, tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _space
from darkfigure.size.loglinear import Status, fit
from darkfigure.size.search import best_models, best_totals, cannot_answer
from darkfigure.size.space import Space, every_model

SMALL = [name for name in tables.names() if 3 <= len(tables.load(name).lists) <= 5]
EQUAL = 1e-6


def every_criterion(histories, max_order, criterion):
    """The criterion of every model, whatever its status, by brute force."""
    every = every_model(histories, max_order, workers=1)
    space, n = every.space, len(every.models)
    status, loglik, intercept = np.empty(n, np.int64), np.empty(n), np.empty(n)
    _space.fit_models(
        histories.known, space.n_lists, space.candidates, every.models, status, loglik, intercept
    )
    constant = sum(math.lgamma(x + 1) for x in histories.known)
    penalty = math.log(histories.observed) if criterion == "bic" else 2.0
    size = 1 + space.n_lists + np.bitwise_count(every.models)
    return every, -2 * (loglik - constant) + penalty * size


def bits(found):
    """The models as the bit sets that `every_model` has."""
    place = np.arange(found.terms.shape[1], dtype=np.uint64)
    return (found.terms.astype(np.uint64) << place).sum(axis=1)


def agrees_with_all(histories, max_order=None, criterion="bic", keeps=(1, 5, 40), within=8.0):
    every, values = every_criterion(histories, max_order, criterion)
    estimable = every.status == Status.ESTIMABLE
    if not estimable.any():
        with pytest.raises(NoEstimateError):
            best_models(histories, max_order=max_order)
        return
    value_of = dict(zip(every.models.tolist(), values, strict=True))
    total_of = dict(zip(every.models.tolist(), every.total, strict=True))
    ranked = np.sort(values[estimable])
    limits = {keep: ranked[:keep][-1] for keep in keeps} | {None: ranked[0] + within}
    for keep, limit in limits.items():
        reach = within if keep is None else math.inf
        found = best_models(histories, keep, reach, max_order=max_order, criterion=criterion)
        assert found.certified
        assert found.gap == 0.0
        assert found.fitted <= len(every.models)
        models = bits(found).tolist()
        assert len(set(models)) == len(models)
        # each model's own numbers, the right number of them, and no better one left out
        for model, value, total in zip(models, found.values, found.total, strict=True):
            assert value == pytest.approx(value_of[model], abs=1e-5)
            assert total == pytest.approx(total_of[model], rel=1e-4)
        assert (found.status == Status.ESTIMABLE).all()
        assert (np.diff(found.values) >= -EQUAL).all()
        must = set(every.models[estimable & (values < limit - 1e-5)].tolist())
        assert must <= set(models)
        others = set(every.models[estimable].tolist()) - set(models)
        assert all(value_of[model] >= found.floor - 1e-5 for model in others)
        if keep is not None:
            assert len(models) == min(keep, len(ranked))
        else:
            assert found.values.max() <= limit + 1e-5


@pytest.mark.parametrize("name", SMALL)
def test_best_models_are_the_lowest_of_all_on_every_table(name):
    agrees_with_all(tables.load(name))


@pytest.mark.parametrize("name", SMALL)
def test_best_models_by_aic_are_the_lowest_of_all_on_every_table(name):
    agrees_with_all(tables.load(name), criterion="aic", keeps=(1,), within=2.0)


@pytest.mark.parametrize("name", ["uk-2013", "netherlands-2010-2015"])
def test_best_models_are_the_lowest_of_all_pairs_on_six_lists(name):
    agrees_with_all(tables.load(name), 2)


@st.composite
def sparse(draw):
    k = draw(st.integers(3, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 80))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(sum(counts) > 1)
    return CaptureHistories("abcd"[:k], [0, *counts])


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sparse())
@example(CaptureHistories("abc", [0, 6, 0, 1, 1, 0, 1, 0]))
@example(CaptureHistories("abcd", [0] + [3] * 15))  # every model of a shape ties with its mirror
@example(CaptureHistories("abcd", [0, 0, 5, 0, 3, 0, 0, 0, 0, 0, 42, 0, 0, 0, 13, 0]))
def test_best_models_are_the_lowest_of_all_on_sparse_tables(histories):
    agrees_with_all(histories)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sparse())
def test_what_is_left_out_weighs_no_more_than_it_says(histories):
    every, values = every_criterion(histories, None, "bic")
    if not (every.status == Status.ESTIMABLE).any():
        return
    found = best_models(histories, None, 4.0, inadmissible=True)
    whole = np.logaddexp.reduce(-values / 2)
    here = np.logaddexp.reduce(-found.values / 2)
    assert here <= whole + 1e-6
    assert whole <= np.logaddexp(here, found.log_outside) + 1e-6


@pytest.mark.parametrize("name", ["uk-2013-5lists", "kosovo-1999", "new-orleans-2014-5lists"])
def test_replicates_choose_as_fitting_every_model_does(name):
    histories = tables.load(name)
    rng = np.random.default_rng(5)
    counts = histories.known
    drawn = rng.multinomial(histories.observed, counts / counts.sum(), size=12)
    found = best_totals(Space(len(histories.lists)))(drawn.astype(float))
    for row, (total, unproven) in zip(drawn, found, strict=True):
        every = every_model(CaptureHistories(histories.lists, row))
        assert total == pytest.approx(every.total[np.nanargmin(every.bic)], rel=1e-4)
        assert unproven == 0.0


def test_of_models_that_tie_the_one_with_the_smaller_terms_comes_first():
    histories = CaptureHistories("abc", [0, 20, 20, 9, 20, 9, 9, 1])
    found = best_models(histories, 8)
    tied = [i for i in range(8) if abs(found.values[i] - found.values[1]) < EQUAL]
    assert len(tied) == 3
    assert sorted(bits(found)[tied]) == bits(found)[tied].tolist()


def test_the_four_best_models_of_the_uk_run_from_12262_to_28822():
    found = best_models(tables.load("uk-2013-5lists"), 4)
    assert found.values[3] - found.values[0] == pytest.approx(1.6, abs=0.05)
    assert (round(found.total.min()), round(found.total.max())) == (12262, 28822)


@pytest.mark.parametrize(
    ("name", "order", "models"),
    [("uk-2013", 5, 7_785_061), ("netherlands-2010-2015", 5, 7_785_061),
     ("new-orleans-2014", 2, 1 << 28)],
)  # fmt: skip
def test_the_certificate_accounts_for_every_model(name, order, models):
    found = best_models(tables.load(name), max_order=order)
    assert found.certified
    assert found.space.size() == models
    assert found.fitted + found.pruned == models
    assert 0 < found.fitted < 5_000
    assert found.fits >= found.fitted


def test_no_neighbour_of_a_proven_model_of_eight_lists_is_better():
    histories = tables.load("new-orleans-2014")
    found = best_models(histories)
    best = found.model(0)
    for pair in found.space.candidates:
        other = fit(histories, type(best)(8, best.terms ^ {int(pair)}))
        assert other.status is not Status.ESTIMABLE or other.bic >= found.values[0] - EQUAL


def twelve_lists():
    rng = np.random.default_rng(2)
    on = rng.random((13000, 12)) < 0.012
    on[:, 1] |= on[:, 0] & (rng.random(13000) < 0.05)
    return CaptureHistories.from_patterns(
        [f"list {i}" for i in range(12)], on[on.any(axis=1)].astype(int)
    )


def test_a_search_that_runs_out_of_time_tells_the_gap_that_remains():
    histories = twelve_lists()
    told = []
    found = best_models(histories, time_limit=1.5, watch=told.append)
    assert not found.certified
    assert 0.0 < found.gap < math.inf
    assert found.floor < found.values[0]
    assert fit(histories, found.model(0)).bic == pytest.approx(found.values[0])
    assert told
    assert told == sorted(told)
    estimate = size.bic(histories, time_limit=0.5, bootstrap=0)
    assert estimate.details["certified"] is False
    assert estimate.details["gap"] > 0
    assert any("not proven" in warning for warning in estimate.warnings)


@settings(max_examples=50, deadline=None)
@given(sparse())
def test_every_model_is_the_single_fit(histories):
    every = every_model(histories, workers=1)
    for i, model in enumerate(every.models[:40]):
        alone = fit(histories, every.space.model(model))
        assert alone.status == every.status[i]
        if alone.status is Status.ESTIMABLE:
            assert alone.bic == pytest.approx(every.bic[i], abs=1e-6)
            assert alone.total == pytest.approx(every.total[i], rel=1e-5)


@pytest.mark.parametrize(
    ("n_lists", "order", "number"),
    [(2, None, 1), (3, None, 8), (4, None, 113), (5, None, 6893), (6, None, 7_785_061),
     (6, 2, 32768), (6, 1, 1), (8, None, 1 << 28), (9, None, 1 << 36), (12, None, 1 << 66),
     (7, 3, None), (12, 3, None)],
)  # fmt: skip
def test_how_many_models_there_are(n_lists, order, number):
    assert Space(n_lists, order).size() == number


def test_workers_do_not_change_the_models():
    histories = tables.load("uk-2013-5lists")
    one, three = every_model(histories, workers=1), every_model(histories, workers=3)
    for field in ("models", "status", "total", "bic"):
        assert np.array_equal(getattr(one, field), getattr(three, field), equal_nan=True)


@pytest.mark.parametrize("order", [0, -1, 3, 9])
def test_an_order_that_does_not_exist_is_refused(order):
    with pytest.raises(InputError, match="the highest order of an interaction"):
        Space(3, order)


def test_too_many_lists_and_models_are_refused():
    with pytest.raises(InputError, match="goes to 12 lists, not 13"):
        Space(13)
    with pytest.raises(InputError, match="too many to search"):
        Space(12, 4)
    with pytest.raises(InputError, match=r"more than 50,000 models"):
        every_model(tables.load("uk-2013"), 3)


def test_keep_holds_for_models_without_an_estimate_too():
    histories = CaptureHistories("abc", [0, 3, 3, 0, 0, 0, 0, 3])
    found = best_models(histories, 1, 6.0, inadmissible=True)
    assert len(found) == 1
    assert found.certified


def test_settings_of_a_search_that_make_no_sense_are_refused():
    histories = tables.load("korea-palembang")
    for wrong in (
        {"keep": 0},
        {"within": -1.0},
        {"time_limit": 0.0},
        {"time_limit": math.inf},
        {"criterion": "dic"},
    ):
        with pytest.raises(InputError):
            best_models(histories, **wrong)


def test_lists_that_share_nobody_cannot_answer():
    histories = CaptureHistories("abc", [0, 10, 20, 0, 30, 0, 0, 0])
    for method in (size.bic, size.stepwise, size.independent):
        with pytest.raises(NoEstimateError, match="not one person is on two of them"):
            method(histories, bootstrap=0)
    assert every_model(histories).admissible == 0
    assert every_model(histories).best(10.0).size == 0


def test_lists_without_people_are_refused():
    nobody = CaptureHistories("abc", [0] * 8)
    for method in (size.bic, size.stepwise, size.independent):
        with pytest.raises(InputError, match="Nobody is on any of the lists"):
            method(nobody)
    with pytest.raises(InputError, match="Nobody is on any of the lists"):
        best_models(nobody)


def test_lists_that_share_too_few_people_cannot_answer():
    histories = CaptureHistories("ab", [0, 10, 0, 5])  # whoever is on b is on a
    with pytest.raises(NoEstimateError, match="cannot answer"):
        best_models(histories)
    assert "everybody on one of the two lists is on the other" in cannot_answer(histories)
    apart = CaptureHistories("abc", [0, 9, 8, 1, 7, 0, 0, 0])
    assert "Merge lists" in cannot_answer(apart)
