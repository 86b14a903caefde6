"""Lists that are independent among people who are alike: the sum, its interval, its refusals."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.doubly_robust import answer, expit, judged, logit, made_up
from darkfigure import cli, tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.lists.people_table import read_people
from darkfigure.size import _chances, doubly_robust
from darkfigure.size.doubly_robust import ESTIMATORS, total_of_pair
from darkfigure.size.methods import METHODS, OF_PEOPLE, method

SCOTLAND = ["social_enquiry", "hospital", "drug_misuse_db", "hcv_db"]
EXACT: dict[str, Any] = {"nuisance": "strata", "folds": 1}


def frame(strata: dict[str, tuple[int, int, int]]) -> pl.DataFrame:
    """People on the first list only, the second only and both, by stratum."""
    return pl.DataFrame(
        [
            {"group": name, "a": a, "b": b, "count": number}
            for name, numbers in strata.items()
            for (a, b), number in zip([(1, 0), (0, 1), (1, 1)], numbers, strict=True)
        ]
    )


def people(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, p1, p2 = made_up(n, rng)
    y1, y2 = rng.random(n) < p1, rng.random(n) < p2
    every = pl.DataFrame({"a": y1, "b": y2, "x": x[:, 0], "y": x[:, 1]})
    return every.filter(pl.col("a") | pl.col("b"))


def petersen(a: int, b: int, both: int) -> float:
    return (a + both) * (b + both) / both


TWO = frame({"f": (20, 80, 20), "m": (80, 20, 20)})


# What it is equal to


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
@settings(max_examples=50, deadline=None)
def test_without_covariates_it_is_lincoln_and_petersen(a, b, both):
    found = doubly_robust(frame({"all": (a, b, both)}), ["a", "b"], count="count")
    assert found.total == pytest.approx(petersen(a, b, both))
    assert found.lower <= found.total <= found.upper
    se = found.details["pairs"][0]["se"]
    n1, n2 = a + both, b + both
    assert se**2 == pytest.approx(
        n1 * n2 * a * b / both**3, rel=1e-9, abs=1e-6
    )  # Sekar and Deming's


number = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))


@given(st.dictionaries(st.sampled_from("abcdef"), number, min_size=2))
@settings(max_examples=60, deadline=None)
def test_with_saturated_chances_it_is_the_sum_over_the_strata(strata):
    rows = frame(strata)
    only_a, only_b, both = (sum(column) for column in zip(*strata.values(), strict=True))
    if min(only_a, only_b) == 0 or both < 5 or len(strata) * 5 > rows["count"].sum():
        return
    for estimator in ESTIMATORS:
        found = doubly_robust(
            rows, ["a", "b"], ["group"], count="count", estimator=estimator, **EXACT
        )
        assert found.total == pytest.approx(sum(petersen(*n) for n in strata.values()))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_lists_and_covariates_does_not_matter(seed):
    rows = people(400, seed).with_columns(pl.col("x").round(1), group=pl.col("y") > 0)
    rows = rows.group_by("a", "b", "group", "x").len("count")
    first = doubly_robust(rows, ["a", "b"], ["group", "x"], count="count", splits=1)
    other = doubly_robust(
        rows.sample(fraction=1.0, shuffle=True, seed=seed % 2**31),
        ["b", "a"],
        ["x", "group"],
        count="count",
        splits=1,
    )
    assert (first.total, first.lower, first.upper) == (other.total, other.lower, other.upper)


def test_a_row_of_five_is_five_rows_of_one():
    each = TWO.select(pl.exclude("count").repeat_by("count").explode())
    options: dict[str, Any] = {"covariates": ["group"], "splits": 2}
    one_by_one = doubly_robust(each, ["a", "b"], **options)
    counted = doubly_robust(TWO, ["a", "b"], count="count", **options)
    assert one_by_one.total == counted.total
    assert one_by_one.upper == counted.upper


@pytest.mark.parametrize("nuisance", ["logistic", "boosting", "forest"])
def test_the_same_seed_gives_the_same_answer_on_any_number_of_cores(nuisance):
    rows, options = people(600, 3), {"nuisance": nuisance, "splits": 2, "folds": 2}
    one, two = (doubly_robust(rows, ["a", "b"], ["x", "y"], workers=w, **options) for w in (1, 2))
    assert one == two
    if nuisance == "logistic":
        assert doubly_robust(rows, ["a", "b"], ["x", "y"], seed=9, **options).total != one.total


@pytest.mark.parametrize("estimator", ["targeted", "plug-in"])
def test_targeting_is_never_below_the_people_seen(estimator):
    rng = np.random.default_rng(4)
    y1, y2 = rng.random((2, 300)) < 0.5
    keep = y1 | y2
    for _ in range(30):
        p1, p2 = rng.uniform(0.2, 0.9, (2, keep.sum()))
        found = total_of_pair(y1[keep], y2[keep], p1, p2, estimator=estimator)
        assert found.total >= keep.sum()


def test_targeted_chances_make_the_two_sums_agree():
    rng = np.random.default_rng(5)
    _, p1, p2 = made_up(3_000, rng)
    y1, y2 = rng.random(3_000) < p1, rng.random(3_000) < p2
    seen = y1 | y2
    bad = [expit(logit(p[seen]) + 0.5) for p in (p1, p2)]
    targeted = total_of_pair(y1[seen], y2[seen], *bad, estimator="targeted")
    plain = total_of_pair(y1[seen], y2[seen], *bad, estimator="plug-in")
    assert targeted.total == pytest.approx(targeted.adds.sum(), rel=1e-5)
    assert abs(targeted.total - 3_000) < abs(plain.total - 3_000) / 2


# Where the truth is known


def by_sum(alpha: float, n: int = 10_000, replicates: int = 80) -> dict[str, dict[str, Any]]:
    rows: dict[str, list[Any]] = {name: [] for name in ESTIMATORS}
    for seed in range(replicates):
        rng = np.random.default_rng(seed)
        _, p1, p2 = made_up(n, rng)
        y1, y2 = rng.random(n) < p1, rng.random(n) < p2
        size = n**-alpha
        moved = [expit(logit(p) + rng.normal(size, size, n)) for p in (p1, p2)]
        for name in ESTIMATORS:
            rows[name].append(answer(y1, y2, moved, name))
    return {name: judged(answers, n) for name, answers in rows.items()}


def test_chances_learned_slowly_spoil_the_plug_in_sum_only():
    told = by_sum(0.25)
    assert told["doubly robust"]["coverage"] >= 0.9
    assert told["targeted"]["coverage"] >= 0.9
    assert told["plug-in"]["coverage"] < 0.75
    assert abs(told["doubly robust"]["bias"]) < abs(told["plug-in"]["bias"]) / 5


@pytest.mark.parametrize("wrong", ["first", "second", "both"])
def test_one_list_may_be_understood_wrongly_but_not_both(wrong):
    answers = []
    for seed in range(100):
        rng = np.random.default_rng([seed, 7])
        x, p1, p2 = made_up(3_000, rng)
        y1, y2 = rng.random(3_000) < p1, rng.random(3_000) < p2
        if wrong in ("first", "both"):
            p1 = expit(-0.2 - 0.5 * x[:, 0])
        if wrong in ("second", "both"):
            p2 = expit(-0.4 - 0.5 * x[:, 0])
        answers.append(answer(y1, y2, [p1, p2], "doubly robust"))
    told = judged(answers, 3_000)
    if wrong == "both":
        assert abs(told["bias"]) > 0.1
        assert told["coverage"] < 0.5
    else:
        assert abs(told["bias"]) < 0.02
        assert told["coverage"] >= 0.9


def test_covariates_mend_what_plain_lists_miss():
    answers: dict[str, list[Any]] = {"with": [], "without": []}
    for seed in range(30):
        rows = people(1_500, seed)
        for how, names in (("with", ["x", "y"]), ("without", [])):
            found = doubly_robust(rows, ["a", "b"], names, splits=1, workers=1)
            answers[how].append((found.total, found.lower, found.upper))
    told = {how: judged(each, 1_500) for how, each in answers.items()}
    assert told["with"]["coverage"] >= 0.875
    assert abs(told["with"]["bias"]) < 0.03
    assert told["without"]["bias"] < -0.08
    assert told["without"]["coverage"] < 0.6


# Several lists


def test_every_pair_answers_and_the_interval_holds_their_spread():
    rows = pl.read_csv(tables.path("scotland-pwid-2006-stratified"))
    found = doubly_robust(rows, SCOTLAND, ["Region", "Gender", "Age"], count="count", splits=1)
    pairs = found.details["pairs"]
    assert len(pairs) == 6
    totals = [pair["total"] for pair in pairs]
    assert min(totals) < found.total < max(totals)
    assert found.details["spread"] > 0.1
    assert any("The pairs disagree" in warning for warning in found.warnings)
    inside = sum(found.lower <= total <= found.upper for total in totals)
    assert inside >= 5
    assert Estimate.from_json(found.to_json()) == found


def test_a_pair_of_many_lists_needs_only_its_own_people():
    rows = pl.read_csv(tables.path("scotland-pwid-2006-stratified"))
    names = ["Region", "Gender", "Age"]
    pair = ["hospital", "drug_misuse_db"]
    found = doubly_robust(rows, SCOTLAND, names, count="count", pair=pair, **EXACT)
    alone = rows.filter(pl.col("hospital") + pl.col("drug_misuse_db") > 0)
    two = doubly_robust(alone, pair, names, count="count", **EXACT)
    assert found.total == pytest.approx(two.total)
    by_hand = 0.0
    for _, stratum in alone.group_by(names):
        on = [int(stratum.filter(pl.col(x) == 1)["count"].sum()) for x in pair]
        both = stratum.filter((pl.col(pair[0]) == 1) & (pl.col(pair[1]) == 1))["count"].sum()
        by_hand += on[0] * on[1] / both
    assert found.total == pytest.approx(by_hand)
    assert found.details["spread"] is None


def test_pairs_that_agree_answer_more_closely_than_any_of_them():
    rng = np.random.default_rng(1)
    on = rng.random((20_000, 3)) < [0.3, 0.25, 0.2]
    rows = pl.DataFrame(dict(zip("abc", on.T, strict=True))).filter(
        pl.any_horizontal("a", "b", "c")
    )
    found = doubly_robust(rows, list("abc"))
    assert found.lower < 20_000 < found.upper
    widths = [pair["upper"] - pair["lower"] for pair in found.details["pairs"]]
    if found.details["spread"] == 0:
        assert found.upper - found.lower < min(widths)
    assert found.details["spread"] < 0.05


def test_the_covariance_of_two_pairs_is_that_of_their_totals():
    totals, told = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        on = rng.random((2_000, 3)) < [0.4, 0.35, 0.3]
        rows = pl.DataFrame(dict(zip("abc", on.T.astype(int), strict=True)))
        rows = rows.filter(pl.sum_horizontal("a", "b", "c") > 0)
        rows = rows.group_by("a", "b", "c").len("n")
        found = doubly_robust(rows, list("abc"), count="n", workers=1)
        totals.append(math.log(found.total))
        told.append(found.lower <= 2_000 <= found.upper)
    assert np.mean(told) >= 0.92
    assert np.mean(totals) == pytest.approx(math.log(2_000), abs=0.01)


# What is said of doubtful answers


def said(found: Estimate, words: str) -> bool:
    return any(words in warning for warning in found.warnings)


def test_few_shared_people_are_told():
    rows = frame({"f": (30, 30, 5), "m": (30, 30, 5)})
    found = doubly_robust(rows, ["a", "b"], ["group"], count="count")
    assert said(found, "share only 10 people")


def test_a_group_that_shares_nobody_is_told():
    rows = frame({"f": (60, 70, 0), "m": (60, 50, 40)})
    found = doubly_robust(rows, ["a", "b"], ["group"], count="count")
    assert said(found, "whose group is 'f', 'a' and 'b' share nobody")
    assert found.total > doubly_robust(rows, ["a", "b"], count="count").total


class Never:
    """A classifier that thinks that hardly anybody is ever recorded."""

    classes_ = (False, True)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def fit(self, *_: Any, **__: Any) -> None:
        return None

    def predict_proba(self, x: Any) -> Any:
        return np.tile([0.999, 0.001], (len(x), 1))


def test_chances_near_zero_are_raised_and_told():
    found = doubly_robust(
        TWO, ["a", "b"], ["group"], count="count", nuisance=Never(), estimator="targeted"
    )
    assert said(found, "raised to the least")
    assert said(found, "the chances fit badly")


def test_a_constant_covariate_is_left_out_and_told():
    rows = TWO.with_columns(country=pl.lit("UK"))
    found = doubly_robust(rows, ["a", "b"], ["group", "country"], count="count", **EXACT)
    assert said(found, "Left out the covariate 'country'")
    assert found.total == pytest.approx(400)


def test_pairs_that_share_nobody_are_left_out_and_told():
    rows = pl.DataFrame(
        {"a": [1, 0, 1, 0], "b": [0, 1, 1, 0], "c": [0, 0, 0, 1], "n": [40, 30, 10, 50]}
    )
    found = doubly_robust(rows, ["a", "b", "c"], count="n", pair=["a", "b"])
    assert found.total == pytest.approx(200)
    every = doubly_robust(rows, ["a", "b", "c"], count="n")
    assert said(every, "Left out the pairs that share nobody: 'a' and 'c', 'b' and 'c'")
    with pytest.raises(NoEstimateError, match="'a' and 'c' share nobody"):
        doubly_robust(rows, ["a", "b", "c"], count="n", pair=["a", "c"])


def test_lists_that_depend_on_each_other_may_answer_less_than_is_seen():
    rows = pl.DataFrame(
        {"a": [1, 0, 1, 0], "b": [0, 1, 1, 0], "c": [0, 0, 0, 1], "n": [5, 5, 90, 500]}
    )
    with pytest.raises(NoEstimateError, match="fewer than the 600 people seen"):
        doubly_robust(rows, ["a", "b", "c"], count="n", pair=["a", "b"])


def test_a_list_inside_another_is_no_number():
    inside = frame({"f": (0, 80, 20), "m": (0, 20, 20)})
    with pytest.raises(NoEstimateError, match="everybody on one of the two lists is on the other"):
        doubly_robust(inside, ["a", "b"], ["group"], count="count")
    copied = TWO.with_columns(c=pl.col("a"))
    with pytest.raises(NoEstimateError, match="one is a copy of the other"):
        doubly_robust(copied, ["a", "b", "c"], ["group"], count="count", pair=["a", "b"])


def test_a_pair_of_which_one_is_inside_the_other_is_told():
    rows = pl.DataFrame(
        {"a": [1, 0, 1, 0, 1], "b": [0, 1, 1, 1, 1], "c": [0, 0, 0, 1, 1], "n": [40, 30, 20, 9, 8]}
    )
    found = doubly_robust(rows, ["a", "b", "c"], count="n")
    assert said(found, "One of 'b' and 'c' has nobody whom the other has not")
    assert not said(found, "One of 'a' and 'b'")


def test_a_total_below_the_people_seen_is_none():
    options: dict[str, Any] = {"nuisance": Never(), "estimator": "doubly robust"}
    with pytest.raises(NoEstimateError, match="or one below the 240 people on them"):
        doubly_robust(TWO, ["a", "b"], ["group"], count="count", **options)


def test_too_few_shared_people_cannot_teach():
    rows = frame({"f": (30, 30, 2), "m": (30, 30, 2)})
    with pytest.raises(NoEstimateError, match="share only 4 people; at least 5 are needed"):
        doubly_robust(rows, ["a", "b"], ["group"], count="count")


# Broken input


def with_(**columns: Any) -> pl.DataFrame:
    return TWO.with_columns(**{k: pl.Series(v) for k, v in columns.items()})


BROKEN = {
    "no_such_covariate": (TWO, ["age"], {}, "There is no column 'age' among 'group'"),
    "a_covariate_that_is_a_list": (TWO, ["a"], {}, "'a' is named 2 times; it has one role"),
    "a_missing_word": (with_(group=["f", None, "f", "", "m", "m"]), ["group"], {}, "in 2 rows"),
    "a_nan": (with_(age=[20.0, math.nan, 3, 4, 5, math.inf]), ["age"], {}, "missing .* in 2 rows"),
    "an_immense_number": (with_(age=[1e200, 0.0, 0, 0, 0, 0]), ["age"], {}, "beyond all measure"),
    "dates": (
        with_(born=[None] * 6).with_columns(born=pl.date(2000, 1, 1)),
        ["born"],
        {},
        "neither numbers nor words",
    ),
    "names": (
        pl.DataFrame({"a": [1] * 40, "b": [1] * 40, "who": [f"person {i}" for i in range(40)]}),
        ["who"],
        {"count": None},
        "40 different values for 40 people",
    ),
    "a_list_of_words": (TWO.with_columns(a=pl.lit("x")), ["group"], {}, "'a' is no list"),
    "a_list_of_twos": (TWO.with_columns(a=pl.lit(2)), ["group"], {}, "'a' is no list"),
    "a_negative_count": (with_(count=[1, 2, 3, 4, 5, -1]), ["group"], {}, "is no count"),
    "half_a_person": (with_(count=[1.0, 2, 3, 4, 5, 0.5]), ["group"], {}, "is no count"),
    "a_count_in_words": (TWO.with_columns(count=pl.lit("x")), ["group"], {}, "is no count"),
    "nobody": (TWO.clear(), ["group"], {}, "Nobody is on any of the lists"),
    "on_no_list": (TWO.with_columns(a=0, b=0), ["group"], {}, "on no list at all"),
    "a_pair_of_one": (TWO, ["group"], {"pair": ["a"]}, "must be two of the lists 'a', 'b'"),
    "a_strange_pair": (TWO, ["group"], {"pair": ["a", "c"]}, "two of the lists"),
    "an_unknown_way": (TWO, ["group"], {"nuisance": "magic"}, "one of 'logistic', 'boosting'"),
    "an_unknown_sum": (TWO, ["group"], {"estimator": "magic"}, "one of 'doubly robust'"),
    "no_folds": (TWO, ["group"], {"folds": 0}, "2 to 50 folds"),
    "no_splits": (TWO, ["group"], {"splits": 0}, "1 to 100 times"),
    "a_level_of_one": (TWO, ["group"], {"level": 1.0}, "lies between 0 and 1"),
    "no_frame": ([1, 2], ["group"], {}, "A dataframe was expected, not list"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_input_is_refused_in_a_sentence(case):
    rows, names, options, sentence = BROKEN[case]
    with pytest.raises(InputError, match=sentence):
        doubly_robust(rows, ["a", "b"], names, **{"count": "count", **options})


def test_too_many_strata_are_refused():
    rng = np.random.default_rng(1)
    rows = people(400, 1).with_columns(z=pl.Series(rng.normal(size=people(400, 1).height)))
    with pytest.raises(InputError, match="too many to take each alone"):
        doubly_robust(rows, ["a", "b"], ["x", "z"], nuisance="strata")


def test_the_chances_of_a_list_are_chances():
    with pytest.raises(InputError, match="more than 0 and at most 1"):
        total_of_pair([1, 0], [0, 1], [0.0, 0.5], [0.5, 0.5])


# Tables and the command line


@pytest.mark.parametrize(
    ("text", "names", "sentence"),
    [
        ("sex,a,b\nf,1,0\n,1,1\n", ["sex"], "line 3, column 'sex': This cell is empty"),
        ("age,a,b\n20,1,0\n30,0,1\nold,1,1\n", ["age"], "line 4, column 'age': A number was exp"),
        ("sex,a,b\nf,1,0\n", ["town"], "There is no column 'town'"),
        ("sex,a,b\nf,1,Maria\n", ["sex"], "line 2, column 'b': This cell is a text of 5"),
    ],
)
def test_broken_tables_are_refused_with_their_lines(tmp_path, text, names, sentence):
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_people(tmp_path / "people.csv", covariates=names)


def test_a_table_of_persons_is_put_together_into_kinds(tmp_path):
    rng = np.random.default_rng(3)
    lines = [f"{'fm'[s]},{a},{1 - a},{age}" for s, a, age in rng.integers(0, 2, (5_000, 3))]
    (tmp_path / "people.csv").write_text("sex,a,b,old\n" + "\n".join(lines) + "\n")
    found = read_people(tmp_path / "people.csv", covariates=["sex", "old"])
    assert found.height == 8
    assert found["count"].sum() == 5_000
    assert found.schema == {"sex": pl.String, "old": pl.Float64} | dict.fromkeys(
        ["a", "b", "count"], pl.Int64
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["darkfigure", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_command_line_takes_covariates(capsys):
    table = ("size", "spina-bifida-new-york-stratified", "--method", "doubly-robust")
    code, out, _ = run(capsys, *table, "--covariates", "eth", "--pair", "S1,S2", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["settings"]["covariates"] == ["eth"]
    assert told["pairs"][0]["lists"] == ["S1", "S2"]
    code, out, err = run(capsys, *table)
    assert (code, out) == (2, "")
    assert "--covariates sex,age" in err
    code, out, err = run(capsys, *table, "--covariates", "eth")
    assert code == 0
    assert "S1 and S2, who share" in out
    code, out, err = run(capsys, "size", "kosovo-1999", "--covariates", "age")
    assert (code, out) == (2, "")
    assert "'auto' has no --covariates" in err


def test_methods_of_counts_and_of_people_are_told_apart():
    assert not set(METHODS) & set(OF_PEOPLE)
    with pytest.raises(InputError, match="needs to know more of the people"):
        method("doubly-robust")
    with pytest.raises(InputError, match="latent-class, doubly-robust"):
        method("magic")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    _chances._libraries.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'darkfigure\[covariates\]'"):
        doubly_robust(TWO, ["a", "b"], count="count")
