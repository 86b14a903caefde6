"""A model by its words: entry where it is named, and movement by the roads only where there are."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from darkfigure import InputError
from darkfigure.circuit import entry, multistate
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.road_tables import shipped_roads
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit.terms import fitted

RATES = {"survival": "constant", "detection": "constant", "movement": "city"}
BY_ROADS = {**RATES, "movement": "gravity"}
ROADS = shipped_roads()


@cache
def histories(*cities: str) -> Histories:
    size = len(cities)
    stays = 0.6 * np.eye(size) + 0.4 / size
    enters = np.full((4, size), 1 / 4 / size)
    return simulate(cities, "1234", 600, enters, 0.8, stays, 0.5, seed=1).histories


THREE = ("Reno", "Sacramento", "Oakland")


def test_with_entry_it_is_the_model_with_entry() -> None:
    h = histories(*THREE)
    for terms, fit in ((RATES, multistate.fit), ({**RATES, "entry": "city"}, entry.fit)):
        ours, theirs = fitted(h, terms, starts=1), fit(h, **terms, starts=1)  # type: ignore[operator]
        assert ours.to_dict() == theirs.to_dict()


def test_gravity_is_hours_of_road_and_inhabitants() -> None:
    h = histories(*THREE)
    found = fitted(h, {**BY_ROADS, "entry": "city"}, roads=ROADS, starts=1)
    assert [each.parameter for each in found.coefficients] == ["movement"] * 2
    assert "gravity" not in found.model
    without = fitted(h, BY_ROADS, roads=ROADS, starts=1)
    assert [each.covariate for each in found.coefficients] == [
        each.covariate for each in without.coefficients
    ]


@pytest.mark.parametrize("term", ["gravity", "constant+gravity"])
def test_gravity_without_roads_or_with_one_city_is_refused(term: str) -> None:
    told = "Movement by 'gravity' needs roads and two cities or more; name the roads."
    terms = {**RATES, "movement": term}
    with pytest.raises(InputError, match=told):
        fitted(histories(*THREE), terms)
    with pytest.raises(InputError, match=told):
        fitted(histories("Reno"), terms, roads=ROADS)
    with pytest.raises(InputError, match=r"no .*Atlantis|Atlantis.*"):
        fitted(histories("Reno", "Atlantis"), terms, roads=ROADS)


def test_other_covariates_may_stand_beside_the_roads() -> None:
    h = histories(*THREE)
    known = {"beds": [10.0, 40.0, 25.0]}
    terms = {**BY_ROADS, "detection": "beds"}
    found = fitted(h, terms, roads=ROADS, covariates=known, starts=1)
    assert found.coefficients[0].name == "detection by beds"
    with pytest.raises(InputError, match="The detection is one of"):
        fitted(h, terms, roads=ROADS)
