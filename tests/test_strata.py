"""Strata: nobody is lost, what is missing is imputed, and the total carries every doubt."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import tables
from darkfigure.disclosure import publishable_strata
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.lists.link import Links
from darkfigure.lists.overlap import overlaps, overlaps_by
from darkfigure.lists.overlap_table import read_kinds
from darkfigure.run import run
from darkfigure.size import methods
from darkfigure.size.impute import completed
from darkfigure.size.independent import independent
from darkfigure.size.sparse import together
from darkfigure.size.strata import ByStrata, by_strata
from darkfigure.strata import Strata
from tests.test_overlap import any_links

room = importlib.import_module("darkfigure.size.strata")

SCOTLAND = "scotland-pwid-2006-stratified"


def scotland(*by: str) -> Strata:
    return read_kinds(tables.path(SCOTLAND), by=by, lists=list(tables.describe(SCOTLAND).lists))


def people(
    counts: dict[tuple[str | None, ...], list[int]],
    by: tuple[str, ...] = ("sex",),
    lists: str = "ab",
) -> Strata:
    """Strata from the counts of masks 1, 2, 3, ... of each kind."""
    rows = [(kind, mask, n) for kind, own in counts.items() for mask, n in enumerate(own, 1)]
    return Strata(list(lists), by, [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


TWO = people({("f",): [60, 40, 30], ("m",): [50, 70, 25]})
GAPS = people({("f",): [60, 40, 30], ("m",): [50, 70, 25], (None,): [20, 30, 10]})

some_kinds = st.tuples(st.sampled_from(["f", "m", None]), st.sampled_from(["old", "young", None]))


@st.composite
def any_strata(draw: st.DrawFn) -> Strata:
    rows = draw(st.lists(st.tuples(some_kinds, st.integers(1, 7), st.integers(0, 60)), max_size=30))
    rows += [(("f", "old"), 3, 5), (("m", "young"), 5, 4)]
    kinds, masks, counts = zip(*rows, strict=True)
    return Strata("abc", ["sex", "age"], kinds, masks, counts)


# The counts


@given(any_strata(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(strata: Strata, random: Any) -> None:
    order = list(range(len(strata.masks)))
    random.shuffle(order)
    mixed = Strata(
        strata.lists,
        strata.by,
        [strata.kinds[i] for i in order],
        strata.masks[order],
        strata.counts[order],
    )
    assert mixed.fingerprint == strata.fingerprint
    assert np.array_equal(completed(mixed, 2).counts, completed(strata, 2).counts)


@given(any_strata())
def test_everybody_is_in_one_stratum(strata: Strata) -> None:
    for by in (["sex"], ["age"], ["age", "sex"]):
        parts = strata.split(by)
        assert (
            sum(h.counts[1:] for h in parts.values()).tolist() == strata.whole.counts[1:].tolist()
        )
    assert strata.margin(["sex"]).missing == {"sex": strata.missing["sex"]}


def test_a_table_is_read_with_its_kinds(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text(
        "sex,age,note,police,shelter\nf,young,x1,1,0\nf,unknown,x2,1,1\n,old,x3,0,1\nF,NA,x4,yes,no\n"
    )
    strata = read_kinds(table, by=["sex", "age"])
    assert strata.lists == ("police", "shelter")
    assert strata.missing == {"sex": 1, "age": 2}
    assert set(strata.kinds) == {("f", "young"), ("f", None), (None, "old"), ("F", None)}


def test_the_published_strata_are_those_of_the_table() -> None:
    strata = scotland("Region", "Gender")
    wanted = tables.load_strata(SCOTLAND, ["Region", "Gender"])
    assert {kind: h.counts[1:].tolist() for kind, h in strata.split().items()} == {
        kind: h.counts[1:].tolist() for kind, h in wanted.items()
    }


@pytest.mark.parametrize(
    ("text", "by", "says"),
    [
        ("sex,a,b\nf,1,0\nm,1,1\n", "year", "There is no column 'year'"),
        ("sex,a,b\n,1,0\nunknown,1,1\n", "sex", "'sex' is known of nobody"),
        (
            "sex,a,b\n" + "".join(f"v{i},1,1\n" for i in range(500)),
            "sex",
            "'sex' has more than 200 different values",
        ),
        ("sex,a,b\nf,1,0\nm,1,1\n", "a", "At least two lists are needed"),
        ("n,a,b\n40,1,0\n12,1,1\n9,0,1\n", "n", "nobody is split by it"),
    ],
)
def test_columns_that_cannot_split_are_refused(
    tmp_path: Path, text: str, by: str, says: str
) -> None:
    table = tmp_path / "people.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=says):
        read_kinds(table, by=[by])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"by": []}, "Name the columns"),
        ({"by": ["sex", "sex"]}, "each once"),
        ({"masks": [0]}, "on no list at all"),
        ({"masks": [4]}, "on no list at all"),
        ({"counts": [-1]}, "cannot be negative"),
        ({"kinds": [("f", "old")]}, "Each row needs"),
    ],
)
def test_what_cannot_be_counts_of_kinds_is_refused(change: dict[str, Any], says: str) -> None:
    good: dict[str, Any] = {
        "lists": "ab", "by": ["sex"], "kinds": [("f",)], "masks": [1], "counts": [3]
    }  # fmt: skip
    assert Strata(**good).observed == 3
    with pytest.raises(InputError, match=says):
        Strata(**{**good, **change})


# Imputation


@given(any_strata())
@settings(deadline=None, max_examples=40)
def test_imputation_keeps_every_count(strata: Strata) -> None:
    tables = completed(strata, 3)
    whole = strata.whole.counts[tables.masks]
    assert (tables.counts.sum(axis=1) == whole).all()
    known = strata.split()
    for s, kind in enumerate(tables.kinds):
        least = known[kind].counts[tables.masks] if kind in known else 0
        assert (tables.counts[:, s] >= least).all()


def test_nothing_missing_is_one_table() -> None:
    assert completed(TWO, 10).counts.shape == (1, 2, 3)


def test_the_seed_makes_the_imputations() -> None:
    assert np.array_equal(completed(GAPS, 4, seed=3).counts, completed(GAPS, 4, seed=3).counts)
    assert not np.array_equal(completed(GAPS, 4, seed=3).counts, completed(GAPS, 4, seed=4).counts)


def test_missing_values_follow_the_lists_that_people_are_on() -> None:
    """Value missing for those on both lists more often than for others: the shares come back."""
    strata = people({("f",): [800, 400, 180], ("m",): [200, 400, 20], (None,): [0, 0, 800]})
    counts = completed(strata, 200).counts
    share = (counts[:, 0, 2] - 180) / 800
    assert share.mean() == pytest.approx(0.9, abs=0.01)
    # Proper: as uncertain as 200 known and 800 to be drawn make it, not as the drawing alone.
    proper = math.sqrt(0.09 / 200 + 0.09 / 800)
    assert share.std() == pytest.approx(proper, rel=0.2)


def test_somebody_whom_nobody_known_resembles_may_be_of_any_kind() -> None:
    strata = people(
        {("f", "old"): [9, 9, 9], ("f", "young"): [9, 9, 9], ("m", None): [6, 6, 6]}, ("sex", "age")
    )
    tables = completed(strata, 30)
    assert tables.kinds[-2:] == (("m", "old"), ("m", "young"))
    assert (tables.counts[:, 2:].sum(axis=(1, 2)) == 18).all()
    assert tables.counts[:, 2].sum() > 0 < tables.counts[:, 3].sum()


@pytest.mark.parametrize("number", [1, 0, 1001])
def test_a_number_of_imputations_that_is_none_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="2 to 1,000"):
        completed(GAPS, number)


# The total


def test_two_strata_are_lincoln_and_petersens_and_their_sum() -> None:
    found = by_strata(TWO, "independent")
    assert [each.estimate.total for each in found.strata if each.estimate] == [
        pytest.approx(90 * 70 / 30),
        pytest.approx(75 * 95 / 25),
    ]
    assert found.total.total == pytest.approx(90 * 70 / 30 + 75 * 95 / 25)
    assert found.total.observed == 275
    alone = independent(TWO.split()["f",], seed=1, bootstrap=200)
    assert found.strata[0].estimate is not None
    assert found.strata[0].estimate.total == pytest.approx(alone.total)


@given(
    st.lists(st.lists(st.integers(30, 300), min_size=3, max_size=3), min_size=2, max_size=4),
    st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_strata_add_up_to_the_total(counts: list[list[int]], gaps: bool) -> None:
    kinds: dict[tuple[str | None, ...], list[int]] = {(f"k{i}",): c for i, c in enumerate(counts)}
    found = by_strata(
        people(kinds | ({(None,): [20, 20, 20]} if gaps else {})),
        "independent",
        imputations=3,
        bootstrap=40,
    )
    parts = [each.estimate for each in found.strata]
    assert sum(e.total for e in parts if e) == pytest.approx(found.total.total)
    assert found.total.lower <= found.total.total <= found.total.upper
    assert abs(sum(each.observed for each in found.strata) - found.total.observed) <= len(parts)


def test_the_spread_of_the_total_is_that_of_independent_parts() -> None:
    found = by_strata(scotland("Region", "Gender"), "averaged")
    variances = [np.var(each.estimate.draws) for each in found.strata if each.estimate]
    assert len(variances) == 4
    assert found.total.draws is not None
    assert np.var(found.total.draws) == pytest.approx(sum(variances), rel=0.15)
    whole = math.sqrt(sum(v for v in variances))
    assert found.total.upper - found.total.lower < 2 * 1.96 * sum(map(math.sqrt, variances))
    assert found.total.upper - found.total.lower == pytest.approx(2 * 1.96 * whole, rel=0.25)


def test_one_stratum_is_the_method_itself() -> None:
    one = people({("f",): [60, 40, 30]})
    found = by_strata(one, "independent")
    assert found.strata[0].estimate is not None
    assert found.total.total == found.strata[0].estimate.total
    assert (found.total.lower, found.total.upper) == (
        found.strata[0].estimate.lower,
        found.strata[0].estimate.upper,
    )


def test_what_is_missing_widens_the_interval() -> None:
    known = people({("f",): [300, 200, 25], ("m",): [200, 300, 160]})
    half = people({("f",): [150, 100, 13], ("m",): [100, 150, 80], (None,): [250, 250, 92]})
    sure, doubtful = by_strata(known, "averaged"), by_strata(half, "averaged", imputations=20)
    widths = [e.total.upper - e.total.lower for e in (sure, doubtful)]
    assert widths[0] < widths[1]
    assert sure.total.details["imputation"]["share"] == 0
    assert 0.1 < doubtful.total.details["imputation"]["share"] < 0.9
    assert any("is not known of 50 % of the people" in w for w in doubtful.total.warnings)


def test_rubins_rules_on_three_tables_by_hand() -> None:
    points = np.array([100.0, 110.0, 120.0])
    draws = points[:, None] + np.array([-5.0, 0.0, 5.0])
    between, within = (1 + 1 / 3) * 100.0, 50.0 / 3
    share = room._between(room._Spread(points, draws))
    assert share == pytest.approx(between / (between + within))
    total, _, _, mixed = room._combined(room._Spread(points, draws), 0, 0.95)
    assert total == 110
    assert np.var(mixed.reshape(3, 3).mean(axis=1), ddof=1) == pytest.approx(between)


def test_intervals_of_the_total_hold_the_truth() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(40):
        truth, kinds = 0, {}
        for i in range(6):
            n = int(rng.integers(150, 500))
            on = rng.random((n, 2)) < rng.uniform(0.3, 0.5, 2)
            masks = on @ np.array([1, 2])
            kinds[f"k{i}",] = np.bincount(masks, minlength=4)[1:].tolist()
            truth += n
        total = by_strata(people(kinds), "independent", bootstrap=60).total
        held += total.lower <= truth <= total.upper
    assert 34 <= held <= 40


@pytest.mark.parametrize("name", ["independent", "stepwise", "bic", "averaged"])
def test_every_method_takes_strata(name: str) -> None:
    found = by_strata(scotland("Gender", "Age"), name)
    assert found.total.method == name
    assert found.total.observed == 5670
    assert 15_000 < found.total.total < 45_000


def test_without_replicates_the_parts_are_normal() -> None:
    found = by_strata(TWO, "independent", bootstrap=0)
    assert found.total.total == pytest.approx(495)
    sds = []
    for counts in ([60, 40, 30], [50, 70, 25]):
        unseen = counts[0] * counts[1] / counts[2]
        sds.append(unseen * math.sqrt(sum(1 / n for n in counts)))
    assert (found.total.upper - found.total.lower) / 2 / 1.96 == pytest.approx(
        math.hypot(*sds), rel=0.15
    )


# Small strata, and failures


def test_the_last_variable_is_given_up_first() -> None:
    kinds = [(a, b, c) for a in "xy" for b in "pq" for c in "12"]
    shared = np.array([9, 12, 50, 3, 4, 5, 6, 7])
    standing, left = together(kinds, shared, 20)
    assert standing == [(0, 1), (2,), (4, 5, 6, 7)]
    assert left == (3,)
    assert together(kinds, np.full(8, 1.0), 20) == ([], tuple(range(8)))


@given(st.lists(st.integers(0, 40), min_size=8, max_size=8), st.integers(1, 60))
def test_nobody_is_in_two_groups_or_in_none(shared: list[int], least: int) -> None:
    kinds = [(a, b, c) for a in "xy" for b in "pq" for c in "12"]
    standing, left = together(kinds, np.array(shared), least)
    groups = [*standing, *([left] if left else [])]
    assert sorted(i for group in groups for i in group) == list(range(8))
    for group in standing:
        assert sum(shared[i] for i in group) >= least
        assert len(group) == 1 or all(shared[i] < least for i in group)


def test_what_is_left_over_joins_its_nearest_neighbour() -> None:
    strata = people(
        {
            ("f", "old"): [50, 60, 40],
            ("f", "young"): [6, 5, 2],
            ("m", "old"): [60, 50, 25],
        },
        ("sex", "age"),
    )
    found = by_strata(strata, "independent")
    assert [each.name for each in found.strata] == ["f, old + f, young", "m, old"]
    assert "fewer than 20" in found.strata[0].note
    assert any("were pooled" in warning for warning in found.total.warnings)


def breaking(
    monkeypatch: pytest.MonkeyPatch, breaks: Any, error: type[Exception] = ZeroDivisionError
) -> None:
    real = methods.METHODS["independent"]

    def estimate(histories: Any, **options: Any) -> Any:
        if breaks(histories):
            raise error("boom")
        return independent(histories, **options)

    estimate.__signature__ = __import__("inspect").signature(independent)  # type: ignore[attr-defined]
    monkeypatch.setitem(methods.METHODS, "independent", replace(real, estimate=estimate))


THREE = people({("a",): [60, 40, 30], ("b",): [50, 70, 25], ("c",): [70, 90, 41]})


@pytest.mark.parametrize("error", [ZeroDivisionError, NoEstimateError, np.linalg.LinAlgError])
def test_one_stratum_that_fails_joins_a_neighbour_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    good = by_strata(THREE, "independent")
    breaking(monkeypatch, lambda h: h.counts[3] == 30, error)
    found = by_strata(THREE, "independent")
    assert [each.name for each in found.strata] == ["a + b", "c"]
    assert found.strata[1].estimate == good.strata[2].estimate
    assert "the method has no estimate for one of them alone" in found.strata[0].note


def test_what_has_no_estimate_at_all_is_told_as_the_people_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = by_strata(THREE, "independent")
    breaking(monkeypatch, lambda h: h.counts[3] in (30, 55, 71))  # a alone, or with another
    found = by_strata(THREE, "independent")
    assert [each.estimate is None for each in found.strata] == [True, False, False]
    assert found.strata[0].observed == 130
    assert "failed (ZeroDivisionError)" in found.strata[0].note
    assert found.strata[1:] == good.strata[1:]
    rest = sum(each.estimate.total for each in good.strata[1:] if each.estimate)
    assert found.total.total == pytest.approx(130 + rest)
    assert found.total.observed == THREE.observed
    assert any("is a lower bound there" in warning for warning in found.total.warnings)
    assert "no estimate" in found.table()


def test_strata_of_which_none_has_an_estimate_are_refused() -> None:
    apart = people({("f",): [60, 40, 0], ("m",): [50, 70, 0]})
    with pytest.raises(NoEstimateError, match="The 220 people seen are all that can be told"):
        by_strata(apart, "independent")


@pytest.mark.parametrize("name", ["independent", "bic", "averaged", "shrinkage"])
def test_a_copy_of_a_list_is_no_number_in_a_stratum_either(name: str) -> None:
    # masks of a, b and c, a copy of a: a person on a is on c
    own = {("f",): [0, 90, 0, 0, 110, 0, 35], ("m",): [0, 80, 0, 0, 95, 0, 31]}
    with pytest.raises(NoEstimateError, match="one is a copy of the other"):
        by_strata(people(own, lists="abc"), name)
    one_only = own | {("m",): [80, 70, 22, 95, 31, 28, 12]}
    found = by_strata(people(one_only, lists="abc"), name)
    assert [each.name for each in found.strata] == ["f + m"]
    assert "the method has no estimate for one of them alone" in found.strata[0].note


def test_a_list_that_nobody_of_a_stratum_is_on_is_left_out_there() -> None:
    strata = people(
        {("f",): [60, 40, 30, 50, 12, 9, 4], ("m",): [50, 70, 25, 0, 0, 0, 0]}, lists="abc"
    )
    found = by_strata(strata, "independent")
    assert found.strata[1].estimate is not None
    assert found.strata[1].estimate.lists == ("a", "b")
    assert any("Nobody of this" in w for w in found.strata[1].estimate.warnings)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "guess"}, "There is no method 'guess'"),
        ({"level": 1.5}, "between 0 and 1"),
        ({"bootstrap": 7}, "too few for an interval"),
        ({"least_shared": 0}, "1 or more"),
        ({"where": "cloud"}, "'local' or 'spark', not 'cloud'"),
    ],
)
def test_a_wrong_call_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        by_strata(TWO, **{"name": "independent", **options})


# Wherever and however often it runs


def same(one: ByStrata, other: ByStrata) -> bool:
    return one.total.to_json() == other.total.to_json() and one.rows() == other.rows()


def test_any_number_of_cores_gives_the_same() -> None:
    assert same(by_strata(GAPS, "bic", workers=1), by_strata(GAPS, "bic", workers=3))


def test_spark_gives_the_same() -> None:
    if shutil.which("java") is None:
        pytest.skip("there is no Java runtime to run Spark with; `make test` installs one")
    told: list[tuple[int, int]] = []
    there = by_strata(
        GAPS, "averaged", imputations=3, where="spark", progress=lambda *n: told.append(n)
    )
    assert same(there, by_strata(GAPS, "averaged", imputations=3))
    assert told[-1] == (2, 2)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = by_strata(scotland("Gender", "Age"), "independent", resume=tmp_path / "whole")

    def interrupt(done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"resume": tmp_path / "kept", "workers": 1}
    with pytest.raises(KeyboardInterrupt):
        by_strata(scotland("Gender", "Age"), "independent", progress=interrupt, **options)
    kept = (tmp_path / "kept").read_bytes()
    assert kept.count(b"\n") == 2
    (tmp_path / "kept").write_bytes(kept[:-40])  # killed in the midst of a line
    done: list[tuple[int, int]] = []
    found = by_strata(
        scotland("Gender", "Age"), "independent", progress=lambda *n: done.append(n), **options
    )
    assert done[-1] == (3, 3)  # of four strata one was done
    assert same(found, whole)
    assert (tmp_path / "kept").read_bytes() == (tmp_path / "whole").read_bytes()
    breaking(monkeypatch, lambda h: True)  # nothing is estimated again
    assert same(by_strata(scotland("Gender", "Age"), "independent", **options), whole)


def test_another_seed_does_not_go_on_from_it(tmp_path: Path) -> None:
    options: dict[str, Any] = {"resume": tmp_path / "kept", "bootstrap": 40}
    one = by_strata(TWO, "independent", seed=1, **options)
    other = by_strata(TWO, "independent", seed=2, **options)
    assert one.total.draws is not None
    assert not same(one, other)


# Linked records


@given(any_links(), st.data())
@settings(deadline=None, max_examples=40)
def test_kinds_of_linked_people_add_up_to_the_counts(links: Links, data: st.DataObject) -> None:
    n = len(links.on)
    values = data.draw(st.lists(st.sampled_from(["f", "m", None]), min_size=n, max_size=n))
    values[0] = "f"
    strata = overlaps_by(links, ["sex"], [values], draws=4, seed=1)
    assert strata.whole == overlaps(links, draws=4, seed=1)


def test_a_person_has_the_value_that_most_of_their_records_have() -> None:
    pairs = {(i, i + 1): 1 - 1e-9 for i in range(3)}
    odds = np.array([math.log(p / (1 - p)) for p in pairs.values()])
    links = Links(("a", "b"), np.array([0, 0, 1, 1]), np.arange(3), np.arange(1, 4), odds)

    def kinds(*values: str | None) -> set[tuple[str | None, ...]]:
        return set(overlaps_by(links, ["sex"], [values], draws=40, seed=1).kinds)

    assert kinds("f", "m", "f", None) == {("f",)}
    assert kinds("f", "m", "f", "m") == {("f",), ("m",)}  # drawn


def test_a_linked_study_is_split_by_its_strata(tmp_path: Path) -> None:
    from tests.agencies import write_study

    study = write_study(tmp_path, people=3_000)
    headers = {
        name: (tmp_path / f"{name}.csv").read_text().split("\n")[0].split(",")
        for name in ("police", "shelter", "services")
    }
    text = study.read_text().replace('"stepwise"', '"independent"\nby = ["sex"]\nimputations = 2')
    for name, columns in headers.items():
        column = next(c for c in columns if c.lower() in ("sex", "gender"))
        text += f'[records.{name}.strata]\nsex = "{column}"\n'
    study.write_text(text)
    outcome = run(study, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "strata.json").read_text())
    assert sum(each["observed"] for each in told["strata"]) == pytest.approx(
        outcome.estimate.observed, abs=3
    )
    assert outcome.estimate.details["linkage"]["draws"] == 5
    assert "By sex" in (tmp_path / "out" / "report.html").read_text()
    study.write_text(text.replace('by = ["sex"]', 'by = ["age"]'))
    with pytest.raises(InputError, match="No list says 'age'"):
        run(study, tmp_path / "out")


# Command line, studies and the page


STUDY = """\
title = "How many?"
people = "people"
place = "Nowhere"
period = "2020"
[data]
file = "people.csv"
[method]
name = "independent"
bootstrap = 40
by = ["sex", "age"]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rows = ["sex,age,police,shelter,count"]
    numbers = {
        "f,young": (91, 83, 37),
        "f,old": (2, 1, 1),
        "m,young": (77, 64, 29),
        "m,": (8, 9, 4),
    }
    for kind, own in numbers.items():
        pairs = zip(("1,0", "0,1", "1,1"), own, strict=True)
        rows += [f"{kind},{on},{n}" for on, n in pairs]
    (tmp_path / "people.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


def test_a_study_by_strata_writes_them_and_a_part_of_the_page(study: Path, tmp_path: Path) -> None:
    outcome = run(study, tmp_path / "out")
    told = json.loads((tmp_path / "out/strata.json").read_text())
    assert [each["name"] for each in told["strata"]] == ["f, old + f, young", "m, young"]
    assert told["total"] == json.loads(outcome.estimate.to_json())
    page = (tmp_path / "out/report.html").read_text()
    assert "By sex and age" in page
    assert "not split by sex, age" in page
    assert run(study, tmp_path / "out").skipped[0] == "strata.json"


def test_an_interrupted_study_goes_on_where_it_stopped(study: Path, tmp_path: Path) -> None:
    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    text = (tmp_path / "people.csv").read_text().replace("f,old,1,1,1", "f,old,1,1,31")
    (tmp_path / "people.csv").write_text(text)
    run(study, tmp_path / "whole")
    for _ in range(2):  # each time one stratum more
        with pytest.raises(KeyboardInterrupt):
            run(
                study,
                tmp_path / "out",
                workers=1,
                progress=lambda d, of: d > 1 and interrupt(d, of),
            )
    kept = next((tmp_path / "out/.unfinished").glob("replicates-*"))
    assert kept.read_bytes().count(b"\n") == 2
    run(study, tmp_path / "out")
    for name in ("strata.json", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_small_strata_are_neither_named_nor_counted_in_what_is_published(
    study: Path, tmp_path: Path
) -> None:
    run(study, tmp_path / "out")
    published = [tmp_path / "out/report.html", *(tmp_path / "out/tables").iterdir()]
    text = "".join(file.read_text() for file in published)
    assert "f, old" not in text
    assert "small groups together" in text
    rows = (tmp_path / "out/tables/strata.csv").read_text().splitlines()
    assert rows[0] == '"sex, age",seen,total,lower,upper'
    for row in rows[1:]:
        seen, *numbers = row.rsplit(",", 4)[1:]
        assert seen == ""
        assert all(int(n) % 10 == 0 for n in numbers)


def test_published_strata_are_shown_as_they_are() -> None:
    found = by_strata(TWO, "independent")
    shown = publishable_strata(found.rows(), 1)
    assert [each.observed for each in shown] == [130, 145]
    assert shown[0].total == pytest.approx(210)
    assert [each.observed for each in publishable_strata(found.rows(), 5)] == [None, None]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('by = ["sex", "year"]', "There is no column 'year'"),
        ("by = []", "by"),
        ('by = "sex"', "by"),
        ("imputations = 4", "'imputations' is for people split by 'by'"),
        ('by = ["sex"]\nimputations = 1', "imputations"),
    ],
)
def test_a_study_that_cannot_be_split_is_refused(study: Path, change: str, says: str) -> None:
    study.write_text(STUDY.replace('by = ["sex", "age"]', change))
    with pytest.raises(InputError, match=says):
        run(study, study.parent / "out")


def darkfigure(*args: str) -> subprocess.CompletedProcess[str]:
    code = "from darkfigure.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)


def test_size_by_strata_on_the_command_line() -> None:
    done = darkfigure("size", SCOTLAND, "--by", "Gender,Age", "--method", "averaged", "--json")
    told = json.loads(done.stdout)
    assert told["strata"][0]["name"] == "Female, Old"
    assert sum(each["total"] for each in told["strata"]) == pytest.approx(told["total"])
    assert told["observed"] == 5670
    for options, says in (
        (("--by", "Height"), "There is no column 'Height'"),
        (("--imputations", "5"), "--imputations is for people split by --by"),
    ):
        done = darkfigure("size", SCOTLAND, *options)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "alike"), [("auto", True), ("averaged", False)])
def test_what_leans_on_what_is_usual_errs_alike_in_all_strata(name: str, alike: bool) -> None:
    """Errors of independent strata cancel out in part; those that are alike do not."""
    kinds = {(str(i),): [90, 80, 20, 70, 15, 18, 3] for i in range(8)}
    found = by_strata(people(kinds, lists="abc"), name)
    widths = [e.upper - e.lower for each in found.strata if (e := each.estimate)]
    share = (found.total.upper - found.total.lower) / sum(widths)
    assert (share > 0.9) if alike else (share < 0.5)  # in quadrature: 1 / sqrt(8)
