"""Rank sets: published ones come out, and what must hold of any set holds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.compare.rank_sets import RankSets, best, joint_intervals, rank_sets
from darkfigure.tables import sheets

FEW = 400

PISA = sheets.rows("pisa-2018-math")
SCORES = [float(row["score"]) for row in PISA]
ERRORS = [float(row["standard_error"]) for row in PISA]


def limits(found: RankSets) -> npt.NDArray[np.int64]:
    return np.stack([found.lower, found.upper], axis=1)


def published(rows: list[dict[str, str]], kind: str) -> npt.NDArray[np.int64]:
    return np.array([[int(row[f"{kind}_lower"]), int(row[f"{kind}_upper"])] for row in rows])


def same(a: RankSets, b: RankSets) -> bool:
    return np.array_equal(a.ranks, b.ranks) and np.array_equal(limits(a), limits(b))


@pytest.mark.parametrize(
    ("kind", "exact"), [("marginal", 75), ("simultaneous", 76)], ids=["marginal", "simultaneous"]
)
def test_rank_sets_of_pisa_2018_are_those_of_csranks(kind: str, exact: int) -> None:
    found = rank_sets(SCORES, ERRORS, simultaneous=kind == "simultaneous")
    away = np.abs(limits(found) - published(PISA, kind))
    print(f"{kind}: {np.sum(away == 0)} of {away.size} limits exact")
    assert away.max() <= 1
    assert np.sum(away == 0) >= exact
    assert found.ranks.tolist() == [int(row["rank"]) for row in PISA]


def test_the_united_kingdom_has_rank_13_of_8_to_23() -> None:
    found = rank_sets(SCORES, ERRORS)
    at = [row["place"] for row in PISA].index("United Kingdom")
    assert (found.ranks[at], found.lower[at], found.upper[at]) == (13, 8, 23)


@pytest.mark.parametrize(("level", "countries"), [(0.95, 12), (0.9, 11)])
def test_the_best_five_of_pisa_2018_are_among_so_many(level: float, countries: int) -> None:
    assert best(SCORES, ERRORS, 5, level=level).tolist() == list(range(countries))


@pytest.mark.parametrize("level", [90, 95])
def test_joint_intervals_of_travel_times_are_the_published_ones(level: int) -> None:
    rows = sheets.rows("travel-time-2011")
    found = joint_intervals(
        [float(row["minutes"]) for row in rows],
        [float(row["standard_error"]) for row in rows],
        level=level / 100,
        highest_first=False,
    )
    assert np.array_equal(limits(found), published(rows, f"joint{level}"))
    assert found.ranks.tolist() == [int(row["rank"]) for row in rows]


@st.composite
def places(draw: st.DrawFn, least: int = 2) -> tuple[list[float], list[float]]:
    """Estimates, no two the same, and their errors; in thirds so that some are close."""
    number = draw(st.integers(least, 7))
    whole = st.integers(-30, 30)
    x = draw(st.lists(whole, min_size=number, max_size=number, unique=True))
    se = draw(st.lists(st.integers(1, 12), min_size=number, max_size=number))
    return [each / 3 for each in x], [each / 4 for each in se]


quick = settings(max_examples=40, deadline=None)


@quick
@given(places(), st.booleans())
def test_a_set_has_the_rank_of_the_estimate_and_simultaneous_sets_have_marginal_ones(
    given_: tuple[list[float], list[float]], highest_first: bool
) -> None:
    kwargs: dict[str, Any] = {"highest_first": highest_first, "draws": FEW}
    one = rank_sets(*given_, **kwargs)
    every = rank_sets(*given_, **kwargs, simultaneous=True)
    joint = joint_intervals(*given_, highest_first=highest_first)
    for found in (one, every, joint):
        assert np.all((found.lower >= 1) & (found.upper <= len(given_[0])))
        assert np.all((found.lower <= found.ranks) & (found.ranks <= found.upper))
    assert np.all((every.lower <= one.lower) & (one.upper <= every.upper))
    for number in range(1, len(given_[0]) + 1):
        chosen = best(*given_, number, **kwargs)
        assert set(np.flatnonzero(one.ranks <= number)) <= set(chosen.tolist())
        assert set(chosen.tolist()) == set(np.flatnonzero(every.lower <= number))
        assert one.ranks[chosen].tolist() == sorted(one.ranks[chosen])


@quick
@given(places(), st.randoms(), st.booleans())
def test_the_order_of_the_places_changes_nothing(
    given_: tuple[list[float], list[float]], random: Any, simultaneous: bool
) -> None:
    x, se = map(np.array, given_)
    order = list(range(len(x)))
    random.shuffle(order)
    for method in (
        lambda x, se: rank_sets(x, se, simultaneous=simultaneous, draws=FEW),
        lambda x, se: rank_sets(x, np.diag(se**2), simultaneous=simultaneous, draws=FEW),
        joint_intervals,
    ):
        before, after = method(x, se), method(x[order], se[order])
        assert np.array_equal(limits(before)[order], limits(after))
        assert np.array_equal(before.ranks[order], after.ranks)


@quick
@given(places(), st.sampled_from([0.5, 4.0]), st.sampled_from([-64.0, 0.0, 8.0]))
def test_another_unit_or_origin_changes_nothing(
    given_: tuple[list[float], list[float]], scale: float, shift: float
) -> None:
    x, se = (np.array(each) * 3 for each in given_)  # whole, so that the shift is exact
    for method in (lambda x, se: rank_sets(x, se, draws=FEW), joint_intervals):
        assert same(method(x, se), method(scale * (x + shift), scale * se))


@quick
@given(places())
def test_the_lowest_first_is_the_highest_of_the_negative_first(
    given_: tuple[list[float], list[float]],
) -> None:
    x, se = map(np.array, given_)
    assert same(
        rank_sets(x, se, highest_first=False, draws=FEW),
        rank_sets(-x, se, highest_first=True, draws=FEW),
    )
    assert same(joint_intervals(x, se, highest_first=False), joint_intervals(-x, se))


@quick
@given(places(), st.booleans())
def test_sets_widen_with_the_level(
    given_: tuple[list[float], list[float]], simultaneous: bool
) -> None:
    for method in (
        lambda level: rank_sets(*given_, level=level, simultaneous=simultaneous, draws=1000),
        lambda level: joint_intervals(*given_, level=level),
    ):
        for narrow, wide in itertools.pairwise(map(method, (0.5, 0.8, 0.95, 0.99))):
            assert np.all((wide.lower <= narrow.lower) & (narrow.upper <= wide.upper))


@quick
@given(places(least=3))
def test_places_that_err_together_are_told_apart_sooner(
    given_: tuple[list[float], list[float]],
) -> None:
    x, se = map(np.array, given_)
    common = 9.0  # what all estimates err by alike says nothing of their differences
    alone = rank_sets(x, np.diag(se**2), draws=FEW)
    together = rank_sets(x, np.diag(se**2) + common, draws=20_000)
    naive = rank_sets(x, np.sqrt(se**2 + common), draws=20_000)
    assert np.array_equal(alone.ranks, together.ranks)
    assert (together.upper - together.lower).sum() <= (naive.upper - naive.lower).sum()


def test_a_covariance_matrix_without_covariances_is_the_standard_errors() -> None:
    whole = rank_sets(SCORES, np.diag(np.square(ERRORS)), draws=20_000, simultaneous=True)
    assert np.abs(limits(whole) - limits(rank_sets(SCORES, ERRORS, simultaneous=True))).max() <= 1


def test_two_places_are_told_apart_as_by_the_test_of_two_normal_means() -> None:
    for simultaneous in (False, True):
        far = rank_sets([2.83, 0.0], [1.0, 1.0], simultaneous=simultaneous)  # 2.83 / 2**.5 > 1.96
        near = rank_sets([2.70, 0.0], [1.0, 1.0], simultaneous=simultaneous)
        assert limits(far).tolist() == [[1, 1], [2, 2]]
        assert limits(near).tolist() == [[1, 2], [1, 2]]


def test_random_sets_repeat_for_a_seed() -> None:
    assert same(rank_sets(SCORES, ERRORS, draws=FEW), rank_sets(SCORES, ERRORS, draws=FEW))
    other = rank_sets(SCORES, ERRORS, draws=FEW, seed=2)
    assert not same(rank_sets(SCORES, ERRORS, draws=FEW), other)


def test_numbers_known_without_error_are_ordered_for_certain() -> None:
    found = rank_sets([5.0, 5.0, 4.0, 4.1], [0.0, 0.0, 0.0, 9.0])
    assert found.ranks.tolist() == [1, 1, 4, 3]
    assert limits(found).tolist() == [[1, 2], [1, 2], [3, 4], [1, 4]]
    assert limits(rank_sets([2.0, 2.0], [0.0, 0.0])).tolist() == [[1, 1], [1, 1]]
    assert limits(rank_sets([2.0, 1.0], [0.0, 0.0])).tolist() == [[1, 1], [2, 2]]
    assert best([2.0, 1.0, 0.0], [0.0, 0.0, 0.0], 2).tolist() == [0, 1]


def test_places_that_err_as_one_are_ordered_for_certain() -> None:
    together = np.full((2, 2), 0.1)
    assert limits(rank_sets([0.3, 0.2], together)).tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("simultaneous", [False, True])
def test_known_truth_true_ranks_are_in_the_sets_as_often_as_said(simultaneous: bool) -> None:
    truth = np.array([0.0, 0.1, 0.2, 1.5, 1.6, 4.0])
    se = np.array([0.5, 0.3, 0.6, 0.4, 0.5, 0.4])
    true_ranks = 6 - np.arange(6)
    generator = np.random.default_rng(11)
    runs = 400
    held = np.zeros((runs, 6), bool)
    for run in range(runs):
        found = rank_sets(
            truth + se * generator.standard_normal(6),
            se,
            level=0.9,
            simultaneous=simultaneous,
            draws=FEW,
            seed=run,
        )
        held[run] = (found.lower <= true_ranks) & (true_ranks <= found.upper)
    coverage = held.all(axis=1).mean() if simultaneous else held.mean(axis=0).min()
    assert coverage >= 0.9 - 3 * (0.09 / runs) ** 0.5


def test_known_truth_the_best_are_in_the_set_of_the_best_as_often_as_said() -> None:
    truth, se = np.array([3.0, 2.9, 2.8, 2.0, 0.0]), np.full(5, 0.4)
    generator = np.random.default_rng(12)
    held = [
        {0, 1} <= set(best(truth + se * generator.standard_normal(5), se, 2, level=0.9, draws=FEW))
        for _ in range(300)
    ]
    assert np.mean(held) >= 0.9 - 3 * (0.09 / 300) ** 0.5


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rank_sets([1.0], [1.0]), "Two places or more"),
        (lambda: rank_sets([], []), "Two places or more"),
        (lambda: rank_sets([1, 2, 3], [1, 1]), "3 estimates, but the standard errors have shape"),
        (lambda: rank_sets([1, 2], np.ones((2, 3))), "shape"),
        (lambda: rank_sets([1, np.nan], [1, 1]), "estimate of place 2 is missing"),
        (lambda: rank_sets([1, 2], [np.inf, 1]), "standard error of place 1 is missing"),
        (lambda: rank_sets([1, 2], [1, -0.5]), "place 2 is -0.5; none is below 0"),
        (lambda: rank_sets([1, 2], [1e200, 1]), "larger unit"),
        (lambda: rank_sets(["a", "b"], [1, 1]), "must be numbers"),
        (lambda: rank_sets([1, 2], [[1, 0.5], [0, 1]]), "not symmetric"),
        (lambda: rank_sets([1, 2], [[1, 2], [2, 1]]), "no covariance"),
        (lambda: rank_sets([1, 2], [1, 1], level=95), "between 0 and 1"),
        (lambda: rank_sets([1, 2], [1, 1], level=0), "between 0 and 1"),
        (lambda: rank_sets([1, 2], [1, 1], draws=100), "200 or more"),
        (lambda: best([1, 2], [1, 1], 0), "2 places; the best 0"),
        (lambda: best([1, 2], [1, 1], 3), "2 places; the best 3"),
        (lambda: joint_intervals([1, 2], np.eye(2)), "use simultaneous rank sets"),
        (lambda: joint_intervals([1, 2], [1, 1], level=1), "between 0 and 1"),
        (lambda: joint_intervals([1], [1]), "Two places or more"),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_a_sentence(call: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call()
