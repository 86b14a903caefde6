"""The multistate model: its likelihood, its maximum, what cannot be told, and its intervals."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from benchmarks.circuit_jobs import made_up
from benchmarks.parity import multistate_models
from darkfigure import InputError, NoEstimateError
from darkfigure.circuit.bootstrap import bootstrap, simulated
from darkfigure.circuit.design import TERMS, Design, Natural
from darkfigure.circuit.estimates import expected_counts
from darkfigure.circuit.goodness import goodness_of_fit, pearson
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.intervals import profile
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.maximum import minus_log_likelihood
from darkfigure.circuit.multistate import Fit, fit
from darkfigure.circuit.selection import models
from darkfigure.circuit.sightings import read_histories
from darkfigure.tables import sheets

terms = st.sampled_from(TERMS)
GEESE = read_histories(sheets.path("geese"))
DIPPER = read_histories(sheets.path("dipper"))
CITIES = ("A", "B", "C")


def histories(seed: int, cities: int = 3, occasions: int = 5, people: int = 400) -> Histories:
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, cities + 2, (people, occasions))
    patterns[patterns > cities] = 0
    patterns[~patterns.any(axis=1), 0] = 1
    names = [str(t) for t in range(occasions)]
    return Histories(CITIES[:cities], names, patterns)


def people_of(natural: Natural, first: npt.NDArray[np.float64], seed: int) -> Histories:
    """Histories of people who follow the model, one by one."""
    rng = np.random.default_rng(seed)
    occasions, cities = first.shape
    rows = []
    for (t, city), number in np.ndenumerate(first):
        for _ in range(int(number)):
            row, here = np.zeros(occasions, int), city
            row[t] = city + 1
            for u in range(t, occasions - 1):
                if rng.random() > natural.survival[u, here]:
                    break
                here = rng.choice(cities, p=natural.movement[u, here])
                if rng.random() < natural.detection[u, here]:
                    row[u + 1] = here + 1
            rows.append(row)
    return Histories(CITIES[:cities], [str(t) for t in range(occasions)], rows)


def test_every_published_model_has_the_published_maximum() -> None:
    rows = list(multistate_models())
    assert len(rows) == 27
    assert [row for row in rows if not row.ok] == []


@settings(max_examples=25, deadline=None)
@given(terms, terms, terms, st.integers(1, 3), st.integers(2, 5), st.integers(0, 1000))
def test_the_gradient_is_that_of_the_likelihood(
    survival: str, detection: str, movement: str, cities: int, occasions: int, seed: int
) -> None:
    counts = m_array(histories(seed, cities, occasions, 60))
    design = Design(occasions - 1, cities, survival, detection, movement)
    beta = np.random.default_rng(seed).normal(0, 1, design.size)
    slope = minus_log_likelihood(beta, counts, design)[1]
    for j, unit in enumerate(np.eye(design.size)):
        up = minus_log_likelihood(beta + 1e-5 * unit, counts, design)[0]
        down = minus_log_likelihood(beta - 1e-5 * unit, counts, design)[0]
        assert slope[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def chance(history: npt.NDArray[np.int64], natural: Natural) -> float:
    """The chance of a history given its first sighting, by going through every hidden path."""
    cities = natural.survival.shape[1]
    begin = int(np.flatnonzero(history)[0])
    total = 0.0
    for path in itertools.product(range(cities + 1), repeat=len(history) - begin - 1):
        here, probability = int(history[begin]) - 1, 1.0
        for u, there in enumerate(path, start=begin):
            seen = history[u + 1]
            if here == cities or there == cities:  # gone, and gone for good
                leaving = natural.gone[u, here] if here < cities else 1.0
                probability *= leaving if there == cities and not seen else 0.0
            else:
                probability *= natural.survival[u, here] * natural.movement[u, here, there]
                found = natural.detection[u, there]
                if seen:
                    probability *= found if seen == there + 1 else 0.0
                else:
                    probability *= 1 - found
            here = there
        total += probability
    return total


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_is_the_sum_over_all_hidden_paths(seed: int) -> None:
    h = histories(seed, cities=2, occasions=5, people=40)
    design = Design(4, 2, "city*time", "city*time", "city*time")
    beta = np.random.default_rng(seed).normal(0, 1, design.size)
    natural = design.natural(beta)
    slowly = sum(
        people * np.log(chance(row, natural))
        for row, people in zip(h.patterns, h.freq, strict=True)
    )
    assert minus_log_likelihood(beta, m_array(h), design)[0] == pytest.approx(-slowly, rel=1e-12)


def test_chances_of_what_comes_next_add_up_to_one() -> None:
    design = Design(6, 3, "city*time", "city+time", "city*time")
    natural = design.natural(np.random.default_rng(1).normal(0, 1, design.size))
    counts = expected_counts(natural, np.full((6, 3), 100.0))
    assert np.allclose(counts.released, 100.0)
    assert counts.never.min() > 0
    # at the probabilities that they were made with, expected counts have no slope
    beta = np.random.default_rng(1).normal(0, 1, design.size)
    assert np.allclose(minus_log_likelihood(beta, counts, design)[1], 0.0, atol=1e-9)


def test_a_person_missed_for_years_has_a_likelihood() -> None:
    row = np.zeros((1, 400), int)
    row[0, 0] = row[0, -1] = 1
    counts = m_array(Histories("AB", [str(t) for t in range(400)], row))
    design = Design(399, 2, "constant", "constant", "constant")
    height, slope = minus_log_likelihood(np.array([0.0, 5.0, 0.0]), counts, design)
    assert 2000 < height < 2400
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize(
    ("model", "best"),
    [
        (("city*time", "city*time", "city*time"), 73_420.901),
        (("city+time", "city+time", "city*time"), 73_473.334),
        (("city*time", "city*time", "city+time"), 73_520.931),
        (("city", "city", "city"), 73_693.267),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_the_highest_maximum_known_is_found_from_cold_starts(
    model: tuple[str, str, str], best: float, seed: int
) -> None:
    found = fit(GEESE, *model, starts=6, seed=seed)
    assert found.minus2loglik == pytest.approx(best, abs=0.01)
    assert found.found >= 2


def test_what_the_last_step_does_not_tell_is_named_and_has_no_number() -> None:
    found = fit(GEESE, "city*time", "city*time", "city*time", starts=3)
    assert (found.parameters, found.estimable) == (60, 57)
    last = [each.name for each in found.estimates if each.occasion in ("y1989", "y1988 to y1989")]
    assert len(last) == 15
    assert sorted(found.not_estimable) == sorted(last)
    assert found.at_boundary == (
        "movement from 1 to 3, y1984 to y1985",
        "movement from 1 to 3, y1985 to y1986",
    )
    for each in found.estimates:
        known = each.name not in last
        assert (each.estimate is not None) == known
        assert (each.standard_error is not None) == (known and each.name not in found.at_boundary)
    assert any("cannot be estimated" in warning for warning in found.warnings)


def test_two_occasions_tell_a_product_alone() -> None:
    found = fit(
        Histories("AB", "12", [[1, 1], [1, 2], [1, 0], [2, 2], [2, 0]], [30, 20, 50, 40, 60])
    )
    assert found.estimates[0].name == "survival"
    assert found.not_estimable[:2] == ("survival", "detection")
    assert found.estimable == found.parameters - 1


def test_dippers_by_time_have_eleven_parameters_that_can_be_told() -> None:
    found = fit(DIPPER, "time", "time", starts=3)
    assert (found.parameters, found.estimable) == (12, 11)
    assert found.not_estimable == ("survival, 6 to 7", "detection, 7")
    assert found.aic == pytest.approx(678.95, abs=0.005)  # Lebreton et al. 1992, table 7
    assert fit(DIPPER, "time", "time", starts=3, c_hat=2.0).aic == pytest.approx(
        656.95 / 2 + 22, abs=0.01
    )


def test_a_city_never_seen_and_one_never_left_are_told() -> None:
    rows = [[1, 1, 1], [1, 2, 0], [1, 0, 1], [2, 2, 2], [2, 0, 2], [1, 1, 2]]
    found = fit(Histories(CITIES, "123", rows, [30, 9, 20, 30, 20, 9]), starts=4)
    assert "Nobody was ever seen in C." in found.warnings
    assert "Nobody seen in B was seen next in another city." in found.warnings
    assert "Nobody seen in another city was seen next in A." in found.warnings
    assert "movement from A to C" in found.at_boundary
    assert [each.estimate for each in found.of("movement", "C")] == [None] * 3


def test_the_result_is_the_same_for_a_seed_on_any_number_of_cores() -> None:
    h = histories(5)
    one, two = (fit(h, "time", "city", "city+time", workers=n).to_dict() for n in (1, 4))
    assert one == two
    found = fit(h)
    draws = [bootstrap(h, found, replicates=25, workers=n).draws for n in (1, 3)]
    assert np.array_equal(*draws)
    assert not np.array_equal(draws[0], bootstrap(h, found, replicates=25, seed=2).draws)


def test_a_fit_tells_of_rates_and_nobody() -> None:
    told: dict[str, Any] = json.loads(json.dumps(fit(histories(2), starts=2).to_dict()))
    assert {"minus2loglik", "parameters", "estimates", "not_estimable", "seed"} <= set(told)
    assert list(told["estimates"]) == ["survival", "detection", "movement"]
    assert set(told["estimates"]["movement"][1]) == {
        "city", "to", "occasion", "estimate", "standard_error", "lower", "upper",
    }  # fmt: skip
    assert "patterns" not in json.dumps(told)
    found = fit(histories(2), starts=2)
    assert "movement from A to B" in found.table()
    assert len(found.of("movement", "A")) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"survival": "month"}, "The survival is one of constant, time"),
        ({"movement": "roads"}, "The movement is one of"),
        ({"starts": 0}, "One start or more"),
        ({"level": 1.0}, "level"),
        ({"c_hat": 0.5}, "c-hat is 1 or more"),
    ],
)
def test_a_call_that_is_wrong_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit(DIPPER, **given)


def test_too_many_parameters_and_too_little_data_are_refused() -> None:
    with pytest.raises(InputError, match="2,000 is the most"):
        fit(made_up(500, 40, 8), movement="city*time")
    year = np.zeros((1, 365), int)
    year[0, :2] = 1
    with pytest.raises(InputError, match="take longer occasions"):
        fit(Histories([f"city {r}" for r in range(33)], [f"{t}" for t in range(365)], year))
    with pytest.raises(NoEstimateError, match="was seen on more than one occasion"):
        fit(Histories("AB", "123", [[1, 0, 0], [0, 2, 0]], [5, 5]))
    with pytest.raises(NoEstimateError, match="before the last occasion"):
        fit(Histories("AB", "123", [[0, 0, 1]], [5]))


def test_profile_limits_are_where_the_likelihood_says() -> None:
    found = fit(DIPPER, "constant", "constant")
    for each in found.estimates:
        limits = profile(DIPPER, found, each)
        design = Design(6, 1, "constant", "constant", "constant")
        for limit in limits:
            fixed = np.log(limit / (1 - limit))
            heights = []
            for other in np.linspace(-1, 5, 2001):
                pair = (fixed, other) if each.parameter == "survival" else (other, fixed)
                heights.append(minus_log_likelihood(np.array(pair), m_array(DIPPER), design)[0])
            above = 2 * min(heights) - found.minus2loglik
            assert above == pytest.approx(chi2.ppf(0.95, 1), abs=0.01)
        assert limits == pytest.approx((each.lower, each.upper), abs=0.02)


def test_at_the_boundary_the_profile_has_a_limit_and_the_rest_has_none() -> None:
    found = fit(GEESE, "city*time", "city*time", "city*time", starts=3)
    edge = found.of("movement", "1", "3")[0]
    assert edge.name == found.at_boundary[0]
    lower, upper = profile(GEESE, found, edge)
    assert lower == 0.0
    assert 0.0 < upper < 0.03
    stays = found.of("movement", "1", "1")[0]
    assert stays.lower is not None
    assert profile(GEESE, found, stays) == pytest.approx((stays.lower, stays.upper), abs=0.005)
    lost = fit(DIPPER, "time", "time", starts=2)
    with pytest.raises(NoEstimateError, match="survival, 6 to 7 cannot be estimated"):
        profile(DIPPER, lost, lost.of("survival")[-1])
    with pytest.raises(InputError, match="among the estimates"):
        profile(DIPPER, lost, edge)


def test_bootstrap_and_information_agree_where_people_are_many() -> None:
    found = fit(DIPPER)
    drawn = bootstrap(DIPPER, found, replicates=200)
    for ours, theirs in zip(drawn.estimates, found.estimates, strict=True):
        assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.2)
        assert (ours.lower, ours.upper) == pytest.approx((theirs.lower, theirs.upper), abs=0.03)
    with pytest.raises(InputError, match="Two replicates"):
        bootstrap(DIPPER, found, replicates=1)


def test_counts_drawn_from_the_model_are_as_people_are_one_by_one() -> None:
    design = Design(3, 2, "city*time", "city*time", "city*time")
    natural = design.natural(np.random.default_rng(8).normal(0, 0.5, design.size))
    first = np.array([[300.0, 200.0], [100.0, 50.0], [0.0, 40.0], [10.0, 0.0]])
    rng = np.random.default_rng(1)
    drawn = np.mean([simulated(natural, first, rng).again for _ in range(300)], axis=0)
    walked = np.mean([m_array(people_of(natural, first, seed)).again for seed in range(30)], axis=0)
    expected = drawn.clip(1.0)
    assert np.all(np.abs(walked - drawn) < 5 * np.sqrt(expected / 30 + expected / 300))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    design = Design(4, 2, "city", "city", "city")
    truth = np.array([1.2, 0.6, -0.3, 0.4, -1.5, -0.8])
    natural = design.natural(truth)
    first = np.full((5, 2), 120.0)
    inside, of = 0, 0
    for replicate in range(120):
        counts = simulated(natural, first, np.random.default_rng(replicate))
        found = fit(_as_histories(counts, replicate), "city", "city", "city", starts=1)
        true = [*natural.survival[0], *natural.detection[0], *natural.movement[0].ravel()]
        for each, value in zip(found.estimates, true, strict=True):
            assert each.lower is not None
            assert each.upper is not None
            inside += each.lower <= value <= each.upper
            of += 1
    assert 0.92 <= inside / of <= 0.98


def _as_histories(counts: MArray, seed: int) -> Histories:
    """Histories with this m-array: who was seen is whoever was seen there before, in any order."""
    rng = np.random.default_rng(seed)
    occasions, cities = counts.first.shape
    rows: list[npt.NDArray[np.int64]] = []
    here: dict[tuple[int, int], list[int]] = {}
    for t, r in itertools.product(range(occasions), range(cities)):
        for _ in range(int(counts.first[t, r])):
            row = np.zeros(occasions, np.int64)
            row[t] = r + 1
            here.setdefault((t, r), []).append(len(rows))
            rows.append(row)
    for t in range(occasions - 1):
        for r in range(cities):
            order = list(rng.permutation(here.get((t, r), [])))
            for u, s in itertools.product(range(t, occasions - 1), range(cities)):
                for _ in range(int(counts.again[t, r, u, s])):
                    person = order.pop()
                    rows[person][u + 1] = s + 1
                    here.setdefault((u + 1, s), []).append(person)
    return Histories(CITIES[:cities], [str(t) for t in range(occasions)], rows)


def test_goodness_of_fit_finds_memory_and_nothing_where_there_is_none() -> None:
    design = Design(5, 3, "constant", "constant", "constant")
    natural = design.natural(np.array([1.5, 0.5, -0.5]))
    fits = [goodness_of_fit(people_of(natural, np.full((6, 3), 60.0), seed)) for seed in range(4)]
    total = sum(each.statistic for each in fits)
    df = sum(each.df for each in fits)
    assert chi2.sf(total, df) > 0.001
    assert chi2.cdf(total, df) > 0.001
    tests = {test.name: test for test in goodness_of_fit(GEESE).tests}
    assert tests["WBWA"].p_value < 1e-50
    assert tests["M.ITEC"].df == 27  # as in U-CARE
    females = goodness_of_fit(
        read_histories(sheets.path("dipper"), groups=["sex"]).by_group()["Female"]
    )
    assert (round(females.statistic, 2), females.df) == (10.28, 12)  # U-CARE: 10.276
    assert females.c_hat == 1.0
    json.dumps(females.to_dict())


def test_pearson_finds_a_model_that_is_too_simple_and_accepts_the_true_one() -> None:
    design = Design(5, 3, "city", "constant", "city")
    truth = np.array([0.5, 1.0, 1.5, 0.4, -1.5, -0.8, -0.5, -1.0, -2.0, -1.2])
    natural = design.natural(truth)
    statistics, dfs = [], []
    for seed in range(5):
        h = people_of(natural, np.full((6, 3), 80.0), seed)
        right = pearson(h, fit(h, "city", "constant", "city", starts=2))
        wrong = pearson(h, fit(h, "constant", "constant", "constant", starts=2))
        assert wrong.p_value < 1e-4
        statistics.append(right.statistic)
        dfs.append(right.df)
    assert 0.001 < chi2.sf(sum(statistics), sum(dfs)) < 0.999


def test_models_are_put_in_order_by_their_criterion() -> None:
    chosen = models(DIPPER, ("constant", "time"), ("constant", "time"), starts=2)
    assert chosen.best.model == "survival constant, detection constant, movement city"
    rows = chosen.rows()
    assert [row["delta"] for row in rows] == sorted(row["delta"] for row in rows)
    assert sum(row["weight"] for row in rows) == pytest.approx(1.0)
    assert rows[0]["delta"] == 0.0
    assert "weight" in str(chosen)
    with pytest.raises(InputError, match="no model"):
        models(DIPPER, ())


def test_standard_errors_grow_with_c_hat() -> None:
    plain, inflated = (fit(DIPPER, c_hat=c) for c in (1.0, 4.0))
    for a, b in zip(plain.estimates, inflated.estimates, strict=True):
        assert a.standard_error is not None
        assert b.standard_error == pytest.approx(2 * a.standard_error)
    assert isinstance(inflated, Fit)
