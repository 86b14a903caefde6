"""Intervals: repeatable, honest about replicates without an estimate, and true to the truth."""

import math

import numpy as np
import pytest

from darkfigure import engine, size, tables
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.size.bootstrap import bca_limit, bootstrap, draw, replicates
from darkfigure.size.nested import nested_intervals
from darkfigure.size.search import best_totals
from darkfigure.size.space import Space

METHODS = [size.independent, size.stepwise, size.bic]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_draws_on_any_number_of_cores(method):
    histories = tables.load("kosovo-1999")
    one, two, three = (
        method(histories, bootstrap=120, seed=3, workers=workers) for workers in (1, 2, 3)
    )
    assert one == two == three
    assert not np.array_equal(one.draws, method(histories, bootstrap=120, seed=4).draws)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["korea-palembang", "kosovo-1999", "uk-2013-5lists"])
def test_the_interval_holds_the_estimate(method, name):
    found = method(tables.load(name), bootstrap=60)
    assert found.observed <= found.lower <= found.total <= found.upper
    assert found.draws.shape == (60,)


def test_replicates_are_as_many_people_and_leave_empty_cells_empty():
    histories = tables.load("uk-2013-5lists")
    drawn = replicates(histories, 200, 1)
    assert (drawn.sum(axis=1) == histories.observed).all()
    assert not drawn[:, histories.known == 0].any()
    mean, share = drawn.mean(axis=0), histories.known
    assert np.abs(mean - share).max() < 5 * math.sqrt(share.max() / 200)


def test_replicates_without_an_estimate_are_infinite_counted_and_told():
    histories = CaptureHistories("ab", [0, 60, 50, 2])  # nobody shared in one replicate of eight
    found = size.independent(histories, bootstrap=400)
    none = int(np.isinf(found.draws).sum())
    assert 20 < none < 100
    assert any(f"{none} of 400 bootstrap replicates" in warning for warning in found.warnings)
    assert math.isinf(found.upper)
    assert any("no upper limit" in warning for warning in found.warnings)


def test_an_estimate_that_hangs_on_one_person_is_not_corrected_for_skewness():
    histories = CaptureHistories("ab", [0, 60, 50, 1])
    found = size.independent(histories, bootstrap=100)
    assert found.details["acceleration"] == 0
    assert any("Without one single person" in warning for warning in found.warnings)


def test_too_few_replicates_and_levels_out_of_range_are_refused():
    histories = tables.load("korea-palembang")
    with pytest.raises(InputError, match="too few for an interval"):
        size.independent(histories, bootstrap=5)
    for level in (0.0, 1.0, 95.0):
        for number in (0, 50):
            with pytest.raises(InputError, match="level of an interval"):
                size.independent(histories, bootstrap=number, level=level)
        with pytest.raises(InputError, match="level of an interval"):
            bootstrap(histories, 1.0, lambda t: t.sum(axis=1), b=20, level=level, seed=1)


def test_without_bias_and_skewness_a_limit_is_a_percentile():
    draws = np.random.default_rng(2).permutation(np.arange(1.0, 2002.0))
    for p in (0.025, 0.1, 0.5, 0.9, 0.975):
        assert bca_limit(draws, 1001.0, 0.0, p) == pytest.approx(np.quantile(draws, p), abs=2)


def test_an_interrupted_bootstrap_goes_on_where_it_stopped(tmp_path):
    histories = tables.load("korea-palembang")
    whole = draw(histories, lambda t: t @ np.arange(8.0), b=205, seed=3, workers=1)
    calls = []

    def interrupted(counts):
        if len(calls) == 9:
            raise KeyboardInterrupt
        calls.append(len(counts))
        return counts @ np.arange(8.0)

    kept = tmp_path / "replicates"
    with pytest.raises(KeyboardInterrupt):
        draw(histories, interrupted, b=205, seed=3, workers=1, resume=kept)
    with kept.open("ab") as stream:
        stream.write(b"half a piece")
    again, told = [], []

    def counted(counts):
        again.append(len(counts))
        return counts @ np.arange(8.0)

    resumed = draw(
        histories,
        counted,
        b=205,
        seed=3,
        workers=1,
        resume=kept,
        progress=lambda done, of: told.append((done, of)),
    )
    assert np.array_equal(resumed, whole)
    assert sum(again) < 205 - 70
    assert told[-1] == (21, 21)
    assert told[0][0] > 8


def test_more_replicates_begin_with_the_same_ones():
    histories = tables.load("kosovo-1999")
    few, many = (size.independent(histories, bootstrap=b, seed=9).draws for b in (40, 95))
    assert np.array_equal(few, many[:40])


def test_the_nested_interval_of_all_models_is_that_of_bic():
    histories = tables.load("korea-palembang")
    found = size.bic(histories, bootstrap=300, nested=8)
    nested = found.details["nested"]
    assert [each["models"] for each in nested] == list(range(1, len(nested) + 1))
    assert nested[0]["model"] == found.details["model"]
    assert nested[-1]["lower"] == pytest.approx(found.lower, rel=1e-6)
    assert nested[-1]["upper"] == pytest.approx(found.upper, rel=1e-6)


def test_the_best_model_alone_gives_the_interval_that_takes_it_as_known():
    histories = tables.load("uk-2013-5lists")
    alone, *_, more = nested_intervals(histories, 10, bootstrap=200)
    assert alone["lower"] > more["lower"]
    assert alone["upper"] < more["upper"]


def test_replicates_that_could_not_be_proven_are_counted_and_told():
    histories = tables.load("korea-palembang")
    totals = best_totals(Space(3), budget=3)
    interval = bootstrap(histories, 157.0, totals, b=50, level=0.9, seed=1)
    assert interval.draws.shape == (50,)
    assert any("In 50 of 50 replicates the best model was not" in w for w in interval.warnings)


def test_only_a_few_pieces_are_under_way_at_a_time():
    started = []
    results = engine.run(lambda piece: started.append(piece), range(1000), workers=2)
    for _ in range(5):
        next(results)
    assert len(started) <= 5 + 8 + 1
    results.close()


def test_progress_tells_how_far_it_is():
    told = []
    size.independent(
        tables.load("korea-palembang"), bootstrap=100, progress=lambda a, b: told.append((a, b))
    )
    pieces = len(told)
    assert pieces > 1
    assert told == [(done, pieces) for done in range(1, pieces + 1)]


def test_independent_lists_of_a_known_population_are_estimated_and_covered():
    truth, chances = 2000, (0.2, 0.2, 0.15, 0.25)
    rng = np.random.default_rng(7)
    totals, covered = [], 0
    for seed in range(100):
        on = rng.random((truth, 4)) < chances
        seen = on[on.any(axis=1)]
        found = size.independent(
            CaptureHistories.from_patterns("abcd", seen.astype(int)), bootstrap=200, seed=seed
        )
        totals.append(found.total)
        covered += found.lower <= truth <= found.upper
    error = np.std(totals, ddof=1) / math.sqrt(len(totals))
    assert abs(np.mean(totals) - truth) < 3 * error + 0.005 * truth
    assert covered >= 88
