"""What is published of stock and flow, attacked: one person leaves no trace, nor a difference."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from darkfigure import InputError
from darkfigure.circuit import entry
from darkfigure.circuit.behind import Behind
from darkfigure.circuit.hidden import hidden_moves
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.shown_people import CITY, REGION, published_people
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit.stock import StockAndFlow, stock_and_flow
from tests.test_shown import ALONE, HOME, OCCASIONS, form, made, region

NO_NUMBER = {"estimate": None, "lower": None, "upper": None}
NOT_FRESNO = np.array([[0.7, 0.1, 0.2], [0.3, 0.5, 0.2], [0.2, 0.1, 0.7]])


def counted(h: Histories, detection: str = "city") -> StockAndFlow:
    found = entry.fit(h, "constant", detection, "city", "city", starts=1, workers=1)
    return stock_and_flow(h, found, workers=1)


def city(told: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in told["cities"] if each["name"] == name]
    return found


@pytest.mark.parametrize("seed", [1, 4])
def test_one_person_alone_on_a_corridor_leaves_no_trace_in_the_form(seed: int) -> None:
    many = region(seed, 1500)
    home, alone = made(many, HOME), made(many, ALONE)
    assert [Behind(h).moves[1, 3] for h in (home, alone)] == [0, 1]
    told = [published_people(counted(h), h) for h in (home, alone)]
    assert json.dumps(form(told[0])) == json.dumps(form(told[1]))
    fresno = city(told[1], "Fresno")
    assert fresno["moves_in"] == NO_NUMBER
    assert not fresno["hidden"]  # people are there from the first, and are told of
    assert fresno["stock"]["estimate"] is not None
    assert told[1]["hidden"]
    # in two digits nobody sees one person more
    estimates = [each[key]["estimate"] for each in told[1]["cities"] for key in CITY]
    for each in [*estimates, *(told[1]["region"][key]["estimate"] for key in REGION)]:
        assert each is None or each == float(f"{each:.1e}")


def test_one_person_alone_in_a_city_leaves_no_trace_in_the_form() -> None:
    many = region(2, 1500, NOT_FRESNO)
    home, alone = made(many, HOME), made(many, ALONE)
    assert [Behind(h).cities[3] for h in (home, alone)] == [0, 1]
    told = [published_people(counted(h, "constant"), h) for h in (home, alone)]
    assert json.dumps(form(told[0])) == json.dumps(form(told[1]))
    hidden = [each["name"] for each in told[1]["cities"] if each["hidden"]]
    assert len(hidden) == 2
    assert "Fresno" in hidden
    assert told[1]["region"]["naive"] is None
    for name in hidden:
        assert city(told[1], name)["seen"] is None
        assert all(city(told[1], name)[key] == NO_NUMBER for key in CITY)
    # what is left of the region without the cities that are told is the larger of the two's
    for key in ("stock", "flow"):
        rest = told[1]["region"][key]["estimate"] - sum(
            each[key]["estimate"] for each in told[1]["cities"] if not each["hidden"]
        )
        assert key == "flow" or rest > 20
    sentence = json.dumps(told[1]["hidden"])
    assert "fewer than 5 people, or nobody" in sentence


@cache
def some() -> tuple[Histories, StockAndFlow]:
    h = made(region(1, 1500))
    return h, counted(h)


def test_of_no_kind_is_a_single_city_hidden() -> None:
    h, _ = some()
    for smallest in (2, 5, 20, 60, 150):
        told = published_people(some()[1], h, smallest)
        for key in CITY:
            hidden = [each["name"] for each in told["cities"] if each[key] == NO_NUMBER]
            assert len(hidden) != 1, (smallest, key)


def test_how_long_people_stay_is_hidden_with_the_rate_of_staying() -> None:
    h, _ = some()
    told = published_people(some()[1], h)
    away = hidden_moves(h)
    assert away[0].any()
    for r, each in enumerate(told["cities"]):
        if away[r, r]:
            assert each["stay"] == NO_NUMBER
        alone = [s for s in range(4) if s != r and away[s, r]]
        if len(alone) == 1:  # one way could be got from how many come by all
            assert each["moves_in"] == NO_NUMBER


def test_a_city_where_hardly_anybody_was_new_does_not_tell_so() -> None:
    # in B all were there from the first, but for one
    rows = [[1, 1, 0], [0, 1, 1], [2, 2, 2], [2, 0, 2], [2, 1, 2], [1, 2, 1], [0, 0, 1]]
    few = [30, 30, 20, 20, 20, 20, 20]
    one = Histories(
        "ABC", "123", [*rows, [3, 3, 0], [3, 1, 3], [1, 3, 3], [0, 3, 3]], [*few, 20, 15, 15, 1]
    )
    assert Behind(one).entered("city*time")[1:].sum(axis=0).tolist() == [50, 0, 1]
    told = published_people(counted(one, "constant"), one)
    assert [each["entries"] == NO_NUMBER for each in told["cities"]] == [True] * 3
    assert told["region"]["entries"]["estimate"] is not None
    assert any(each.startswith("How many people are new") for each in told["hidden"])


def test_occasions_with_few_people_are_not_told_apart() -> None:
    h = made(region(1, 1500))
    quiet = h.patterns.copy()
    quiet[:, 2] = 0
    seen = quiet.any(axis=1)
    for others in (0, 3):
        rows = np.vstack([quiet[seen], *[[0, 0, 1, 0, 0]] * others])
        freq = np.r_[h.freq[seen], np.ones(others, int)]
        some_h = Histories(h.cities, OCCASIONS, rows, freq)
        found = entry.fit(some_h, "constant", "time", "city", "city", starts=1, workers=1)
        told = published_people(stock_and_flow(some_h, found, workers=1), some_h)
        assert told["stock_by_occasion"] == []
        assert any("by occasion is not shown" in each for each in told["hidden"])


def test_with_a_smallest_count_of_one_all_is_told_as_it_is() -> None:
    h, counts = some()
    told = published_people(counts, h, 1)
    assert told["hidden"] == []
    assert told["region"]["flow"]["estimate"] == counts.of("flow").estimate
    for each in told["cities"]:
        for key, what in CITY.items():
            assert each[key]["estimate"] == counts.of(what, each["name"]).estimate
    with pytest.raises(InputError, match="fewer than 5000 people in all"):
        published_people(counts, h, 5000)


def test_nobody_s_history_is_told() -> None:
    h, counts = some()
    told = json.dumps(published_people(counts, h))
    assert "patterns" not in told
    assert set(json.loads(told)) == {
        "region",
        "cities",
        "stock_by_occasion",
        "hidden",
        "warnings",
    }


def test_limits_do_not_tell_the_exact_count_where_nearly_all_were_seen() -> None:
    moves = np.array([[0.6, 0.25, 0.15], [0.2, 0.7, 0.1], [0.2, 0.15, 0.65]])
    enter = np.full((5, 3), 0.5 / 12)
    enter[0] = 0.5 / 3
    for seed in range(4):
        h = simulate("ABC", "12345", 110, enter, 0.9, moves, 0.95, seed=seed).histories
        told = published_people(counted(h, "constant"), h)
        for each in (told["region"], *told["cities"]):
            for key in ("stock", "flow"):
                assert all(value is None or value % 5 == 0 for value in each[key].values())
            share = each.get("elsewhere") or each["share_in_several"]
            if each["seen"] and each["seen"] < 100:
                assert all(v is None or round(20 * v, 6) % 1 == 0 for v in share.values())
