"""The proven search against fitting every model."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from darkfigure import size, tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size.loglinear import Status, fit
from darkfigure.size.search import Space, best_model, cannot_answer, every_model

SMALL = [name for name in tables.names() if 3 <= len(tables.load(name).lists) <= 5]


def agrees_with_all(histories, max_order=None):
    every = every_model(histories, max_order)
    if every.admissible == 0:
        with pytest.raises(NoEstimateError):
            best_model(histories, max_order)
        return
    found = best_model(histories, max_order)
    lowest = float(np.nanmin(every.bic))
    assert found.bic == pytest.approx(lowest, abs=1e-6, rel=1e-9)
    same = [i for i in every.best(1e-5) if every.space.model(every.models[i]) == found.model]
    assert len(same) == 1
    assert found.total == pytest.approx(float(every.total[same[0]]), rel=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_best_is_the_lowest_of_all_on_every_table(name):
    agrees_with_all(tables.load(name))


@pytest.mark.parametrize("name", ["uk-2013", "netherlands-2010-2015"])
def test_best_is_the_lowest_of_all_pairs_on_six_lists(name):
    agrees_with_all(tables.load(name), 2)


@st.composite
def sparse(draw):
    k = draw(st.integers(3, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 80))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(sum(counts) > 1)
    return CaptureHistories("abcd"[:k], [0, *counts])


@settings(max_examples=200, deadline=None)
@given(sparse())
@example(CaptureHistories("abc", [0, 6, 0, 1, 1, 0, 1, 0]))
def test_best_is_the_lowest_of_all_on_sparse_tables(histories):
    agrees_with_all(histories)


@settings(max_examples=50, deadline=None)
@given(sparse())
def test_every_model_is_the_single_fit(histories):
    every = every_model(histories, workers=1)
    for i, bits in enumerate(every.models[:40]):
        alone = fit(histories, every.space.model(bits))
        assert alone.status == every.status[i]
        if alone.status is Status.ESTIMABLE:
            assert alone.bic == pytest.approx(every.bic[i], abs=1e-6)
            assert alone.total == pytest.approx(every.total[i], rel=1e-5)


@pytest.mark.parametrize(
    ("n_lists", "order", "number"),
    [(2, None, 1), (3, None, 8), (4, None, 113), (5, None, 6893), (6, None, 32768), (6, 1, 1)],
)
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
    with pytest.raises(InputError, match="goes to 8 lists, not 9"):
        Space(9)
    with pytest.raises(InputError, match="too many to search"):
        Space(8, 4)
    with pytest.raises(InputError, match=r"more than 50,000 models"):
        every_model(tables.load("uk-2013"), 3)


def test_lists_that_share_nobody_cannot_answer():
    histories = CaptureHistories("abc", [0, 10, 20, 0, 30, 0, 0, 0])
    for method in (size.bic, size.stepwise, size.independent):
        with pytest.raises(NoEstimateError, match="not one person is on two of them"):
            method(histories, bootstrap=0)
    assert every_model(histories).admissible == 0
    assert every_model(histories).best(10.0).size == 0


def test_lists_that_share_too_few_people_cannot_answer():
    histories = CaptureHistories("ab", [0, 10, 0, 5])  # whoever is on b is on a
    with pytest.raises(NoEstimateError, match="cannot answer"):
        best_model(histories)
    assert "everybody on one of the two lists is on the other" in cannot_answer(histories)
    apart = CaptureHistories("abc", [0, 9, 8, 1, 7, 0, 0, 0])
    assert "Merge lists" in cannot_answer(apart)
