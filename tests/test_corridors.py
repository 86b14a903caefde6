"""Moves between cities on the roads: how many, by which way, and how far roads explain them."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest

from darkfigure import InputError, NoEstimateError
from darkfigure.circuit.corridors import corridors
from darkfigure.circuit.gravity import FROM, HOURS, TO, gravity, road_covariates
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.moves import expected_moves
from darkfigure.circuit.multistate import fit
from darkfigure.circuit.road_tables import shipped_roads
from darkfigure.circuit.roads import City, Leg, Roads

ROADS = shipped_roads()
CITIES = ("Sacramento", "Reno", "Oakland", "Fresno")
SURVIVAL, DETECTION = np.array([0.8, 0.75, 0.85, 0.8]), np.array([0.4, 0.5, 0.3, 0.45])
Floats = npt.NDArray[np.float64]


def gravity_movement(cities: tuple[str, ...], hours: float, size: float, at: float) -> Floats:
    """Movement that follows a gravity model, with these elasticities."""
    found = road_covariates(Histories(cities, "12", np.eye(len(cities), 2, dtype=int)[:1]), ROADS)
    weights = np.exp(at + hours * found[HOURS] + size * (found[TO] - np.log(5e5)))
    np.fill_diagonal(weights, 1.0)
    movement: Floats = weights / weights.sum(axis=1, keepdims=True)
    return movement


def region(
    seed: int,
    movement: Floats,
    cities: tuple[str, ...] = CITIES,
    occasions: int = 7,
    first: int = 170,
) -> tuple[Histories, Floats]:
    """Histories of people who stay, move on and are seen; and how many are where, seen or not."""
    rng = np.random.default_rng(seed)
    size = len(cities)
    survival, detection = np.resize(SURVIVAL, size), np.resize(DETECTION, size)
    entry = np.full(occasions, 0.5 / (occasions - 1))
    entry[0] = 0.5
    begins = rng.choice(occasions, first * size * 2, p=entry)
    here = rng.integers(0, size, begins.size)
    ladder = np.cumsum(movement, axis=1)
    rows = np.zeros((begins.size, occasions), np.int64)
    there, stock = np.ones(begins.size, bool), np.zeros((occasions, size))
    for t in range(occasions):
        inside = there & (begins <= t)
        stock[t] = np.bincount(here[inside], minlength=size)
        seen = inside & (rng.random(begins.size) < detection[here])
        rows[seen, t] = here[seen] + 1
        there &= ~inside | (rng.random(begins.size) < survival[here])
        to = (rng.random(begins.size)[:, None] > ladder[here]).sum(axis=1).clip(max=size - 1)
        here = np.where(inside, to, here)
    names = tuple(str(t) for t in range(occasions))
    return Histories(cities, names, rows[rows.any(axis=1)]), stock


MOVEMENT = np.array(
    [
        [0.75, 0.1, 0.12, 0.03],
        [0.2, 0.75, 0.03, 0.02],
        [0.1, 0.02, 0.86, 0.02],
        [0.06, 0.02, 0.03, 0.89],
    ]
)


def test_intervals_of_moves_and_of_the_traffic_on_roads_hold_the_truth() -> None:
    inside: dict[str, list[bool]] = {"flow": [], "share": [], "leg": [], "total": []}
    for seed in range(40):
        h, stock = region(seed, MOVEMENT)
        found = corridors(h, fit(h, "city", "city", "city", starts=1, workers=1), ROADS, workers=1)
        true = (stock[:-1, :, None] * SURVIVAL[None, :, None] * MOVEMENT).mean(axis=0)
        np.fill_diagonal(true, 0.0)
        loads: dict[tuple[str, str], float] = {}
        for flow in found.flows:
            moves = true[CITIES.index(flow.city), CITIES.index(flow.to)]
            for leg in ROADS.stretches(flow.city, flow.to):
                loads[leg.ends] = loads.get(leg.ends, 0.0) + moves
            if flow.moves.lower is None or flow.share.lower is None:  # at 0
                continue
            assert flow.moves.upper is not None
            assert flow.share.upper is not None
            inside["flow"].append(flow.moves.lower <= moves <= flow.moves.upper)
            share = moves / true.sum()
            inside["share"].append(flow.share.lower <= share <= flow.share.upper)
        for load in found.legs:
            assert load.both.lower is not None
            assert load.both.upper is not None
            inside["leg"].append(load.both.lower <= loads[load.leg.ends] <= load.both.upper)
        assert found.total.lower is not None
        assert found.total.upper is not None
        inside["total"].append(found.total.lower <= true.sum() <= found.total.upper)
    for kind, held in inside.items():
        assert np.mean(held) > (0.9 if kind != "total" else 0.85), kind
        assert np.mean(held) < 0.99 or kind == "total", kind


def test_the_covariance_is_that_of_the_moves_at_moved_parameters() -> None:
    h, _ = region(1, MOVEMENT, occasions=4)
    found = fit(h, "city", "city+time", "city", starts=1, workers=1)
    expected = expected_moves(h, found, workers=1)
    assert expected.steps == 2  # of the first occasion nobody knows who was missed
    assert len(expected.pairs) == 12
    assert np.allclose(expected.covariance, expected.covariance.T)
    assert np.linalg.eigvalsh(expected.covariance).min() > -1e-9
    always = expected_moves(h, fit(h, "city", "city", "city", starts=1, workers=1), workers=1)
    assert always.steps == 3
    wide = fit(h, "city", "city", "city", starts=1, workers=1, c_hat=4.0)
    assert np.allclose(expected_moves(h, wide).covariance, 4 * always.covariance)


def test_what_goes_over_a_road_is_what_its_journeys_are() -> None:
    roads = Roads(
        tuple(map(City, "ABCX")), (Leg("A", "X", 1.0), Leg("X", "B", 1.0), Leg("B", "C", 2.0))
    )
    rows = [[1, 1, 1], [1, 2, 2], [2, 3, 3], [3, 1, 0], [2, 2, 1], [3, 3, 3], [2, 2, 2], [3, 0, 3]]
    h = Histories("ABC", "123", rows, [60, 20, 15, 12, 9, 70, 50, 30])
    found = corridors(h, fit(h, starts=2), roads)
    moves = {(flow.city, flow.to): flow.moves.estimate for flow in found.flows}
    loads = {load.leg.ends: load for load in found.legs}
    assert set(loads) == {("A", "X"), ("B", "X"), ("B", "C")}
    east = moves["A", "B"] + moves["A", "C"]
    west = moves["B", "A"] + moves["C", "A"]
    assert loads["A", "X"].there.estimate == pytest.approx(east)
    assert loads["B", "X"].back.estimate == pytest.approx(east)
    assert loads["A", "X"].back.estimate == pytest.approx(west)
    assert loads["A", "X"].both.estimate == pytest.approx(east + west)
    assert loads["A", "X"].both == loads["B", "X"].both
    assert found.total.estimate == pytest.approx(sum(moves.values()))
    assert sum(flow.share.estimate for flow in found.flows) == pytest.approx(1.0)
    order = [load.both.estimate for load in found.legs]
    assert order == sorted(order, reverse=True)
    told = json.loads(json.dumps(found.to_dict()))
    assert {"moves", "lower", "upper", "share", "share_lower", "there", "back"} <= set(
        told["legs"][0]
    )
    assert "A – X" in str(found)
    edge = next(flow for flow in found.flows if (flow.city, flow.to) == ("A", "C"))
    assert edge.moves.lower is edge.moves.upper is None  # nobody was seen to go: no limits by it


def test_what_cannot_be_told_has_no_number() -> None:
    rows = [[1, 1, 1], [1, 2, 0], [2, 2, 2], [2, 1, 2], [2, 0, 2], [1, 0, 1], [1, 1, 3], [2, 2, 3]]
    h = Histories(("Reno", "Oakland", "Fresno"), "123", rows, [30, 9, 30, 5, 20, 9, 7, 8])
    found = corridors(h, fit(h, movement="city", starts=2), ROADS)
    for flow in found.flows:  # nobody was seen in Fresno who could be seen again
        assert (flow.moves.lower is None) == (flow.city == "Fresno")


@pytest.mark.parametrize(
    ("cities", "occasions", "rows", "refused", "words"),
    [
        (("Reno", "Oakland"), "12", [[1, 1], [1, 2], [2, 2], [2, 0]], NoEstimateError, "no step"),
        (("Reno",), "123", [[1, 1, 1], [1, 0, 1]], InputError, "single city"),
        (("Reno", "Atlantis"), "123", [[1, 2, 1], [2, 0, 2]], InputError, "no Atlantis"),
    ],
)
def test_what_cannot_be_put_on_roads_is_refused(
    cities: tuple[str, ...],
    occasions: str,
    rows: list[list[int]],
    refused: type[Exception],
    words: str,
) -> None:
    h = Histories(cities, occasions, rows, np.arange(9, 9 - len(rows), -1))
    found = fit(h, starts=1)
    with pytest.raises(refused, match=words):
        corridors(h, found, ROADS)


WEST = ("Sacramento", "Reno", "Oakland", "Fresno", "Los Angeles", "San Jose", "Redding")


def test_known_elasticities_are_found_again_and_explain_the_movement() -> None:
    movement = gravity_movement(WEST, -1.0, 0.5, -1.5)
    held = []
    for seed in range(6):
        h, _ = region(seed, movement, WEST, occasions=6, first=300)
        found = gravity(h, ROADS, "city", "city", starts=1, workers=1)
        for each, true in zip(found.elasticities, (-1.0, 0.5), strict=True):
            assert each.lower is not None
            assert each.upper is not None
            held.append(each.lower <= true <= each.upper)
        assert found.explained is not None
        assert 0.8 < found.explained < 1
        assert found.rows()[0]["movement"] == found.model.settings["movement"]
        assert found.model.estimable - found.same.estimable == 2
    assert sum(held) >= 10
    assert "roads and sizes explain" in str(found)
    json.dumps(found.to_dict())


def test_movement_that_has_nothing_to_do_with_roads_is_not_explained_by_them() -> None:
    rng = np.random.default_rng(1)
    movement = 0.5 * np.eye(7) + 0.5 * rng.dirichlet(np.full(7, 0.7), 7)
    h, _ = region(1, movement, WEST, occasions=5, first=300)
    found = gravity(h, ROADS, "city", "city", origin=True, starts=1, workers=1)
    assert found.explained is not None
    assert found.explained < 0.5
    assert found.rows()[0]["movement"] == "city"
    assert [each.covariate for each in found.elasticities] == [HOURS, TO, FROM]


def test_gravity_needs_three_cities_and_their_inhabitants() -> None:
    h = Histories(("Reno", "Oakland"), "123", [[1, 2, 1], [2, 0, 2]], [9, 5])
    with pytest.raises(InputError, match="three cities or more"):
        gravity(h, ROADS)
    roads = Roads(tuple(map(City, "ABC")), (Leg("A", "B", 1.0), Leg("B", "C", 2.0)))
    three = Histories("ABC", "123", [[1, 2, 1], [2, 0, 3]], [9, 5])
    with pytest.raises(InputError, match="How many people live in A, B and C"):
        gravity(three, roads)
    assert list(road_covariates(three, roads)) == [HOURS]
