"""Covariates: what comes with them is found again, and what cannot be told is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from darkfigure import InputError
from darkfigure.circuit.bootstrap import bootstrap
from darkfigure.circuit.covariates import columns_of
from darkfigure.circuit.design import Design
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.intervals import profile
from darkfigure.circuit.m_array import m_array
from darkfigure.circuit.maximum import minus_log_likelihood
from darkfigure.circuit.multistate import fit
from darkfigure.circuit.selection import models
from darkfigure.circuit.sightings import read_histories
from darkfigure.tables import sheets

CITIES, OCCASIONS = ("Reno", "Oakland", "Fresno"), tuple("abcdef")
HOURS = np.array([[0.0, 3.5, 5.0], [3.5, 0.0, 2.5], [5.0, 2.5, 0.0]])
PATROLS = np.array([[3.0, 1, 2], [5, 2, 1], [1, 4, 2], [2, 2, 6], [4, 1, 3], [2, 5, 1]])
EVERYWHERE = {"hours": HOURS, "patrols": PATROLS, "size": np.array([0.5, 2.0, 1.2])}


def region(seed: int, people: int = 3_000) -> Histories:
    """Survival hangs on the size of a city, detection on patrols, movement on hours of driving."""
    rng = np.random.default_rng(seed)
    survival = 1 / (1 + np.exp(-(0.6 + 0.5 * EVERYWHERE["size"])))
    detection = 1 / (1 + np.exp(-(-1.5 + 0.4 * PATROLS)))
    weights = np.exp(0.5 - 0.6 * HOURS)
    np.fill_diagonal(weights, 1.0)
    ladder = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    rows = np.zeros((people, len(OCCASIONS)), np.int64)
    here, begins = rng.integers(0, 3, people), rng.integers(0, len(OCCASIONS) - 1, people)
    rows[np.arange(people), begins] = here + 1
    alive = np.ones(people, bool)
    for t in range(1, len(OCCASIONS)):
        on = begins < t
        alive &= ~on | (rng.random(people) < survival[here])
        there = (rng.random(people)[:, None] > ladder[here]).sum(axis=1)
        here = np.where(on, there, here)
        seen = on & alive & (rng.random(people) < detection[t, here])
        rows[seen, t] = here[seen] + 1
    return Histories(CITIES, OCCASIONS, rows)


def test_known_coefficients_are_found_again() -> None:
    truth = {"survival by size": 0.5, "detection by patrols": 0.4, "movement by hours": -0.6}
    found = fit(region(1), "size", "patrols", "constant+hours", covariates=EVERYWHERE, starts=3)
    assert found.parameters == found.estimable == 6
    assert [each.name for each in found.coefficients] == list(truth)
    for each in found.coefficients:
        assert each.estimate is not None
        assert each.standard_error is not None
        assert abs(each.estimate - truth[each.name]) < 3 * each.standard_error < 0.4
        assert each.lower is not None
        assert each.lower < each.estimate
    told = json.loads(json.dumps(found.to_dict()))
    assert told["coefficients"][2]["covariate"] == "hours"
    assert told["covariates"]["size"] == [0.5, 2.0, 1.2]
    assert len(found.of("survival")) == 3
    assert len(found.of("detection")) == 5 * 3
    assert found.of("detection")[0].name == "detection in Reno, b"
    assert "movement by hours" in found.table()


def test_a_covariate_for_each_city_but_one_is_the_city() -> None:
    h = region(2, 800)
    dummies: dict[str, Any] = {"in Reno": [1, 0, 0], "in Oakland": [0, 1, 0]}
    term = "constant+in Reno+in Oakland"
    ours = fit(h, term, term, covariates=dummies, starts=2)
    theirs = fit(h, "city", "city", starts=2)
    assert ours.minus2loglik == pytest.approx(theirs.minus2loglik, abs=1e-5)
    for a, b in zip(ours.estimates, theirs.estimates, strict=True):
        assert (a.name, a.estimate) == (b.name, pytest.approx(b.estimate, abs=1e-4))
        assert a.standard_error == pytest.approx(b.standard_error, abs=1e-4)


def test_units_do_not_matter_but_to_the_coefficient() -> None:
    h = region(3, 800)
    hours = fit(h, movement="hours", covariates={"hours": HOURS}, starts=2)
    minutes = fit(h, movement="minutes", covariates={"minutes": 60 * HOURS + 7}, starts=2)
    assert minutes.minus2loglik == pytest.approx(hours.minus2loglik, abs=1e-6)
    for kind in ("estimate", "standard_error"):
        a, b = (getattr(each.coefficients[0], kind) for each in (hours, minutes))
        assert b == pytest.approx(a / 60, rel=1e-5)


def test_the_gradient_is_that_of_the_likelihood_with_covariates_too() -> None:
    h = region(4, 200)
    terms = {"survival": "city+patrols", "detection": "time+patrols", "movement": "hours+size"}
    columns = columns_of(terms, EVERYWHERE, h)
    design, counts = Design(5, 3, **terms, columns=columns), m_array(h)
    beta = np.random.default_rng(1).normal(0, 0.5, design.size)
    slope = minus_log_likelihood(beta, counts, design)[1]
    for j, unit in enumerate(1e-5 * np.eye(design.size)):
        up, down = (minus_log_likelihood(beta + k * unit, counts, design)[0] for k in (1, -1))
        assert slope[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


def test_shapes_that_mean_the_same_give_the_same() -> None:
    h = region(5, 300)
    month = PATROLS[:, 0]
    for kind in ("survival", "detection"):
        first, *others = (
            fit(h, **{kind: "month"}, covariates={"month": values}, starts=1).minus2loglik
            for values in (month, month[:, None], np.tile(month[:, None], 3))
        )
        assert others == [pytest.approx(first)] * 2
    to = np.tile(EVERYWHERE["size"], (3, 1))
    first, *others = (
        fit(h, movement="size", covariates={"size": values}, starts=1).minus2loglik
        for values in (EVERYWHERE["size"], to, np.tile(to, (5, 1, 1)))
    )
    assert others == [pytest.approx(first)] * 2


def test_what_is_not_needed_may_be_missing() -> None:
    h = region(6, 300)
    hours = HOURS + np.diag([np.nan] * 3)
    patrols = PATROLS.copy()
    patrols[0] = np.nan  # nobody is seen again on the first occasion
    given = {"hours": hours, "patrols": patrols}
    found = fit(h, "constant", "patrols", "hours", starts=1, covariates=given)
    told = json.dumps(found.to_dict(), allow_nan=False)
    assert "null" in told
    assert bootstrap(h, found, replicates=2).draws.shape == (2, len(found.estimates))
    movement = found.of("movement", "Reno", "Oakland")[0]
    lower, upper = profile(h, found, movement)
    assert movement.estimate is not None
    assert lower < movement.estimate < upper


def test_a_coefficient_that_the_data_cannot_tell_has_no_number() -> None:
    dipper = read_histories(sheets.path("dipper"))
    last = {"last": [0, 0, 0, 0, 0, 1, 0]}  # survival of the last step comes with its detection
    found = fit(dipper, "last", "time", covariates=last, starts=2)
    assert (found.parameters, found.estimable) == (8, 7)
    assert "survival by last" in found.not_estimable
    assert found.coefficients[0].to_dict() == {
        "parameter": "survival", "covariate": "last", "estimate": None,
        "standard_error": None, "lower": None, "upper": None,
    }  # fmt: skip


def test_models_with_covariates_are_put_in_order() -> None:
    chosen = models(
        region(7), ("constant", "size"), ("patrols",), ("constant", "hours"), starts=1,
        covariates=EVERYWHERE,
    )  # fmt: skip
    assert chosen.best.settings["movement"] == "hours"
    assert len({len(line) for line in str(chosen).splitlines()}) == 1


@pytest.mark.parametrize(
    ("terms", "covariates", "words"),
    [
        ({"survival": "city+month"}, {"size": [1, 2, 3]}, r"added \(size\), not 'city\+month'"),
        ({"survival": "month"}, {}, "constant, time, city, .*, not 'month'"),
        ({"survival": "x"}, {"x": [1, np.nan, 3]}, "'x' has no number for Oakland on occasion a"),
        ({"detection": "x"}, {"x": [1, 2, 3, np.inf, 5, 6]}, "for Reno on occasion d, where detec"),
        ({"movement": "x"}, {"x": [1, 2, np.nan]}, "'x' has no number from Reno to Fresno, a to b"),
        ({"movement": "x"}, {"x": PATROLS}, r"each pair from and to \(3, 3\)"),
        ({"survival": "x"}, {"x": [1, 2]}, r"one number for each city \(3,\), each occasion"),
        ({"survival": "x"}, {"x": [2, 2, 2]}, "'x' is the same wherever survival is"),
        ({"survival": "x"}, {"x": [0, 0, 0, 0, 0, 9]}, "'x' is the same wherever survival is"),
        ({"survival": "city+x"}, {"x": [1, 2, 3]}, "'x' says nothing of survival that the other"),
        ({"detection": "time+x"}, {"x": range(6)}, "'x' says nothing of detection"),
        ({"survival": "x+y"}, {"x": [1, 2, 4], "y": [-1, -2, -4]}, "'y' says nothing"),
        ({"survival": "x+x"}, {"x": [1, 2, 4]}, "'x' says nothing"),
        ({"survival": "x"}, {"x": ["many", "few", "few"]}, "'x' is not an array of numbers"),
        ({}, {"time": [1, 2, 3]}, "cannot be called 'time'"),
        ({}, {"a+b": [1, 2, 3]}, r"cannot be called 'a\+b'"),
    ],
)  # fmt: skip
def test_covariates_that_are_wrong_are_refused(
    terms: dict[str, str], covariates: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit(region(8, 50), **terms, covariates=covariates)


def test_one_number_for_each_of_as_many_cities_as_occasions_is_told_apart() -> None:
    h = Histories("AB", "12", [[1, 1], [2, 1], [2, 2], [1, 0]], [5, 5, 5, 5])
    with pytest.raises(InputError, match="may be of either"):
        fit(h, "x", covariates={"x": [1, 2]})
    one = Histories("A", "123", [[1, 1, 1], [1, 0, 1], [1, 1, 0]], [5, 5, 5])
    with pytest.raises(InputError, match="there is no movement for 'x'"):
        fit(one, movement="x", covariates={"x": [1]})
