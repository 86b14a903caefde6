"""Made-up regions: nobody is lost or made, and people do what the rates say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.circuit.simulation import Region, simulate

NAMES = [f"month {t}" for t in range(6)]


def made(seed: int, people: int = 500, detection: float = 0.4, cities: int = 3) -> Region:
    rng = np.random.default_rng(seed)
    enters = rng.dirichlet(np.ones(6 * cities)).reshape(6, cities)
    moves = rng.dirichlet(np.ones(cities), (5, cities))
    stays = rng.uniform(0.5, 1.0, (5, cities))
    return simulate("ABC"[:cities], NAMES, people, enters, stays, moves, detection, seed=seed)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_nobody_is_lost_and_nobody_made(seed: int, cities: int) -> None:
    region = made(seed, cities=cities)
    came, stock, moves = region.entered, region.stock, region.moves
    assert came.sum() == region.people == 500
    assert np.array_equal(stock[0], came[0])
    assert np.array_equal(stock[1:], came[1:] + moves.sum(axis=1))
    assert np.all(moves.sum(axis=2) <= stock[:-1])
    assert np.all(stock.max(axis=0) <= region.ever)
    assert np.all(region.only <= region.ever)
    assert region.only.sum() <= region.people <= region.ever.sum()
    if cities == 1:
        assert region.ever.tolist() == region.only.tolist() == [500]
    seen = region.histories
    for r in range(cities):
        assert np.all(seen.freq @ (seen.patterns == r + 1) <= stock[:, r])
    assert seen.people <= region.people


def test_who_is_always_seen_is_the_truth() -> None:
    region = made(1, detection=1.0)
    seen = region.histories
    assert seen.people == region.people
    there = seen.patterns[:, :, None] == np.arange(1, 4)
    assert np.array_equal(np.tensordot(seen.freq, there, axes=1), region.stock)
    assert np.array_equal(seen.freq @ there.any(axis=1), region.ever)


def test_people_do_what_the_rates_say() -> None:
    moves = np.array([[0.7, 0.3], [0.4, 0.6]])
    enters = [[0.3, 0.1], [0.2, 0.1], [0.1, 0.2]]
    region = simulate("AB", "123", 40_000, enters, [0.9, 0.6], moves, [0.5, 0.2], seed=3)
    bound = 4 * np.sqrt(0.25 / 40_000)
    assert np.abs(region.entered / 40_000 - enters).max() < bound
    on = region.moves.sum(axis=2) / region.stock[:-1]
    assert np.abs(on - [0.9, 0.6]).max() < 4 * np.sqrt(0.25 / region.stock[:-1].min())
    went = region.moves / region.moves.sum(axis=2, keepdims=True)
    assert np.abs(went - moves).max() < 4 * np.sqrt(0.25 / region.moves.sum(axis=2).min())
    seen = region.histories
    found = [seen.freq @ (seen.patterns == r) / region.stock[:, r - 1] for r in (1, 2)]
    assert np.abs(np.array(found).T - [0.5, 0.2]).max() < 4 * np.sqrt(0.25 / region.stock.min())


def test_a_seed_makes_the_same_region_and_another_makes_another() -> None:
    one, two, other = made(1), made(1), made(2)
    assert np.array_equal(one.stock, two.stock)
    assert np.array_equal(one.histories.patterns, two.histories.patterns)
    assert not np.array_equal(one.stock, other.stock)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"entry": [[0.5, 0.3, 0.2]]}, r"The entry has the shape \(2, 2\)"),
        ({"survival": 1.2}, "survival is of probabilities"),
        ({"detection": float("nan")}, "detection is of probabilities"),
        ({"movement": [[0.5, 0.4], [0.5, 0.5]]}, "add up to one"),
        ({"entry": [[0.5, 0.5], [0.1, 0.0]]}, "add up to one"),
        ({"detection": 0.0}, "nobody|Nobody|No one|no people"),
        ({"people": 0}, "one person or more"),
    ],
)
def test_rates_that_are_none_are_refused(changed: dict[str, Any], words: str) -> None:
    given = {
        "cities": "AB",
        "occasions": "12",
        "people": 50,
        "entry": [[0.5, 0.3], [0.1, 0.1]],
        "survival": 0.8,
        "movement": [[0.5, 0.5], [0.5, 0.5]],
        "detection": 0.5,
    }
    with pytest.raises(InputError, match=words):
        simulate(**{**given, **changed})
