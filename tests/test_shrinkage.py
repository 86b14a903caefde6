"""Shrinkage and the default: right where the truth is known, the same however it is asked."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import auto, shrinkage
from darkfigure.size.refusal import Refused
from darkfigure.size.shrinkage import USUAL, Prior, Regime, posterior

THREE = np.array([0, 120, 90, 30, 80, 20, 18, 9])


def permuted(counts: npt.NDArray[np.int64], order: tuple[int, ...]) -> npt.NDArray[np.int64]:
    masks = np.arange(counts.size)
    moved = sum((masks >> old & 1) << new for new, old in enumerate(order))
    found = np.empty_like(counts)
    found[moved] = counts
    return found


def median(histories: CaptureHistories, prior: Prior = USUAL) -> float:
    found = posterior(histories, prior)
    return float(np.exp(np.interp(0.5, found.below, found.log_unseen)))


def test_the_order_of_the_lists_does_not_matter() -> None:
    first = median(CaptureHistories("abc", THREE))
    for order in permutations(range(3)):
        assert median(CaptureHistories("abc", permuted(THREE, order))) == pytest.approx(first)


def test_without_room_for_dependence_it_is_independence() -> None:
    """Interactions held at zero and a flat prior of the unseen: the independence model's answer."""
    tight = Prior(
        regimes=(Regime("none", 1.0, 0.0, 1e-4, 1e-4),),
        pair_common_sd=0.0,
        higher=0.0,
        higher_common_sd=0.0,
        main=0.0,
        main_sd=100.0,
        unseen=0.0,
        unseen_sd=100.0,
    )
    p, n = np.array([0.3, 0.4, 0.2]), 4000
    cells = np.array([
        n * np.prod([p[j] if m >> j & 1 else 1 - p[j] for j in range(3)]) for m in range(8)
    ])  # fmt: skip
    unseen = median(CaptureHistories("abc", np.rint(cells).astype(int)), tight)
    assert unseen == pytest.approx(cells[0], rel=0.01)


def test_the_posterior_is_that_of_a_grid_over_everything() -> None:
    """Two lists have three parameters: the Laplace marginal against the integral itself."""
    counts = CaptureHistories("ab", [0, 30, 25, 9])
    found = posterior(counts)
    main, pair = np.linspace(-9, 7, 81), np.linspace(-7, 8, 76)
    log_unseen = np.linspace(0, 11, 89)
    a, b, u = np.meshgrid(main, main, pair, indexing="ij")
    log_prior = np.logaddexp.reduce([
        np.log(r.weight)
        - 0.5 * (u - r.pair) ** 2 / (r.pair_sd**2 + USUAL.pair_common_sd**2)
        - 0.5 * np.log(r.pair_sd**2 + USUAL.pair_common_sd**2)
        for r in USUAL.regimes
    ])  # fmt: skip
    log_prior -= 0.5 * ((a - USUAL.main) ** 2 + (b - USUAL.main) ** 2) / USUAL.main_sd**2
    density = []
    for x in log_unseen:
        likely = log_prior.copy()
        for n, eta in ((30, x + a), (25, x + b), (9, x + a + b + u)):
            likely += n * eta - np.exp(np.minimum(eta, 50))
        off = (x - np.log(64) - USUAL.unseen) / USUAL.unseen_sd
        density.append(np.logaddexp.reduce(likely, axis=None) - 0.5 * off**2)
    mass = np.exp(np.array(density) - max(density))
    below = np.cumsum(mass) / mass.sum()
    for p in (0.025, 0.5, 0.975):
        exact = np.interp(p, below, log_unseen)
        assert np.interp(p, found.below, found.log_unseen) == pytest.approx(exact, abs=0.12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=15, max_size=15))
def test_whatever_the_counts_the_limits_are_in_order(cells: list[int]) -> None:
    counts = CaptureHistories("abcd", [0, *cells])
    if not counts.observed:
        with pytest.raises(InputError):
            shrinkage(counts)
        return
    found = shrinkage(counts, draws=1000)
    assert counts.observed <= found.lower <= found.total <= found.upper < float("inf")


def test_a_seed_decides_everything_and_cores_nothing() -> None:
    counts = CaptureHistories("abc", THREE)
    first = shrinkage(counts, seed=3, workers=1)
    assert first == shrinkage(counts, seed=3, workers=2)
    assert first.total != shrinkage(counts, seed=4).total
    assert Estimate.from_json(first.to_json()) == first


def test_twelve_lists_are_answered_and_thirteen_refused() -> None:
    rng = np.random.default_rng(1)
    counts = np.zeros(1 << 12, int)
    for _ in range(800):
        counts[int(rng.integers(0, 2, 12, endpoint=False) @ (1 << np.arange(12)))] += 1
    found = shrinkage(CaptureHistories([f"l{i}" for i in range(12)], counts), draws=1000)
    assert found.total < 1.2 * found.observed  # everybody is on about six lists
    with pytest.raises(InputError, match="12 is the most"):
        shrinkage(CaptureHistories([f"l{i}" for i in range(13)], np.ones(1 << 13, int)))


def test_very_many_people_on_many_lists_are_not_lost_between_the_nodes() -> None:
    """Seven lists have all they depend on in the counts, so that the posterior narrows as the root
    of the people, however far that is below the distance of the first nodes."""
    on = np.bitwise_count(np.arange(1 << 7)).astype(float)
    widths = []
    for people in (1e7, 1e9, 1e11):
        cells = people * 0.2**on * 0.8 ** (7 - on)
        found = posterior(CaptureHistories("abcdefg", [0, *np.rint(cells[1:]).astype(int)]))
        low, middle, high = np.interp([0.025, 0.5, 0.975], found.below, found.log_unseen)
        widths.append((high - low) * np.sqrt(people))
        assert abs(middle - np.log(cells[0])) < 0.1 * (high - low)
    assert widths == pytest.approx([widths[-1]] * 3, rel=0.01)


def test_a_list_that_nobody_is_on_changes_nothing_and_is_told() -> None:
    empty = CaptureHistories("abcd", [*THREE, *([0] * 8)])
    found = shrinkage(empty)
    assert found.total == shrinkage(CaptureHistories("abc", THREE)).total
    assert any("Nobody is on the list 'd'" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("name", "truth"),
    [("spina-bifida-new-york", None), ("uk-2013", None), ("hepatitis-a-taiwan", 545)],
)
def test_auto_is_shrinkage_with_a_sentence(name: str, truth: int | None) -> None:
    counts = tables.load(name)
    found, plain = auto(counts), shrinkage(counts)
    assert (found.total, found.lower, found.upper) == (plain.total, plain.lower, plain.upper)
    assert found.method == "auto"
    assert "All dependences" in found.details["sentence"]
    if truth:
        assert found.lower < truth < found.upper


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ([0, 300, 250, 0], "nobody shared"),
        ([0, 0, 40, 60, 300, 0, 20, 25], "list inside another"),
        ([0, 200, 200, 90, 400, 0, 0, 0], "groups apart"),
    ],
)
def test_auto_refuses_with_the_reason_and_a_lower_bound(counts: list[int], rule: str) -> None:
    histories = CaptureHistories("abc"[: 2 if len(counts) == 4 else 3], counts)
    with pytest.raises(Refused) as refused:
        auto(histories)
    assert rule in [reason.rule for reason in refused.value.reasons]
    assert refused.value.bound.people >= histories.observed
    assert isinstance(refused.value, NoEstimateError)


def test_one_person_never_decides() -> None:
    counts = tables.load("australia-2015-2017")
    whole = median(counts)
    for mask in np.flatnonzero(counts.known):
        for step in (-1, 1):
            other = counts.counts.copy()
            other[mask] += step
            assert 7 / 8 < median(CaptureHistories(counts.lists, other)) / whole < 8 / 7


def test_known_truths_are_held_about_as_often_as_promised() -> None:
    """People on one list, by the others: the truth is known. The whole study is a benchmark."""
    held, errors = [], []
    for name in ("uk-2013", "kosovo-1999", "brighton-pwid-total", "hiv-lazio-1990"):
        table = tables.load(name)
        for hidden in table.lists:
            given_it = table.given(hidden)
            if given_it.observed < 30 or any(given_it.size_of(x) == 0 for x in given_it.lists):
                continue
            found, truth = shrinkage(given_it), table.size_of(hidden)
            held.append(found.lower <= truth <= found.upper)
            errors.append(np.log(found.total / truth))
    assert len(held) >= 12
    assert np.mean(held) >= 0.85
    assert np.sqrt(np.mean(np.square(errors))) < 0.55
