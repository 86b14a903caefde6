"""What is published of movement, attacked: neither that one person moved nor that nobody did."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.circuit import double_count as double_counts
from darkfigure.circuit.behind import Behind
from darkfigure.circuit.corridors import corridors
from darkfigure.circuit.double_count import DoubleCount, double_count
from darkfigure.circuit.gravity import gravity
from darkfigure.circuit.hidden import hidden_cities, hidden_moves
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import Fit, fit
from darkfigure.circuit.road_tables import shipped_roads
from darkfigure.circuit.shown import (
    published,
    published_corridors,
    published_gravity,
    two_digits,
)
from darkfigure.disclosure import held_back, to_nearest

ROADS = shipped_roads()
CITIES = ("Sacramento", "Reno", "Oakland", "Fresno")
OCCASIONS = ("1", "2", "3", "4", "5")
MOVEMENT = np.array(
    [[0.7, 0.1, 0.2, 0.0], [0.3, 0.5, 0.2, 0.0], [0.2, 0.1, 0.7, 0.0], [0.2, 0.0, 0.15, 0.65]]
)
MODELS = [
    ("constant", "constant", "constant"),
    ("city", "city", "city"),
    ("constant", "city+time", "city+time"),
    ("city", "time", "city*time"),
]


def region(seed: int, people: int, movement: npt.ArrayLike = MOVEMENT) -> npt.NDArray[np.int64]:
    """Histories of people one by one; as it is left out, nobody comes to Fresno."""
    rng = np.random.default_rng(seed)
    ladder = np.cumsum(movement, axis=1)
    rows = np.zeros((people, len(OCCASIONS)), np.int64)
    here, there = rng.integers(0, len(ladder), people), np.ones(people, bool)
    for t in range(len(OCCASIONS)):
        rows[:, t] = (here + 1) * (there & (rng.random(people) < 0.5))
        there &= rng.random(people) < 0.8
        here = (rng.random(people)[:, None] > ladder[here]).sum(axis=1).clip(max=len(ladder) - 1)
    return rows[rows.any(axis=1)]


def made(*rows: npt.ArrayLike) -> Histories:
    return Histories(CITIES, OCCASIONS, np.concatenate([np.atleast_2d(each) for each in rows]))


def form(told: Any) -> Any:
    """What is told, with every number as good as any other, and lists in no order."""
    if isinstance(told, dict):
        return {key: form(value) for key, value in told.items()}
    if isinstance(told, list):
        return sorted((form(each) for each in told), key=lambda each: json.dumps(each))
    return "a number" if isinstance(told, int | float) and not isinstance(told, bool) else told


def everything(histories: Histories, model: tuple[str, str, str]) -> dict[str, Any]:
    """All that is published of a region."""
    found = fit(histories, *model, starts=1, workers=1)
    return {
        "fit": published(found, histories),
        "corridors": published_corridors(histories, found, ROADS, workers=1),
        "double": double_count(histories).published(),
    }


HOME, ALONE = [2, 2, 0, 2, 2], [2, 2, 0, 2, 4]  # in Reno all the time, or at last in Fresno


@pytest.mark.parametrize("model", MODELS, ids="-".join)
def test_one_person_alone_on_a_corridor_leaves_no_trace_in_the_form(
    model: tuple[str, str, str],
) -> None:
    # at 2 and 3 a count of others comes to the smallest that is shown, or to another count, by it
    for seed in (1, 4, 5):
        many = region(seed, 1500)
        home, alone = made(many, HOME), made(many, ALONE)
        assert Behind(home).moves[1, 3] == 0
        assert Behind(alone).moves[1, 3] == 1
        told = everything(home, model), everything(alone, model)
        assert json.dumps(form(told[0])) == json.dumps(form(told[1]))
        assert told[1]["fit"]["minus2loglik"] is None or model[2] == "constant"
        flows = [(flow["city"], flow["to"]) for flow in told[1]["corridors"]["flows"]]
        assert ("Reno", "Fresno") not in flows
        assert ("Sacramento", "Oakland") in flows
        if "city" in model[2]:
            rates = told[1]["fit"]["estimates"]["movement"]
            there = [each for each in rates if (each["city"], each["to"]) == ("Reno", "Fresno")]
            assert all(each["hidden"] and each["estimate"] is None for each in there)


def test_the_roads_that_a_gravity_model_tells_of_leave_no_trace_either() -> None:
    many = region(3, 700)
    for told in zip(
        *(
            (published_gravity(found, h), published(found.model, h))
            for h in (made(many, HOME), made(many, ALONE))
            for found in [gravity(h, ROADS, starts=1, workers=1)]
        ),
        strict=True,
    ):
        assert json.dumps(form(told[0])) == json.dumps(form(told[1]))
    assert told[0]["coefficients"][0]["estimate"] < 0


def test_who_goes_up_and_down_a_road_ten_times_is_one_person() -> None:
    names = [str(t) for t in range(20)]
    rows = np.ones((60, 20), np.int64)
    rows[30:] = 2
    rows[0, ::2] = 2
    h = Histories("AB", names, rows)
    assert Behind(h).moves.tolist() == [[29, 1], [1, 30]]
    told = published(fit(h, starts=1), h)
    assert all(each["hidden"] for each in told["estimates"]["movement"])
    twice = Histories("AB", names, rows, [5, *[1] * 59])
    assert Behind(twice).moves[0, 1] == 5
    told = published(fit(twice, starts=1), twice)
    assert [each["hidden"] for each in told["estimates"]["movement"]] == [False] * 4


def test_of_one_step_only_those_count_who_were_seen_at_both_ends_of_it() -> None:
    h = Histories("AB", "123", [[1, 2, 0], [1, 0, 2], [1, 1, 2]], [3, 7, 4])
    behind = Behind(h)
    assert behind.moves.tolist() == [[4, 14], [0, 0]]
    assert behind.moves_by_step[:, 0, 1].tolist() == [3, 4]
    assert behind.survival("city*time").tolist() == [[14, 0], [4, 0]]
    assert behind.detection("city*time").tolist() == [[4, 3], [0, 11]]
    assert behind.detection("city+time").tolist() == [[4, 7], [4, 11]]
    assert behind.detection("constant").tolist() == [[14, 14], [14, 14]]
    assert behind.cities.tolist() == [14, 14]
    assert [each.tolist() for each in behind.movers(by_step=True)] == [[3, 4], [4, 0]]
    assert [each.tolist() for each in behind.movers(by_step=False)] == [[14, 14], [4, 4]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(10, 120), st.sampled_from([2, 5, 10]))
def test_no_hidden_rate_is_got_by_subtraction(seed: int, people: int, smallest: int) -> None:
    rng = np.random.default_rng(seed)
    movement = rng.dirichlet(np.full(4, 0.4), 4)
    h = made(region(seed, people, movement))
    hidden, behind = hidden_moves(h, smallest), Behind(h)
    assert np.all(hidden[behind.moves < smallest])
    for r, row in enumerate(hidden):
        held = np.flatnonzero(row)
        assert held.size != 1
        if 0 < held.size < 4:  # their sum can be got by subtraction: enough people are behind it
            assert behind.together(r, held.tolist(), None) >= smallest
            assert behind.moves[r, held].max() <= behind.moves[r, ~row].min()
    for cities in [hidden_cities(h, smallest)]:
        assert np.all(cities[behind.cities < smallest])
        assert cities.sum() != 1


@pytest.mark.parametrize(("cells", "up_to", "smallest"), [(3, 24, 3), (4, 14, 3), (5, 9, 2)])
def test_who_knows_a_row_s_shown_counts_and_its_sum_cannot_tell_a_hidden_one(
    cells: int, up_to: int, smallest: int
) -> None:
    told: dict[Any, list[tuple[int, ...]]] = defaultdict(list)
    for counts in itertools.product(range(up_to + 1), repeat=cells):
        if sum(counts) <= up_to:
            held = held_back(counts, smallest)
            shown = tuple(None if at in held else n for at, n in enumerate(counts))
            told[shown, sum(counts)].append(counts)
    for (shown, _), possible in told.items():
        for at, n in enumerate(shown):
            if n is None and None in shown and sum(n is not None for n in shown):
                values = {counts[at] for counts in possible}
                assert len(values) >= max(2, smallest // 2)
                assert min(values) <= smallest // 2


def fitted(h: Histories) -> Fit:
    return fit(h, "city", "city", "city", starts=1, workers=1)


def test_no_leg_and_no_difference_of_legs_tells_of_a_hidden_move() -> None:
    h = made(region(5, 400), ALONE)
    only = ~hidden_moves(h)
    found = corridors(h, fitted(h), ROADS, only=only, workers=1)
    shown = {(flow.city, flow.to): flow.moves.estimate for flow in found.flows}
    assert 0 < len(shown) < 12
    assert found.total.estimate == pytest.approx(sum(shown.values()))
    loads: dict[tuple[str, str], float] = defaultdict(float)
    for pair, moves in shown.items():
        for leg in ROADS.stretches(*pair):
            loads[leg.a, leg.b] += moves
    assert {load.leg.ends for load in found.legs} == {tuple(sorted(ends)) for ends in loads}
    for load in found.legs:
        assert load.there.estimate == pytest.approx(loads[load.leg.a, load.leg.b])
        assert load.back.estimate == pytest.approx(loads[load.leg.b, load.leg.a])
    every = corridors(h, fitted(h), ROADS, workers=1)
    assert {("Fresno", "Merced")} < {load.leg.ends for load in every.legs}


def test_where_hardly_anybody_moves_nothing_looks_as_if_nobody_did() -> None:
    stays = np.repeat(np.arange(1, 5), 40)[:, None] * np.ones(5, np.int64)
    for person in (HOME, ALONE):
        h = made(stays, person)
        found = fit(h, "constant", "constant", "constant", starts=1)
        told = published_corridors(h, found, ROADS)
        assert told["flows"] == told["legs"] == []
        assert set(told["total"].values()) == {None}
        assert published(found, h)["hidden"][-1].startswith("Movement is not shown")
        double = double_count(h).published()
        assert double["naive"] is None
        assert all(each["seen"] is None for each in double["cities"])


def test_a_covariate_that_is_the_name_of_a_road_is_hidden_with_it() -> None:
    road = np.zeros((4, 4))
    road[1, 3] = 1
    for person in (HOME, ALONE):
        h = made(region(6, 600), person)
        found = fit(h, movement="constant+road", covariates={"road": road}, starts=1, workers=1)
        told = published(found, h)
        assert told["coefficients"][0]["hidden"]
        assert told["coefficients"][0]["estimate"] is None
        assert all(each["hidden"] for each in told["estimates"]["movement"])


def test_nothing_is_hidden_of_what_is_published_already_or_rests_on_many() -> None:
    h = made(region(7, 300), ALONE)
    found = fitted(h)
    told = published(found, h, 1)
    assert told["hidden"] == []
    for kind, rates in found.to_dict()["estimates"].items():
        assert [{**each, "hidden": False} for each in rates] == told["estimates"][kind]
    assert told["minus2loglik"] == found.minus2loglik
    whole = published_corridors(h, found, ROADS, 1)
    assert len(whole["flows"]) == 12
    many = made(region(8, 3000, np.full((4, 4), 0.25)))
    told = published(fitted(many), many)
    assert told["hidden"] == []
    assert told["aic"] is None
    assert published(fitted(many), many, exact=True)["aic"] is not None


def test_numbers_are_coarse_once_anything_is_hidden() -> None:
    h = made(region(9, 300), ALONE)
    told = published(fitted(h), h)
    assert told["aic"] is told["estimable"] is told["found"] is None
    rates = [each["estimate"] for each in told["estimates"]["survival"]]
    assert all(rate == two_digits(rate) for rate in rates)
    assert told["people"] == to_nearest(h.people, 5)
    assert "Fresno" in told["hidden"][-1]
    assert two_digits([0.0, float("inf"), True, 1234, "x"]) == [0.0, float("inf"), True, 1200, "x"]


def test_too_few_people_for_anything_are_refused() -> None:
    h = made([[1, 1, 1, 0, 0]], [[2, 1, 2, 0, 0]])
    found = fitted(made(region(1, 50)))
    with pytest.raises(InputError, match="fewer than 5 people"):
        published(found, h)
    with pytest.raises(InputError, match="fewer than 5 people"):
        double_count(h).published()
    with pytest.raises(InputError, match="1 or more"):
        published_corridors(h, found, ROADS, 0)


def counted(cells: tuple[int, ...], cities: int) -> DoubleCount:
    """The double count of a region with so many people in each combination of cities."""
    there = np.array([[mask >> r & 1 for r in range(cities)] for mask in range(1, 2**cities)])
    weighted = there * np.array(cells)[:, None]
    many = there.sum(axis=1) > 1
    kinds = [tuple(np.flatnonzero(row).tolist()) for row in there]
    return DoubleCount(
        tuple("ABC"[:cities]),
        sum(cells),
        weighted.sum(axis=0),
        weighted[many].sum(axis=0),
        there.T @ weighted,
        int(np.array(cells)[many].sum()),
        {kind: n for kind, n in zip(kinds, cells, strict=True) if n},
    )


def tables(people: int, cells: int) -> list[tuple[int, ...]]:
    if cells == 1:
        return [(people,)]
    return [(n, *rest) for n in range(people + 1) for rest in tables(people - n, cells - 1)]


@pytest.mark.parametrize(
    ("cities", "people", "smallest"), [(2, 30, 5), (2, 12, 3), (3, 6, 2), (3, 7, 2)]
)
def test_a_reader_who_goes_through_every_region_finds_no_hidden_double_count(
    cities: int, people: int, smallest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved: dict[tuple[object, ...], Any] = {}

    def once(goals: Any, limits: Any, ends: Any, enough: int) -> Any:
        key = (*(each.toarray().tobytes() for each in (goals, limits)), ends.tobytes(), enough)
        if key not in solved:
            solved[key] = before(goals, limits, ends, enough)
        return solved[key]

    before = double_counts.reached
    monkeypatch.setattr(double_counts, "reached", once)
    alike: dict[str, list[tuple[tuple[int, ...], DoubleCount]]] = defaultdict(list)
    for number in range(people - smallest, people + smallest + 1):
        if to_nearest(number, smallest) != to_nearest(people, smallest):
            continue
        for cells in tables(number, 2**cities - 1):
            found = counted(cells, cities)
            alike[json.dumps(found.published(smallest))].append((cells, found))
    for text, both in alike.items():
        told, possible = json.loads(text), [found for _, found in both]
        # Of no combination of cities is it sure that one person, or nobody, was in just these; but
        # that nobody was where of its cities, or a pair of them, it is hidden how many were there.
        off = [{r} for r, city in enumerate(told["cities"]) if city["hidden"]]
        off += [{"ABC".index(p[end]) for end in "ab"} for p in told["pairs"] if p["hidden"]]
        for mask, few in enumerate(np.array([cells for cells, _ in both]).T, start=1):
            just = {r for r in range(cities) if mask >> r & 1}
            within = any(each <= just for each in off)
            some = few.min() == 0 and few.max() >= smallest // 2
            enough = few.min() >= smallest or few.max() >= smallest - 1
            assert enough or some or (within and few.max() == 0)
        for pair in told["pairs"]:
            r, s = "ABC".index(pair["a"]), "ABC".index(pair["b"])
            values = {int(each.both[r, s]) for each in possible}
            if pair["hidden"]:
                assert {0, smallest - 1} <= values
            else:
                assert {to_nearest(each, smallest) for each in values} == {pair["both"]}
                assert min(values) >= smallest
        for r, city in enumerate(told["cities"]):
            values = {int(each.seen[r]) for each in possible}
            if city["hidden"]:
                assert len(values) > 1
                assert min(values) <= smallest // 2
            elif city["elsewhere"] is not None:
                least = city["elsewhere"] - (0 if city["at_least"] else smallest // 2)
                assert all(each.elsewhere[r] >= least for each in possible)


def test_the_naive_sum_counts_people_more_than_once() -> None:
    h = made(region(4, 800, np.full((4, 4), 0.25)))
    found = double_count(h)
    sets = [np.any(h.patterns == r + 1, axis=1) for r in range(4)]
    for r, s in itertools.product(range(4), repeat=2):
        assert found.both[r, s] == h.freq[sets[r] & sets[s]].sum()
    several = np.sum(sets, axis=0) > 1
    assert [h.freq[each & several].sum() for each in sets] == found.elsewhere.tolist()
    assert found.naive == sum(h.freq[each].sum() for each in sets) > 1.5 * found.people
    told = found.published()
    assert told["hidden"] == []
    assert told["naive"] == to_nearest(found.naive, 5)
    assert not told["cities"][0]["at_least"]
