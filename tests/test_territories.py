"""Lists with different territories: what is structurally missing is no zero."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from darkfigure.cli.size import size
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import loglinear
from darkfigure.size.loglinear import Model, Status
from darkfigure.size.partly_overlapping import fit, layout_of
from darkfigure.size.regional import regional
from darkfigure.size.shared_interactions import choose
from darkfigure.size.territories import Territories, read_territories
from darkfigure.strata import Strata

ABC = ("a", "b", "c")
MASKS = np.arange(8)
MODELS = ["[1,2,3]", "[12,3]", "[12,13]", "[12,13,23]"]

positive = st.lists(st.integers(1, 60), min_size=7, max_size=7)


def place(*rows: Any, works: tuple[int, ...], lists: tuple[str, ...] = ABC) -> Territories:
    counts = np.array([[0.0, *row] for row in rows])
    kinds = tuple((f"city {i}",) for i in range(len(rows)))
    return Territories(lists, kinds, np.array(works), counts)


def cut(counts: npt.ArrayLike, works: int) -> list[float]:
    """Counts of masks 1 to 7 as they would be if some lists did not work."""
    left = np.zeros(8)
    np.add.at(left, MASKS[1:] & works, np.asarray(counts, float))
    return left[1:].tolist()


def means(size: float, lists: tuple[float, ...], pair: float = 0.0) -> npt.NDArray[np.float64]:
    """Means of masks 0 to 7 that add up to `size`; a and b interact."""
    on = MASKS[:, None] >> np.arange(3) & 1
    weight = np.exp(on @ np.array(lists) + pair * (MASKS & 3 == 3))
    return size * weight / weight.sum()


def strata_of(territories: Territories) -> tuple[Strata, dict[str, list[tuple[str, ...]]]]:
    rows = [
        (kind, mask, int(n))
        for kind, row in zip(territories.kinds, territories.counts, strict=True)
        for mask, n in enumerate(row)
        if n
    ]
    strata = Strata(territories.lists, ["city"], *zip(*rows, strict=True))
    where = {
        name: [k for s, k in enumerate(territories.kinds) if territories.works[s] >> j & 1]
        for j, name in enumerate(territories.lists)
    }
    return strata, where


# Where everything works everywhere it is the ordinary fit


@given(st.lists(positive, min_size=1, max_size=3), st.sampled_from(MODELS))
@settings(deadline=None, max_examples=25)
def test_with_nothing_shared_it_is_each_stratums_own_fit(rows: list[list[int]], text: str) -> None:
    model = Model.parse(text, 3)
    found = fit(place(*rows, works=(7,) * len(rows)), model, 2)
    own = [loglinear.fit(CaptureHistories(ABC, [0, *row]), model) for row in rows]
    if any(each.status is not Status.ESTIMABLE or each.total > 1e5 for each in own):
        return
    assert found.status is Status.ESTIMABLE
    assert found.unseen == pytest.approx([each.expected[0] for each in own], rel=1e-5)
    assert found.log_likelihood == pytest.approx(sum(each.log_likelihood for each in own))
    errors = np.sqrt(np.diag(found.log_covariance))
    assert errors == pytest.approx([each.unseen_log_se for each in own], rel=1e-4)
    assert found.parameters == sum(each.model.n_parameters for each in own)


@pytest.mark.parametrize("upto", [0, 1, 2])
@pytest.mark.parametrize("text", MODELS)
def test_one_stratum_is_the_ordinary_fit(text: str, upto: int) -> None:
    for row in ([40, 30, 12, 25, 9, 8, 4], [40, 30, 0, 25, 9, 8, 0]):  # a and b share nobody
        model = Model.parse(text, 3)
        own = loglinear.fit(CaptureHistories(ABC, [0, *row]), model)
        found = fit(place(row, works=(7,)), model, upto)
        assert found.status is own.status
        assert found.parameters == model.n_parameters
        if own.status is Status.ESTIMABLE:
            assert found.total == pytest.approx(own.total, rel=1e-6)
            assert found.bic == pytest.approx(own.bic)
            assert found.unseen_log_se == pytest.approx(own.unseen_log_se, rel=1e-5)


def test_two_lists_are_lincoln_and_petersen() -> None:
    found = choose(place([60, 40, 20], works=(3,), lists=("a", "b")))
    assert found is not None
    assert found.total == pytest.approx(240)


# The maximum is the maximum


def em(territories: Territories, model: Model, upto: int) -> tuple[float, list[float]]:
    """The paper's way: split each count over what is missing, then a Poisson regression."""
    layout = layout_of(territories, model, upto)
    counts = territories.counts.ravel()[layout.observed]
    x, at = layout.design, layout.place
    theta = np.zeros(x.shape[1])
    theta[: len(territories.kinds)] = np.log(territories.counts.sum(axis=1) / 8)
    heights: list[float] = []
    for _ in range(1000):
        mean = np.exp(x @ theta)
        mu = np.bincount(at[at >= 0], mean[at >= 0], counts.size)
        heights.append(float(counts @ np.log(mu) - mu.sum()))
        if len(heights) > 1 and heights[-1] - heights[-2] < 1e-9:
            break
        full = np.where(at >= 0, mean * (counts / mu)[at], mean)  # the unseen have their mean
        for _ in range(4):
            mean = np.exp(x @ theta)
            step = np.linalg.solve(x.T @ (mean[:, None] * x), x.T @ (full - mean))
            now = full @ (x @ theta) - mean.sum()
            while full @ (x @ (theta + step)) - np.exp(x @ (theta + step)).sum() < now - 1e-10:
                step = step / 2
            theta = theta + step
    return heights[-1], heights


@given(positive, positive, positive, st.sampled_from(MODELS[:3]), st.integers(0, 1))
@settings(deadline=None, max_examples=12)
def test_it_is_where_em_ends_and_neither_ever_falls(
    one: list[int], two: list[int], three: list[int], text: str, upto: int
) -> None:
    some = place(one, cut(two, 3), cut(three, 6), works=(7, 3, 6))
    found = fit(some, Model.parse(text, 3), upto)
    assert np.all(np.diff(found.path) >= -1e-9)
    if found.status is not Status.ESTIMABLE or found.total > 20 * found.observed.sum():
        return
    height, heights = em(some, Model.parse(text, 3), upto)
    assert np.all(np.diff(heights) >= -1e-8)
    assert height <= found.path[-1] + 1e-7
    assert height == pytest.approx(found.path[-1], abs=0.02)  # it ends slowly


@given(positive, positive, st.sampled_from(MODELS), st.integers(0, 1), st.integers(0, 99))
@settings(deadline=None, max_examples=12)
def test_no_climb_from_anywhere_gets_higher(
    one: list[int], two: list[int], text: str, upto: int, seed: int
) -> None:
    some = place(one, cut(two, 5), works=(7, 5))
    found = fit(some, Model.parse(text, 3), upto)
    if found.status is not Status.ESTIMABLE:
        return
    layout = layout_of(some, found.model, upto)
    counts = some.counts.ravel()[layout.observed]
    inside = layout.place >= 0

    def fall(theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        mean = np.exp(np.minimum(layout.design @ theta, 50))[inside]
        mu = np.bincount(layout.place[inside], mean, counts.size)
        pull = (counts / mu - 1)[layout.place[inside]] * mean
        return float(mu.sum() - counts @ np.log(mu)), -(pull @ layout.design[inside])

    start = np.random.default_rng(seed).normal(0, 1, layout.design.shape[1])
    best = minimize(fall, start, jac=True, method="BFGS", options={"gtol": 1e-7})
    assert -best.fun <= found.path[-1] + 1e-6
    assert -best.fun == pytest.approx(found.path[-1], abs=1e-2)


@given(positive, positive, positive)
@settings(deadline=None, max_examples=8)
def test_the_order_of_strata_and_lists_does_not_matter(
    one: list[int], two: list[int], three: list[int]
) -> None:
    some = place(one, cut(two, 3), cut(three, 6), works=(7, 3, 6))
    first = choose(some)
    if first is None or first.total > 20 * first.observed.sum():
        return
    for strata in ((2, 0, 1), (1, 2, 0)):
        for lists in list(permutations(range(3)))[1::2]:
            moved = sum((MASKS >> j & 1) << new for new, j in enumerate(lists))
            counts = np.zeros((3, 8))
            counts[:, moved] = some.counts[list(strata)]
            other = choose(
                Territories(
                    tuple(ABC[j] for j in lists),
                    tuple(some.kinds[s] for s in strata),
                    np.array([moved[some.works[s]] for s in strata]),
                    counts,
                )
            )
            assert other is not None
            assert other.bic == pytest.approx(first.bic, abs=1e-5)
            assert other.unseen == pytest.approx(first.unseen[list(strata)], rel=1e-3)


# Known truth


def test_what_was_put_in_comes_out() -> None:
    """Without chance: two lists that depend on each other, learned where a third one works."""
    cities = [means(900, (-1.0, -1.3, -0.8), 0.9), means(700, (-0.5, -1.6, -0.8), 0.9)]
    some = place(cities[0][1:], cut(cities[1][1:], 3), works=(7, 3))
    found = fit(some, Model.parse("[12,3]", 3), 1)
    assert found.status is Status.ESTIMABLE
    assert found.observed + found.unseen == pytest.approx([900, 700], rel=1e-5)


def test_the_pair_that_the_missing_list_makes_is_undone() -> None:
    """c leads to a and to b: without c the two seem to depend on each other, and do not here."""
    on = MASKS[:, None] >> np.arange(3) & 1
    weight = np.exp(on @ [-1.5, -1.4, -0.7] + 0.8 * (MASKS & 5 == 5) + 0.7 * (MASKS & 6 == 6))
    full = 1000 * weight / weight.sum()
    some = place(full[1:], cut(full[1:], 3), works=(7, 3))
    found = fit(some, Model.parse("[13,23]", 3), 1)
    assert found.observed + found.unseen == pytest.approx([1000, 1000], rel=1e-5)


def test_a_missing_list_taken_as_zero_is_wrong() -> None:
    rng = np.random.default_rng(3)
    right, wrong = [], []
    for _ in range(30):
        rows = [rng.multinomial(800, means(1, (-0.8, -0.9, -0.7)))[1:] for _ in range(3)]
        works = (3, 6, 5)
        some = place(*(cut(r, w) for r, w in zip(rows, works, strict=True)), works=works)
        found = choose(some)
        right.append(found.total if found else math.nan)
        wrong.append(loglinear.fit(some.whole, Model.parse("[1,2,3]", 3)).total)
    assert np.mean(right) == pytest.approx(2400, rel=0.04)
    assert np.mean(wrong) > 1.2 * 2400


def test_strata_without_a_list_in_common_are_estimated_apart() -> None:
    lists = ("a", "b", "c", "d")
    rows = [[0.0] * 15 for _ in range(2)]
    for mask, n in ((1, 60), (2, 40), (3, 20)):
        rows[0][mask - 1] = n
        rows[1][(mask << 2) - 1] = 2 * n + 3
    some = place(*rows, works=(3, 12), lists=lists)
    assert [part.lists for part in some.parts()] == [("a", "b"), ("c", "d")]
    found = regional(*strata_of(some), bootstrap=40)
    alone = [part.total for part in (choose(p) for p in some.parts()) if part]
    assert [each.estimate.total for each in found.strata if each.estimate] == pytest.approx(alone)
    assert found.total.total == pytest.approx(80 * 60 / 20 + 166 * 126 / 43)
    assert any("2 parts without a list in common" in w for w in found.total.warnings)


def test_a_stratum_with_one_list_is_told_to_be_taken_over_from_elsewhere() -> None:
    full = means(900, (-0.5, -0.9, -0.8)).round()
    some = place(full[1:], cut(means(500, (-0.5, -0.9, -0.8)).round()[1:], 1), works=(7, 1))
    found = regional(*strata_of(some), bootstrap=0)
    only = found.strata[1]
    assert only.estimate is not None
    assert only.estimate.total == pytest.approx(500, rel=0.05)
    assert "Only the list 'a' works here" in only.note
    assert any("only one list works" in w for w in found.total.warnings)


def test_interactions_that_are_not_alike_are_noticed() -> None:
    rows = [means(3000, (-0.8, -0.9, -0.7), pair).round()[1:] for pair in (1.5, -0.6)]
    some = place(*rows, cut(means(900, (-0.8, -0.9, -0.7)).round()[1:], 3), works=(7, 7, 3))
    said = regional(*strata_of(some), bootstrap=0).total.warnings
    assert any("more in some strata than in others" in w for w in said)


# No number that only looks fine


def test_a_pair_that_no_third_list_stands_beside_is_not_identified() -> None:
    some = place([60, 40, 20], [50, 30, 22], works=(3, 3), lists=("a", "b"))
    for upto in (0, 1):
        found = fit(some, Model.parse("[12]", 2), upto)
        assert found.status is Status.NOT_IDENTIFIED
        with pytest.raises(NoEstimateError, match="say nothing"):
            _ = found.total
    best = choose(some)
    assert best is not None
    assert str(best.model) == "[1,2]"


def test_the_rank_is_that_of_what_is_observed_not_of_the_completed_table() -> None:
    # Completed, three lists identify every pair; observed are two at a time, each by stratum.
    row = means(900, (-0.8, -0.9, -0.7)).round()[1:]
    some = place(*(cut(row, w) for w in (3, 5, 6)), works=(3, 5, 6))
    assert fit(some, Model.parse("[1,2,3]", 3), 1).status is Status.ESTIMABLE
    assert fit(some, Model.parse("[12,3]", 3), 1).status is Status.NOT_IDENTIFIED


def test_a_list_inside_another_has_no_maximum() -> None:
    found = fit(place([0, 60, 40], works=(3,), lists=("a", "b")), Model.parse("[12]", 2), 1)
    assert found.status is not Status.ESTIMABLE
    inside = place([40, 30, 12, 0, 9, 0, 4], works=(7,))  # c only where a is
    model = Model.parse("[13,2]", 3)
    assert fit(inside, model, 1).status is Status.NO_MLE
    assert loglinear.fit(inside.whole, model).status is Status.NO_MLE


@pytest.mark.parametrize(
    ("rows", "works", "says"),
    [
        ([[60, 0, 0], [0, 40, 0]], (1, 2), "Only the list 'a' works in city 0"),
        ([[60, 40, 20], [9, 0, 0]], (3, 1), None),
        ([[60, 40, 0], [30, 20, 0]], (3, 3), "Nobody is on two lists in city 0 and city 1"),
    ],
)
def test_what_cannot_be_estimated_is_said(
    rows: list[list[float]], works: tuple[int, ...], says: str | None
) -> None:
    some = place(*rows, works=works, lists=("a", "b"))
    if says is None:
        assert regional(*strata_of(some), bootstrap=0).total.total > 129
        return
    with pytest.raises(NoEstimateError, match=says):
        regional(*strata_of(some), bootstrap=0)


CITIES = Strata(
    ABC,
    ["city"],
    [("North",)] * 7 + [("South",)] * 3,
    [1, 2, 3, 4, 5, 6, 7, 1, 2, 3],
    [90, 60, 61, 60, 30, 20, 20, 121, 79, 80],
)
GOOD: dict[str, Any] = {"a": "all", "b": "all", "c": ["North"]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"c": []}, "Nothing is said of where the list 'c' works"),
        ({"d": "all"}, "There is no list 'd' in the table"),
        ({"c": ["Nort"]}, "did you mean 'North'"),
        ({"b": ["North"]}, "159 people in South are on the list 'b', which does not work there"),
        ({"a": ["North"], "b": ["North"]}, "No list works in South"),
        ({"c": [("North", "2023")]}, "is no stratum; give a value of each of city"),
    ],
)
def test_territories_that_contradict_the_counts_are_refused(
    change: dict[str, Any], says: str
) -> None:
    assert regional(CITIES, GOOD, bootstrap=0).total.observed == 621
    with pytest.raises(InputError, match=says):
        regional(CITIES, GOOD | change, bootstrap=0)


def test_every_problem_is_told_at_once_and_few_people_not_as_a_number() -> None:
    rows = [("North", m, n) for m, n in ((1, 30), (2, 40), (3, 20), (4, 4))] + [("South", 5, 9)]
    kinds, masks, counts = zip(*(((c,), m, n) for c, m, n in rows), strict=True)
    with pytest.raises(InputError) as told:
        Territories.of(
            Strata(ABC, ["city"], kinds, masks, counts),
            {"a": ["North"], "b": "all", "c": ["South"]},
        )
    assert len(told.value.problems) == 2
    assert "Fewer than 5 people in North are on the list 'c'" in str(told.value)
    assert "9 people in South are on the list 'a'" in str(told.value)
    assert "4" not in str(told.value)


def test_people_whose_stratum_is_not_known_are_refused() -> None:
    strata = Strata("ab", ["city"], [("x",), ("x",), (None,)], [1, 3, 2], [40, 20, 30])
    with pytest.raises(InputError, match="'city' is not known of 30 people"):
        Territories.of(strata, {"a": "all", "b": "all"})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"level": 1.5}, "between 0 and 1"),
        ({"bootstrap": 7}, "20 to 1,000,000"),
        ({"criterion": "r2"}, "'bic' or 'aic'"),
    ],
)
def test_a_wrong_call_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        regional(CITIES, GOOD, **options)


def test_too_many_lists_are_refused() -> None:
    lists = tuple("abcdefghi")
    some = place([1.0] * 511, works=(511,), lists=lists)
    with pytest.raises(InputError, match="8 lists at most"):
        fit(some, Model(9, frozenset()), 1)


def test_more_than_four_lists_are_chosen_step_by_step() -> None:
    rng = np.random.default_rng(1)
    masks = np.arange(32)
    on = masks[:, None] >> np.arange(5) & 1
    weight = np.exp(on @ np.full(5, -1.2) + 1.6 * (masks & 3 == 3))
    rows = [rng.multinomial(4000, weight / weight.sum()).astype(float) for _ in range(2)]
    left = np.zeros(32)
    np.add.at(left, masks & 15, rows[1])
    found = choose(place(rows[0][1:], left[1:], works=(31, 15), lists=tuple("abcde")))
    assert found is not None
    assert 3 in found.model.terms
    assert found.total == pytest.approx(8000, rel=0.1)


# The interval


def test_the_seed_makes_the_numbers_whatever_the_cores() -> None:
    one, two = (regional(CITIES, GOOD, bootstrap=40, seed=4, workers=w) for w in (1, 3))
    assert one.total == two.total
    assert one.rows() == two.rows()
    assert regional(CITIES, GOOD, bootstrap=40, seed=5).total != one.total


def test_strata_add_up_and_the_interval_holds_the_estimate() -> None:
    for replicates in (0, 60):
        found = regional(CITIES, GOOD, bootstrap=replicates)
        parts = [each.estimate for each in found.strata if each.estimate]
        assert sum(e.total for e in parts) == pytest.approx(found.total.total)
        for e in (*parts, found.total):
            assert e.observed <= e.lower <= e.total <= e.upper < math.inf
    assert found.total.draws is not None
    assert found.total.draws == pytest.approx(
        np.sum([e.draws for e in parts if e.draws is not None], axis=0)
    )


def test_a_replicate_without_an_estimate_has_no_limit() -> None:
    kinds = [("x",)] * 3
    few = Strata("ab", ["city"], kinds, [1, 2, 3], [30, 20, 1])
    found = regional(few, {"a": "all", "b": "all"}, bootstrap=60)
    assert found.total.draws is not None
    assert np.isinf(found.total.draws).any()
    assert any("had no estimate at all" in w for w in found.total.warnings)


# Files, and the command line


def test_a_file_of_territories(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("year;list;city\n2023;a;North\nall;b;\n")
    assert read_territories(str(file), ["city", "year"]) == {
        "a": [("North", "2023")],
        "b": [("all", "all")],
    }
    for text, says in (
        ("list,place\na,x\n", "There is no column 'city'"),
        ("list,city\na\n", "line 2: A list and its stratum"),
        ("", "The file is empty"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=says):
            read_territories(str(file), ["city"])


def test_two_variables_make_the_strata() -> None:
    kinds = [(c, y) for c in ("North", "South") for y in ("2023", "2024") for _ in range(3)]
    strata = Strata("ab", ["city", "year"], kinds, [1, 2, 3] * 4, [40, 30, 12] * 4)
    where = {"a": "all", "b": [("all", "2023"), ("all", "2024")]}
    assert Territories.of(strata, where).works.tolist() == [3, 3, 3, 3]


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darkfigure", "size", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_line(tmp_path: Path) -> None:
    table, file = tmp_path / "lists.csv", tmp_path / "where.csv"
    rows = [
        f"{kind[0]},{m & 1},{m >> 1 & 1},{m >> 2},{n}"
        for kind, m, n in zip(CITIES.kinds, CITIES.masks.tolist(), CITIES.counts, strict=True)
    ]
    table.write_text("\n".join(["city,a,b,c,count", *rows]) + "\n")
    file.write_text("list,stratum\na,all\nb,all\nc,North\n")
    given = (str(table), "--by", "city", "--territories", str(file))
    done = cli(*given, "--json", "--bootstrap", "40")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    wanted = regional(CITIES, GOOD, bootstrap=40)
    assert told["method"] == "territories"
    assert told["total"] == pytest.approx(wanted.total.total)
    assert (told["lower"], told["upper"]) == (wanted.total.lower, wanted.total.upper)
    assert {"level", "observed", "unseen", "lists", "seed", "warnings", "seconds"} <= told.keys()
    assert [row["name"] for row in told["strata"]] == ["North", "South"]
    spoken = cli(*given, "--bootstrap", "0")
    assert "method: territories" in spoken.stdout
    assert "Assumed: Nobody can be on a list outside its territory" in spoken.stderr
    done = cli(str(table), "--territories", str(file))
    assert done.returncode == 2
    assert "name their columns by --by" in done.stderr
    for wrong, says in (
        ({"method": "bic"}, "--method has no part"),
        ({"draws": 2000}, "--draws has no part"),
        ({"engine": "spark"}, "on this machine"),
        ({"territories": "none.csv"}, "There is no such file"),
    ):
        with pytest.raises(InputError, match=says):
            size(str(table), **{"by": "city", "territories": str(file), **wrong})
