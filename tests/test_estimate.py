"""An estimate is what was written, and cannot contradict itself."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkfigure.errors import InputError
from darkfigure.estimate import Estimate

numbers = st.floats(0, 1e12, allow_nan=False)
limits = st.one_of(numbers, st.just(math.inf))
plain = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), numbers, st.text(max_size=20)
)


@st.composite
def estimates(draw):
    observed = draw(st.integers(0, 10**6))
    total = observed + draw(numbers)
    draws = draw(st.one_of(st.none(), st.lists(limits, max_size=8)))
    return Estimate(
        total=total,
        lower=draw(st.floats(0, total)),
        upper=total + draw(limits),
        level=draw(st.floats(0.01, 0.99)),
        observed=observed,
        method=draw(st.text(max_size=10)),
        lists=tuple(draw(st.lists(st.text(max_size=10), min_size=2, max_size=4))),
        settings=draw(st.dictionaries(st.text(max_size=10), plain, max_size=4)),
        details=draw(st.dictionaries(st.text(max_size=10), plain, max_size=4)),
        warnings=tuple(draw(st.lists(st.text(max_size=30), max_size=3))),
        draws=None if draws is None else np.array(draws),
    )


@given(estimates())
def test_json_makes_the_same_estimate_again(found):
    text = found.to_json()
    again = Estimate.from_json(text)
    assert again == found
    assert hash(again) == hash(found)
    assert again.to_json() == text
    assert again.upper == found.upper
    if found.draws is None:
        assert again.draws is None
    else:
        assert np.array_equal(again.draws, found.draws)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@given(estimates(), st.floats(1, 1e9), st.sampled_from([1, 1000, 100_000]))
def test_rate_is_people_per_so_many(found, population, per):
    rate = found.rate(population, per)
    assert rate.rate == pytest.approx(found.total / population * per)
    assert rate.lower == pytest.approx(found.lower / population * per)
    assert rate.upper == pytest.approx(found.upper / population * per)
    assert rate.per == per


def make(**change):
    fields = {
        "total": 500.0,
        "lower": 400.0,
        "upper": 700.0,
        "level": 0.95,
        "observed": 120,
        "method": "bic",
        "lists": ("a", "b"),
    }
    return Estimate(**(fields | change))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"level": 0.0}, "level of an interval"),
        ({"level": 1.0}, "level of an interval"),
        ({"level": math.nan}, "level of an interval"),
        ({"total": 100.0}, "no less than the 120 people observed"),
        ({"total": math.inf}, "cannot be"),
        ({"total": math.nan}, "cannot be"),
        ({"lower": 800.0}, "not in order"),
        ({"lower": math.nan}, "not in order"),
        ({"upper": math.nan}, "not in order"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        make(**change)


@pytest.mark.parametrize("population", [0, -5, math.nan, math.inf])
def test_a_rate_of_nobody_is_refused(population):
    with pytest.raises(InputError, match="positive number"):
        make().rate(population)


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "null", '{"draws": null}'])
def test_what_is_not_an_estimate_is_refused(text):
    with pytest.raises(InputError, match="not an estimate written by darkfigure"):
        Estimate.from_json(text)


def test_an_estimate_without_an_upper_limit_says_so():
    found = make(upper=math.inf)
    assert "no upper limit" in str(found)
    assert "none" in found.table()
    assert found.to_dict()["upper"] is None


def test_draws_and_settings_cannot_be_changed():
    found = make(draws=[1.0, math.inf], settings={"seed": 1})
    with pytest.raises(ValueError, match="read-only"):
        found.draws[0] = 2.0
    with pytest.raises(TypeError):
        found.settings["seed"] = 2
    assert found != "something else"
