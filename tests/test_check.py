"""Can it be estimated, and trusted: what is taken away is truly taken away, and told rightly."""

import importlib
import json
import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from darkfigure import size, tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size.bootstrap import jackknife
from darkfigure.size.check import check
from darkfigure.size.check_report import STAYS, WIDTH
from darkfigure.size.loglinear import Model, Status, fit
from darkfigure.size.search import best_models, best_totals
from darkfigure.size.space import Space, every_model

ROOM = importlib.import_module("darkfigure.size.check")  # the function has the room's name
SOME = ["kosovo-1999", "korea-palembang", "uk-2013-5lists", "new-orleans-2014-5lists"]


@pytest.fixture(scope="module")
def uk():
    return check(tables.load("uk-2013-5lists"))


def without(histories, names):
    for name in names:
        histories = histories.drop(name)
    return histories


def one_fewer(histories, names):
    counts = histories.counts.copy()
    counts[sum(1 << histories.lists.index(name) for name in names)] -= 1
    return CaptureHistories(histories.lists, counts)


def test_the_four_best_models_of_the_uk_run_from_12262_to_28822_within_1_6_bic(uk):
    best = uk.best_models[:4]
    assert round(min(m.total for m in best)) == 12_262
    assert round(max(m.total for m in best)) == 28_822
    assert best[3].bic_above_best == pytest.approx(1.6, abs=0.05)
    assert uk.best_models[4].bic_above_best > 2
    assert uk.findings[0].startswith(
        "The four best models lie 1.6 BIC apart and run from 12,262 to 28,822 people"
    )


@pytest.mark.parametrize("name", [*SOME, "uk-2013", "western-us"])
def test_the_total_is_the_one_that_size_gives(name):
    histories = tables.load(name)
    checked, estimate = check(histories), size.bic(histories, bootstrap=0)
    assert checked.total == pytest.approx(estimate.total, rel=1e-9)
    for key in ("model", "models", "certified"):
        assert getattr(checked, key) == estimate.details[key]
    assert checked.bic == pytest.approx(estimate.details["bic"])


@pytest.mark.parametrize("name", SOME)
def test_the_models_near_the_best_are_those_of_a_fit_of_all(name):
    histories = tables.load(name)
    checked, every = check(histories), every_model(histories)
    near = every.best(within=6.0)
    totals = every.total[near]
    assert checked.near.complete
    assert checked.near.models == near.size
    assert checked.near.lowest == pytest.approx(totals.min())
    assert checked.near.highest == pytest.approx(totals.max())
    above = every.bic[near] - every.bic[near[0]]
    assert [m.bic_above_best for m in checked.best_models] == pytest.approx(above[:10], abs=1e-6)
    assert [m.total for m in checked.best_models] == pytest.approx(totals[:10], rel=1e-5)


@pytest.mark.parametrize("name", [*SOME, "uk-2013"])
def test_taking_lists_away_equals_estimating_from_what_is_left(name):
    histories = tables.load(name)
    checked = check(histories)
    k = len(histories.lists)
    assert [one.lists for one in checked.without_list] == [(each,) for each in histories.lists]
    assert len(checked.without_pair) == (math.comb(k, 2) if k >= 4 else 0)
    for one in (*checked.without_list, *checked.without_pair):
        left = without(histories, one.lists)
        assert one.observed == left.observed
        if one.total is None:
            assert (one.ratio, one.model) == (None, None)
            with pytest.raises(NoEstimateError, match=re.escape(one.why)):
                size.bic(left, bootstrap=0)
            continue
        estimate = size.bic(left, bootstrap=0)
        assert one.total == pytest.approx(estimate.total, rel=1e-9)
        assert one.ratio == pytest.approx(estimate.total / checked.total)
        assert (one.model, one.why, one.certified) == (estimate.details["model"], None, True)


def test_where_lists_are_left_out_the_order_of_interactions_stays():
    histories = tables.load("uk-2013")
    checked = check(histories, max_order=2)
    for one in checked.without_list:
        best = best_models(histories.drop(one.lists[0]), max_order=2)
        assert (one.model, one.total) == (str(best.model(0)), pytest.approx(best.total[0]))


@pytest.mark.parametrize("name", SOME)
def test_the_influence_of_a_cell_equals_doing_it_all_again_with_one_person_fewer(name):
    histories = tables.load(name)
    checked = check(histories)
    model = Model.parse(checked.model, len(histories.lists))
    assert {one.lists: one.people for one in checked.cells} == {
        tuple(each for each in histories.lists if row[each]): row["count"]
        for row in histories.rows()
    }
    for one in checked.cells:
        fewer = one_fewer(histories, one.lists)
        again = size.bic(fewer, bootstrap=0)
        assert one.total == pytest.approx(again.total, rel=1e-9)
        assert one.change == pytest.approx(again.total - checked.total, abs=1e-5)
        assert one.model_changes == (again.details["model"] != checked.model)
        assert one.fixed_change == pytest.approx(fit(fewer, model).total - checked.total, abs=1e-5)
        if not one.model_changes:
            assert one.change == pytest.approx(one.fixed_change, abs=1e-5)


def test_the_totals_are_those_of_the_jackknife_behind_the_intervals(uk):
    histories = tables.load("uk-2013-5lists")
    left_out = jackknife(histories, best_totals(Space(5)))[:, 0]
    assert sorted(one.total for one in uk.cells) == pytest.approx(sorted(left_out))


@pytest.mark.parametrize("name", SOME)
def test_the_shares_sum_to_one_and_are_people_times_change_squared(name):
    cells = check(tables.load(name)).cells
    assert math.fsum(one.share for one in cells) == pytest.approx(1)
    parts = [one.people * one.change**2 for one in cells]
    assert [one.share for one in cells] == pytest.approx([part / sum(parts) for part in parts])
    assert parts == sorted(parts, reverse=True)


def test_a_jump_to_another_model_is_told_apart(uk):
    driver = uk.cells[0]
    assert driver.lists == ("LA", "NG")
    assert driver.model_changes
    assert abs(driver.change) > 50 * abs(driver.fixed_change)
    assert any("because another model would then be best" in each for each in uk.findings)


def test_the_lists_are_counted_as_in_the_histories(uk):
    histories = tables.load("uk-2013-5lists")
    assert sum(one.only for one in uk.lists) + uk.on_two_or_more == uk.observed == 2744
    for one in uk.lists:
        others = [
            row["count"]
            for row in histories.rows()
            if row[one.name] and sum(row.values()) > row["count"] + 1
        ]
        assert one.size == histories.size_of(one.name)
        assert one.shared == sum(others) == one.size - one.only
        assert one.overlap == pytest.approx(one.shared / one.size)
    assert uk.pairs_sharing_nobody == (("LA", "GP"),)


def test_the_number_of_workers_does_not_matter():
    histories = tables.load("new-orleans-2014-5lists")
    assert check(histories, workers=1) == check(histories, workers=2) == check(histories, workers=5)


def test_progress_tells_how_far_it_is():
    told, histories = [], tables.load("kosovo-1999")
    check(histories, progress=lambda done, of: told.append((done, of)))
    pieces = len(histories.rows()) + 4 + 6
    assert told == [(done, pieces) for done in range(1, pieces + 1)]


def test_of_two_lists_none_is_left_out_and_it_is_said_why():
    checked = check(CaptureHistories(["police", "shelter"], [0, 60, 40, 20]))
    assert round(checked.total) == 240
    assert (checked.models, checked.model) == (1, "[1,2]")
    assert (checked.without_list, checked.without_pair) == ((), ())
    assert checked.why_no_list in str(checked)
    assert (
        "There is only one model: nothing can check that the lists work apart." in checked.findings
    )


def test_of_three_lists_no_pair_is_left_out_and_it_is_said_why():
    checked = check(tables.load("korea-palembang"))
    assert len(checked.without_list) == 3
    assert checked.why_no_list is None
    assert checked.without_pair == ()
    assert checked.why_no_pair in str(checked)


def test_lists_that_share_nobody_cannot_be_checked():
    for lists, counts in (
        ("ab", [0, 60, 40, 0]),
        ("abc", [0, 5, 5, 0, 5, 0, 0, 0]),
        ("ab", [0] * 4),
    ):
        with pytest.raises(NoEstimateError):
            check(CaptureHistories(lists, counts))


def test_an_order_out_of_range_is_refused():
    with pytest.raises(InputError, match="highest order"):
        check(tables.load("kosovo-1999"), max_order=4)


def test_the_single_person_an_estimate_hangs_on_comes_first():
    checked = check(CaptureHistories("ab", [0, 60, 50, 1]))
    hanging = checked.cells[0]
    assert (hanging.lists, hanging.total, hanging.share) == (("a", "b"), None, None)
    assert math.fsum(one.share for one in checked.cells[1:]) == pytest.approx(1)
    assert "With one single person fewer on exactly “a” and “b”" in checked.findings[0]
    assert "order of magnitude" in checked.verdict


def test_a_list_without_which_nothing_could_be_estimated_is_named():
    checked = check(CaptureHistories("abc", [0, 50, 40, 0, 60, 12, 15, 0]))
    lost = [one for one in checked.without_list if one.total is None]
    assert [one.lists for one in lost] == [("c",)]
    assert "not one person is on two of them" in lost[0].why
    assert any("Nothing could be estimated without the list “c”" in f for f in checked.findings)


def test_many_people_on_lists_that_work_apart_are_a_sound_guide():
    chance = np.array([0.3, 0.25, 0.35])
    on = (np.arange(8)[:, None] >> np.arange(3)) & 1
    expected = 20_000 * np.prod(np.where(on, chance, 1 - chance), axis=1)
    checked = check(CaptureHistories("abc", np.round(expected)))
    assert checked.total == pytest.approx(20_000, rel=0.01)
    assert "nothing tried speaks against it" in checked.verdict
    assert all(one.ratio == pytest.approx(1, abs=0.01) for one in checked.without_list)


def test_a_cap_on_the_models_counted_is_said(monkeypatch):
    monkeypatch.setattr(ROOM, "KEPT", 5)
    checked = check(tables.load("uk-2013-5lists"))
    assert (checked.near.models, checked.near.complete) == (5, False)
    assert checked.certified
    assert any("the five or more models within 6 BIC" in each for each in checked.findings)
    assert not any("ended early" in each for each in checked.findings)


def test_a_search_that_ends_early_is_said_and_never_worse_than_the_model_kept(monkeypatch):
    monkeypatch.setattr(ROOM, "REFIT_WORK", 1)
    histories = tables.load("uk-2013-5lists")
    checked = check(histories)
    assert not all(one.certified for one in checked.cells)
    assert any("ended early" in each for each in checked.findings)
    model = Model.parse(checked.model, 5)
    for one in checked.cells:
        fewer = one_fewer(histories, one.lists)
        proven = best_models(fewer)
        kept = fit(fewer, model).bic <= proven.values[0] + 1e-6
        assert not (kept and one.model_changes)


@pytest.mark.parametrize("name", [*SOME, "new-orleans-2014", "artificial-3"])
def test_the_report_is_no_wider_than_the_page_and_stays_inside(name):
    text = str(check(tables.load(name)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.endswith(STAYS)
    assert all(line == line.rstrip() for line in text.splitlines())


def test_long_names_do_not_break_the_report():
    histories = tables.load("uk-2013-5lists")
    names = [f"{'regional anti-slavery coordination office ' * 3}\n{j}" for j in range(5)]
    text = str(check(CaptureHistories(names, histories.known)))
    assert max(map(len, text.splitlines())) <= WIDTH


@st.composite
def sparse(draw):
    k = draw(st.integers(2, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 80))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(sum(counts) > 0)
    return CaptureHistories("abcd"[:k], [0, *counts])


@settings(max_examples=60, deadline=None)
@given(sparse())
def test_any_table_is_checked_or_refused_and_what_is_told_holds_together(histories):
    try:
        expected = best_models(histories)
        assert fit(histories, expected.model(0)).status is Status.ESTIMABLE
    except (NoEstimateError, AssertionError):
        with pytest.raises(NoEstimateError):
            check(histories)
        return
    checked = check(histories)
    assert checked.total == pytest.approx(expected.total[0])
    assert checked.near.lowest <= checked.total * 1.000001
    assert checked.near.highest >= checked.total * 0.999999
    assert len(checked.cells) == len(histories.rows())
    shares = [one.share for one in checked.cells if one.share is not None]
    assert not shares or math.fsum(shares) == pytest.approx(1)
    for one in checked.cells:
        assert (one.total is None) == (one.change is None) == (one.model_changes is None)
        assert one.total is None or one.total >= histories.observed - 1
    assert len(checked.findings) >= 2
    assert max(map(len, str(checked).splitlines())) <= WIDTH
    plain = checked.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["total"] == checked.total
