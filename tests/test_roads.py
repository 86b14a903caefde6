"""Roads: the fastest ways between cities, and what is wrong with a table of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.circuit.road_tables import read_roads, shipped_roads
from darkfigure.circuit.roads import City, Leg, Roads
from darkfigure.tables import sheets

SHIPPED = shipped_roads()


@st.composite
def networks(draw: st.DrawFn) -> Roads:
    """Up to seven cities that are all connected, with legs in whole quarters of an hour."""
    size = draw(st.integers(2, 7))
    names = [f"city {i}" for i in range(size)]
    tree = [(draw(st.integers(0, i - 1)), i) for i in range(1, size)]
    pairs = list(itertools.combinations(range(size), 2))
    chosen = set(tree) | set(draw(st.lists(st.sampled_from(pairs), max_size=8)))
    quarters = st.integers(1, 20)
    legs = [Leg(names[a], names[b], draw(quarters) / 4) for a, b in sorted(chosen)]
    return Roads(tuple(map(City, names)), tuple(legs))


@settings(max_examples=60, deadline=None)
@given(networks())
def test_hours_are_a_distance_and_ways_take_as_long(roads: Roads) -> None:
    hours = roads.hours(roads.names)
    assert np.array_equal(hours, hours.T)
    assert np.all(np.diag(hours) == 0)
    assert np.all(hours[~np.eye(len(hours), dtype=bool)] > 0)
    assert np.all(hours[:, :, None] <= hours[:, None, :] + hours.T[None, :, :] + 1e-12)
    for (r, start), (s, end) in itertools.permutations(enumerate(roads.names), 2):
        way = roads.route(start, end)
        assert sum(leg.hours for leg in way) == hours[r, s]
        assert (way[0].a, way[-1].b) == (start, end)
        assert all(one.b == two.a for one, two in itertools.pairwise(way))
        assert way == tuple(leg.reversed() for leg in reversed(roads.route(end, start)))
    for leg in roads.legs:
        r, s = roads.names.index(leg.a), roads.names.index(leg.b)
        assert hours[r, s] <= leg.hours


def test_the_shipped_network_is_as_far_as_its_published_table_says() -> None:
    hours = SHIPPED.hours(SHIPPED.names)
    rows = sheets.rows("road-shortest")
    assert len(rows) == 33 * 32 / 2
    for row in rows:
        r, s = (SHIPPED.names.index(row[end]) for end in ("city_a", "city_b"))
        assert hours[r, s] == pytest.approx(float(row["hours_freeflow"]), abs=0.006)


def test_ways_lead_through_cities_that_are_not_studied() -> None:
    hours = SHIPPED.hours(("Medford", "Reno", "Seattle"))
    assert hours[0, 1] == pytest.approx(7.0)
    assert [leg.b for leg in SHIPPED.route("Medford", "Reno")] == ["Redding", "Sacramento", "Reno"]
    assert SHIPPED.populations(("Reno", "Medford")).tolist() == [264_165, 85_824]


def test_direct_journeys_are_put_on_the_freeway_that_they_run_along() -> None:
    stretches = SHIPPED.stretches
    assert [leg.b for leg in stretches("Los Angeles", "San Diego")] == ["Anaheim", "San Diego"]
    assert [leg.b for leg in stretches("San Francisco", "Los Angeles")] == [
        "Oakland", "Stockton", "Los Angeles",
    ]  # fmt: skip
    # by SR-152 and I-5, which no other way from San Jose is
    assert [leg.name for leg in stretches("San Jose", "Los Angeles")] == [
        "US-101 / SR-152 / I-5 (through)"
    ]
    for a, b in itertools.permutations(SHIPPED.names, 2):
        way = stretches(a, b)
        assert (way[0].a, way[-1].b) == (a, b)
        assert all(one.b == two.a for one, two in itertools.pairwise(way))
        assert way == tuple(leg.reversed() for leg in reversed(stretches(b, a)))


LEGS = "city_a,city_b,highway,miles,hours_freeflow\n"


@pytest.mark.parametrize(
    ("legs", "cities", "where", "words"),
    [
        ("A,B,I-5,48,0.8\nB,Z,I-5,48,0.8", "city\nA\nB", "line 3, column 'city_b'", "Z is none of"),
        ("A,B,I-5,48,-1", None, "line 2, column 'hours_freeflow'", "Hours above zero"),
        ("A,B,I-5,48,0", None, "line 2, column 'hours_freeflow'", "Hours above zero"),
        ("A,B,I-5,48,fast", None, "line 2, column 'hours_freeflow'", "Hours above zero"),
        ("A,B,I-5,48,nan", None, "line 2, column 'hours_freeflow'", "Hours above zero"),
        ("A,B,I-5,48,inf", None, "line 2, column 'hours_freeflow'", "Hours above zero"),
        ("A,B,I-5,-48,1", None, "line 2, column 'miles'", "Miles above zero"),
        ("A,A,I-5,48,1", None, "line 2, column 'city_b'", "leads from A to A"),
        ("A,,I-5,48,1", None, "line 2, column 'city_b'", "no city"),
        ("A,B,I-5,48,1\nB,A,I-5,48,2", None, "line 3, column 'hours_freeflow'", "with 1 and 2"),
        ("A,B,I-5,48", None, "line 2", "5 cells were expected, 4 found"),
        ("A,B,I-5,48,1", "city,lat,lon\nA,138,8\nB,3,8", "line 2, column 'lat'", "-90 and 90"),
        ("A,B,I-5,48,1", "city,lat,lon\nA,8,8\nB,3,x", "line 3, column 'lon'", "-180 and 180"),
        ("A,B,I-5,48,1", "city,pop2020\nA,0\nB,3", "line 2, column 'pop2020'", "people above"),
        ("A,B,I-5,48,1", "city\nA\nB\nA", "line 4, column 'city'", "A is there more than once"),
        ("A,B,I-5,48,1", "town\nA\nB", "line 1, column 'city'", "no such column"),
        ("", None, "", "There is no leg"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_told_with_its_place(
    tmp_path: Path, legs: str, cities: str | None, where: str, words: str
) -> None:
    legs_file, cities_file = tmp_path / "legs.csv", tmp_path / "cities.csv"
    legs_file.write_text(LEGS + legs)
    if cities is not None:
        cities_file.write_text(cities)
    with pytest.raises(InputError) as told:
        read_roads(legs_file, cities_file if cities is not None else None)
    assert len(told.value.problems) == 1
    assert where in str(told.value)
    assert words in str(told.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "legs.csv"
    file.write_text(LEGS + "A,B,I-5,x,0\nA,A,I-5,1,1\n")
    with pytest.raises(InputError) as told:
        read_roads(file)
    assert len(told.value.problems) == 3
    file.write_text("from,to\nA,B\n")
    with pytest.raises(InputError, match=r"column 'city_a'.*\n.*'city_b'.*\n.*'hours'"):
        read_roads(file)
    file.write_text("")
    with pytest.raises(InputError, match="empty"):
        read_roads(file)


def test_the_same_leg_twice_is_one_and_the_newest_census_counts(tmp_path: Path) -> None:
    legs, cities = tmp_path / "legs.csv", tmp_path / "cities.csv"
    legs.write_text("city_a;city_b;hours\nA;B;1.5\nB;A;1.5\n")
    cities.write_text("city,pop2010,pop2020\nA,10,20\nB,30,\n")
    roads = read_roads(legs, cities)
    assert len(roads.legs) == 1
    assert roads.populations(("A",)).tolist() == [20]
    with pytest.raises(InputError, match="How many people live in B is not known"):
        roads.populations(("A", "B"))


def test_roads_that_do_not_connect_and_cities_that_are_not_there_are_named() -> None:
    roads = Roads(
        tuple(map(City, "ABCD")), (Leg("A", "B", 1.0), Leg("C", "D", 1.0, None, "I-5 (through)"))
    )
    with pytest.raises(InputError, match="do not connect A and C"):
        roads.hours("ABC")
    with pytest.raises(InputError, match="do not connect B and D"):
        roads.route("B", "D")
    with pytest.raises(InputError, match="There is no Reno among the 4 cities"):
        roads.hours(("A", "Reno"))
    assert roads.stretches("C", "D") == roads.legs[1:]
    assert "A" in roads
    with pytest.raises(InputError, match="Z is none of"):
        Roads((City("A"), City("B")), (Leg("A", "Z", 1.0),))
