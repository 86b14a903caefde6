"""What is refused, why, and what is said instead of a number."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkfigure import tables
from darkfigure.errors import NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import bic, independent
from darkfigure.size.auto import auto
from darkfigure.size.refusal import (
    INSIDE,
    LIST,
    PERSON,
    SHARED,
    WIDTH,
    Refused,
    best_total,
    groups,
    lower_bound,
    or_lower_bound,
    refusals,
    refuse,
    soft_refusals,
)

CHAO = {  # Rcapture 1.4-4, closedp.t, "Mth Chao (LB)"
    "kosovo-1999": 8591.18363762447,
    "uk-2013-5lists": 13570.0268009403,
    "uk-2013": 12298.5081301766,
}
SOUND = [0, 300, 250, 120, 280, 90, 100, 40]


def histories(counts, lists="abcdefgh"):
    k = (len(counts) - 1).bit_length()
    return CaptureHistories(lists[:k], counts)


def rules(counts):
    return [reason.rule for reason in refusals(histories(counts))]


def test_nothing_speaks_against_lists_that_overlap_well():
    assert rules(SOUND) == []
    assert soft_refusals(histories(SOUND), bic(histories(SOUND), bootstrap=0)) == []


def test_lists_that_share_nobody_are_refused_for_every_method():
    (reason,) = refusals(histories([0, 90, 80, 0, 70, 0, 0, 0]))
    assert (reason.rule, reason.hard) == ("nobody shared", True)
    assert "not one person is on two of them" in reason.sentence


def test_lists_with_nobody_on_them_are_refused():
    (reason,) = refusals(histories([0] * 8))
    assert (reason.rule, reason.hard) == ("nobody", True)


def test_fewer_than_ten_on_two_lists_are_refused_and_ten_are_not():
    assert rules([0, 90, 80, SHARED - 1]) == ["few shared"]
    assert rules([0, 90, 80, SHARED]) == []
    assert (
        "Only one person is on two lists or more" in refusals(histories([0, 9, 8, 1]))[0].sentence
    )


def test_a_list_inside_another_is_refused():
    of_100 = round(100 * INSIDE)
    counts = [0, 100 - of_100, 500, of_100, 200, 0, 90, 0]
    (reason,) = refusals(histories(counts))
    assert (reason.rule, reason.hard) == ("list inside another", False)
    assert f"{of_100} of the 100 people on the list “a” are on “b” as well" in reason.sentence
    assert rules([0, 101 - of_100, 500, of_100 - 1, 200, 0, 90, 0]) == []


def test_of_two_lists_one_inside_the_other_has_no_estimate_by_any_method():
    (reason,) = refusals(histories([0, 0, 300, 40]))
    assert reason.hard
    with pytest.raises(NoEstimateError):
        independent(histories([0, 0, 300, 40]), bootstrap=0)


def test_a_copy_of_a_list_is_refused_once_and_hard():
    counts = [0, 0, 0, 100, 200, 0, 0, 30]
    assert [(r.rule, r.hard) for r in refusals(histories(counts))] == [("copy of a list", True)]


def test_a_few_people_may_be_on_another_list_by_chance():
    assert rules([0, 0, 300, 12, 280, 0, 90, 7]) == []


def test_groups_of_lists_that_share_nobody_are_named():
    found = refusals(histories([0, 60, 40, 19, 30, 0, 0, 0]))
    assert [(r.rule, r.hard) for r in found] == [("groups apart", False)]
    assert "“a” and “b”; “c”" in found[0].sentence


def test_a_list_of_a_few_people_may_share_nobody():
    assert [len(group) for group in groups(tables.load("new-orleans-2014"))] == [6, 2]
    assert refusals(tables.load("new-orleans-2014")) == []


def test_one_list_that_has_nearly_all_is_named():
    counts = [0, 20_000, 300, 200, 280, 210, 20, 40]
    (reason,) = refusals(histories(counts))
    assert reason.rule == "one list has nearly all"
    assert "“a”" in reason.sentence


def test_a_total_that_hangs_on_one_list_is_refused():
    apart = [0, 200, 200, 50, 4000, 10, 9, 5]
    said = soft_refusals(histories(apart), bic(histories(apart), bootstrap=0))
    full, left = best_total(histories(apart)), best_total(histories(apart).drop("c"))
    assert full / left > LIST
    assert "hangs on one list" in [r.rule for r in said]
    (one,) = [r for r in said if "“c”" in r.sentence and r.rule == "hangs on one list"]
    assert f"{left:,.0f} instead of {full:,.0f}" in one.sentence


def test_a_total_that_one_person_decides_is_refused():
    h = histories([0, 300, 250, 120, 280, 90, 100, 40])

    def again(counts):
        fewer = counts.counts.size == 8 and counts.counts[3] == 119
        return 5000 * (PERSON * 1.01 if fewer else 1.0)

    found = soft_refusals(h, independent(h, bootstrap=0), again=again)
    assert [r.rule for r in found] == ["hangs on one person"]
    assert "one person fewer on exactly “a” and “b” the total is 15,150" in found[0].sentence
    assert soft_refusals(h, independent(h, bootstrap=0), again=lambda counts: 5000.0) == []


def test_an_estimate_that_vanishes_with_one_person_is_refused():
    h = histories([0, 60, 50, 1])
    found = soft_refusals(h, independent(h, bootstrap=0))
    assert {r.rule for r in found} >= {"few shared", "hangs on one person"}
    assert any("there is no estimate" in r.sentence for r in found)


@pytest.mark.parametrize("upper", [math.inf, 600 * WIDTH + 1])
def test_a_range_that_is_no_answer_is_refused(upper):
    h = histories(SOUND)
    e = Estimate(2000.0, 1200.0 if math.isinf(upper) else 600.0, upper, 0.95, 500, "bic", h.lists)
    assert [r.rule for r in soft_refusals(h, e)] == ["wide"]
    fine = Estimate(2000.0, 1200.0, 1200 * WIDTH - 1, 0.95, 500, "bic", h.lists)
    assert soft_refusals(h, fine) == []


@pytest.mark.parametrize("name", tables.names())
def test_no_table_that_peers_estimate_is_refused_by_a_hard_rule(name):
    assert not any(reason.hard for reason in refusals(tables.load(name)))


@pytest.mark.parametrize(
    "name",
    ["uk-2013", "uk-2013-5lists", "kosovo-1999", "new-orleans-2014", "western-us",
     "korea-palembang", "netherlands-2010-2015", "australia-2015-2017"],
)  # fmt: skip
def test_tables_that_the_literature_estimates_pass_every_rule_of_the_counts(name):
    assert refusals(tables.load(name)) == []


def test_uk_2013_passes_every_rule():
    h = tables.load("uk-2013")
    assert soft_refusals(h, bic(h, bootstrap=20)) == []


@pytest.mark.parametrize("name", CHAO)
def test_the_lower_bound_is_near_the_likelihood_version_of_the_peer(name):
    """Rcapture fits the same model by maximum likelihood; ours is its moment estimate."""
    assert lower_bound(tables.load(name)).people == pytest.approx(CHAO[name], rel=0.02)


def test_with_people_who_differ_the_bound_is_below_the_truth_and_nearer_than_independence():
    rng = np.random.default_rng(5)
    below, near = 0, 0
    for _ in range(40):
        ease = rng.gamma(2.0, 0.5, 4000)
        chance = 1 - np.exp(-np.outer(ease, [0.15, 0.25, 0.2, 0.1]))
        masks = (rng.random(chance.shape) < chance) @ (1 << np.arange(4))
        h = CaptureHistories("abcd", np.bincount(masks, minlength=16))
        bound = lower_bound(h)
        below += bound.limit < 4000
        near += independent(h, bootstrap=0).total < bound.people < 4000
    assert below == 40
    assert near >= 36


def test_the_limit_of_the_bound_holds_its_confidence_where_the_bound_is_exact():
    """Where lists work apart and people are alike, the bound is the total itself."""
    rng = np.random.default_rng(2)
    for n, chance in ((2000, [0.1, 0.2, 0.15]), (300, [0.1, 0.12, 0.08]), (150, [0.05, 0.1, 0.1])):
        held = 0
        for _ in range(400):
            masks = (rng.random((n, 3)) < chance) @ (1 << np.arange(3))
            held += lower_bound(CaptureHistories("abc", np.bincount(masks, minlength=8))).limit <= n
        assert held >= 0.92 * 400


def test_where_nobody_is_shared_the_bound_is_the_people_seen():
    bound = lower_bound(histories([0, 900, 800, 0, 700, 0, 0, 0]))
    assert (bound.people, bound.limit) == (2400, 2400)
    assert "The lists say nothing of others" in str(bound)


def test_the_bound_is_of_the_group_of_lists_that_says_most():
    linked = lower_bound(CaptureHistories("ab", [0, 60, 40, 19]))
    apart = lower_bound(CaptureHistories("abc", [0, 60, 40, 19, 30, 0, 0, 0]))
    assert apart.people == linked.people
    assert (apart.observed, linked.observed) == (149, 119)
    assert groups(CaptureHistories("abc", [0, 60, 40, 19, 30, 0, 0, 0])) == [("a", "b"), ("c",)]


@st.composite
def any_table(draw):
    k = draw(st.integers(2, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 90))
    return histories([0, *draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))])


@settings(max_examples=150, deadline=None)
@given(any_table(), st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(h, random):
    order = list(range(len(h.lists)))
    random.shuffle(order)
    masks = [sum(1 << i for i, j in enumerate(order) if m >> j & 1) for m in range(h.counts.size)]
    counts = np.zeros(h.counts.size, np.int64)
    counts[masks[1:]] = h.counts[1:]
    turned = CaptureHistories([h.lists[j] for j in order], counts)
    assert sorted(r.rule for r in refusals(turned)) == sorted(r.rule for r in refusals(h))
    assert lower_bound(turned).people == pytest.approx(lower_bound(h).people)
    assert {frozenset(g) for g in groups(turned)} == {frozenset(g) for g in groups(h)}


@settings(max_examples=150, deadline=None)
@given(any_table())
def test_a_bound_is_a_number_for_any_table_and_no_less_than_the_people_seen(h):
    bound = lower_bound(h)
    assert h.observed <= bound.limit <= bound.people < math.inf
    assert str(bound)


@settings(max_examples=60, deadline=None)
@given(any_table())
def test_whatever_is_refused_comes_with_reasons_and_a_bound(h):
    refused = None
    try:
        with or_lower_bound(h):
            bic(h, bootstrap=0)
    except Refused as error:
        refused = error
    if refused is not None:
        told = refused.to_dict()
        assert told["refused"]
        assert all(one["reason"] for one in told["refused"])
        assert told["lower_bound"]["observed"] == h.observed
        json.dumps(told, allow_nan=False)
        assert str(refused.bound) in str(refused)


def test_no_reason_no_refusal():
    refuse(histories(SOUND), [])
    with pytest.raises(Refused, match="fewer than 10"):
        refuse(histories([0, 90, 80, 3]), refusals(histories([0, 90, 80, 3])))


def command(*args):
    return subprocess.run(
        [sys.executable, "-m", "darkfigure", *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_gives_the_lower_bound_instead(tmp_path):
    file = tmp_path / "inside.csv"
    file.write_text("a,b,count\n0,1,300\n1,1,40\n")
    done = command("size", str(file), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [one["rule"] for one in told["refused"]] == ["list inside another"]
    assert told["lower_bound"]["observed"] == 340
    said = command("size", str(file))
    assert (said.returncode, said.stdout) == (1, "")
    assert "at least the 340 people who were seen" in said.stderr
    assert "Traceback" not in said.stderr


def test_soft_reasons_are_warnings_to_who_names_the_method():
    done = command("size", "artificial-3", "--bootstrap", "0", "--json")
    assert done.returncode == 0
    assert any(
        "Only 6 people are on two lists or more" in each
        for each in json.loads(done.stdout)["warnings"]
    )


def test_the_default_refuses_where_hardly_anybody_is_shared() -> None:
    """One shared person gives a number that is all prior; from three on truths were known."""
    with pytest.raises(Refused) as caught:
        auto(CaptureHistories("ab", [0, 1, 29, 1]))
    assert [reason.rule for reason in caught.value.reasons][:1] == ["few shared"]
    assert auto(CaptureHistories("abc", [0, 20, 20, 2, 20, 1, 0, 0])).total > 63
