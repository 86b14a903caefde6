"""Made-up people: the truth is the truth, and draws from the prior are what the prior says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from benchmarks import simulation
from benchmarks.simulation import (
    KINDS,
    World,
    asked,
    from_prior,
    interactions,
    judged,
    over_subsets,
)
from darkfigure.size.methods import METHODS
from darkfigure.size.shrinkage import USUAL, _prior

OTHERS = [kind for kind in KINDS if kind not in ("prior", "sparse")]


def log_odds_ratio(cells: np.ndarray, rest: int) -> float:
    """Of being on the first two lists, among those who are on exactly `rest` of the others."""
    both, neither, one, other = (cells[rest | m] for m in (3, 0, 1, 2))
    return math.log(both * neither / (one * other))


def size_of_lists(cells: np.ndarray, n_lists: int) -> list[float]:
    masks = np.arange(cells.size)
    return [float(cells[masks >> j & 1 == 1].sum()) for j in range(n_lists)]


# The worlds


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("lists", [2, 5])
def test_the_share_seen_is_as_asked(kind, lists):
    cells = World(kind, lists, seen=0.1).cells()
    assert cells.sum() == pytest.approx(1)
    assert (cells > 0).all()
    assert 1 - cells[0] == pytest.approx(0.1)


def test_independent_lists_multiply():
    cells = World("independent", 4).cells()
    sizes = size_of_lists(cells, 4)
    for mask in range(16):
        on = [size if mask >> j & 1 else 1 - size for j, size in enumerate(sizes)]
        assert cells[mask] == pytest.approx(math.prod(on))


@pytest.mark.parametrize(("kind", "ratio"), [("together", 4), ("apart", 1 / 4)])
def test_one_pair_depends_and_no_other(kind, ratio):
    cells = World(kind, 4).cells()
    for rest in (0, 4, 8, 12):
        assert log_odds_ratio(cells, rest) == pytest.approx(math.log(ratio))
    swapped = cells.reshape(2, 2, 2, 2).transpose(2, 3, 0, 1).ravel()  # the other two lists first
    assert log_odds_ratio(swapped, 0) == pytest.approx(0, abs=1e-9)


def test_people_who_differ_are_as_when_each_is_drawn():
    cells = World("differ", 2).cells()
    sizes = size_of_lists(cells, 2)
    assert cells[3] > 1.3 * sizes[0] * sizes[1]  # the same people are found by both
    z = np.random.default_rng(1).normal(size=400_000)
    height = math.log(sizes[0] / (1 - sizes[0]))
    # The heights that give these list sizes, by bisection on people drawn one by one.
    p = []
    for size in sizes:
        low, high = height - 3, height + 3
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if (1 / (1 + np.exp(-middle - z))).mean() < size else (low, middle)
            )
        p.append(1 / (1 + np.exp(-low - z)))
    assert cells[3] == pytest.approx((p[0] * p[1]).mean(), rel=0.02)


def test_a_third_is_nearly_invisible():
    cells = World("invisible", 3, seen=0.2).cells()
    # Two independent kinds of people, one with a tenth of the other's odds: their mixture.
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        odds = np.exp(middle + np.array([0.7, 0.0, -0.7]))
        unseen = 2 / 3 * np.prod(1 / (1 + odds)) + 1 / 3 * np.prod(1 / (1 + odds / 10))
        low, high = (middle, high) if unseen > 0.8 else (low, middle)
    all_three = 2 / 3 * np.prod(odds / (1 + odds)) + np.prod(odds / (10 + odds)) / 3
    assert cells[7] == pytest.approx(all_three)


@pytest.mark.parametrize("people", [1_000, 10_000])
def test_ten_are_shared_where_overlap_is_sparse(people):
    cells = World("sparse", 4, people, None).cells()
    assert people * (1 - cells[[0, 1, 2, 4, 8]].sum()) == pytest.approx(10)


@pytest.mark.parametrize("kind", [*OTHERS, "sparse"])
def test_the_truth_counts_everybody(kind):
    world = World(kind, 3, 1_000, None if kind == "sparse" else 0.3)
    draws = [world.draw(i) for i in range(60)]
    assert {truth for truth, _ in draws} == {1_000}
    seen = np.mean([histories.observed for _, histories in draws]) / 1_000
    expected = 1 - world.cells()[0]
    assert abs(seen - expected) < 4 * math.sqrt(expected * (1 - expected) / 60_000)


def test_the_same_replicate_is_the_same_table_and_another_is_not():
    for world in (World("differ", 4), World("prior", 4, 300, None)):
        (truth, one), (again, two), (_, three) = (world.draw(i) for i in (7, 7, 8))
        assert truth == again
        assert (one.known == two.known).all()
        assert (one.known != three.known).any()


# The prior


@pytest.mark.parametrize("lists", [3, 7])
def test_interactions_are_drawn_from_the_prior_that_the_estimator_states(lists, monkeypatch):
    monkeypatch.setattr(simulation, "MAIN", (-math.inf, math.inf))
    for regime in USUAL.regimes:
        only = type(USUAL)(regimes=(regime,))
        monkeypatch.setattr(simulation, "USUAL", only)
        drawn = interactions(lists, 20_000, np.random.default_rng(1))
        terms, mean, precision, _ = _prior(lists, only, regime)
        assert set(np.flatnonzero(drawn.any(axis=0))) == set(terms)
        off = drawn[:, terms] - mean
        assert (np.abs(off.mean(axis=0)) < 4.5 * off.std(axis=0) / math.sqrt(20_000)).all()
        # Whitened by the stated precision, their covariance is the identity.
        white = off @ np.linalg.cholesky(precision)
        assert np.abs(np.cov(white.T) - np.eye(terms.size)).max() < 0.06


def test_sums_over_subsets():
    assert over_subsets(np.array([[1.0, 10, 100, 1_000]])).tolist() == [[1, 11, 101, 1_111]]


def test_tables_from_the_prior_keep_its_conditions():
    ratios = []
    for i in range(40):
        counts = from_prior(4, 300, np.random.default_rng(i))
        masks = np.arange(16)
        assert counts[np.bitwise_count(masks) >= 2].sum() >= 10
        for j in range(4):
            assert counts[masks >> j & 1 == 1].sum() >= 0.05 * counts[1:].sum()
        ratios.append(counts[0] / counts[1:].sum())
    assert 230 < counts[1:].sum() < 370
    assert 0.7 < np.median(ratios) < 6  # by the prior of the unseen alone, 4


# The study


def test_judged():
    rows = [
        {"truth": 100, "seen": 10, "shared": 1},
        {"truth": 100, "seen": 10, "shared": 1, "total": 100, "lower": 50, "upper": 200},
        {"truth": 100, "seen": 10, "shared": 1, "total": 100, "lower": 120, "upper": 480},
        {"truth": 100, "seen": 10, "shared": 1, "total": 100 * math.e, "lower": 90, "upper": 99},
    ]
    found = judged(rows)
    assert found["refused"] == 0.25
    assert [found[x] for x in ("coverage", "too_high", "too_low")] == [0.3333] * 3
    assert found["bias"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["rmse"] == pytest.approx(math.sqrt(1 / 3), abs=1e-4)
    assert found["log_width"] == pytest.approx(math.log(4), abs=1e-3)
    assert judged(rows[:1]) == {"tables": 1, "refused": 1.0}


def test_every_world_asks_the_default_and_many_tables_where_it_must_hold():
    for world in simulation.worlds():
        number = asked(world)
        assert set(number) <= set(METHODS)
        assert "auto" in number or "shrinkage" in number
        if world.kind == "prior":
            assert max(number.values()) >= 400


def test_a_small_study_has_every_method_and_goes_on(monkeypatch):
    some = [World("independent", 3), World("prior", 3, 100, None)]
    number = {**asked(World("independent", 4)), "auto": 6}
    few = {method: min(tables, 3) for method, tables in number.items()}
    rows = list(simulation.study(some, lambda _: few))
    assert [row["method"] for row in rows] == 2 * list(few)
    assert all(0 <= row.get("coverage", 0) <= 1 and simulation.said(row) for row in rows)
    kept = json.loads(json.dumps(rows))
    monkeypatch.setattr(simulation, "answer", None)  # nothing is measured again
    assert list(simulation.study(some, lambda _: few, kept)) == kept
    assert sum(group["tables"] for group in simulation.grouped(kept)[:3]) >= 3
