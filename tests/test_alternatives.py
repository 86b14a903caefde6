"""Other defensible answers: what they are, and what the page says of them."""

import numpy as np
import pytest

from darkfigure import size, tables
from darkfigure.disclosure import publishable_estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report.trust import findings
from darkfigure.size.search import best_models
from darkfigure.size.space import every_model


@pytest.mark.parametrize("name", ["uk-2013-5lists", "kosovo-1999", "new-orleans-2014-5lists"])
def test_models_within_reach_are_those_of_every_model(name):
    histories = tables.load(name)
    every = every_model(histories)
    near = every.best(within=6.0)
    found = [e for e in size.alternatives(histories, "bic") if "bic_above_best" in e.details]
    assert {e.details["models_within_reach"] for e in found} == {near.size}
    assert all(e.details["models_within_reach_all"] for e in found)
    shown = [e.total for e in found] + [every.total[near[0]]]
    assert min(shown) == pytest.approx(every.total[near].min(), rel=1e-4)
    assert max(shown) == pytest.approx(every.total[near].max(), rel=1e-4)


def test_eight_lists_have_other_models_too():
    histories = tables.load("new-orleans-2014")
    found = [e for e in size.alternatives(histories, "bic") if "bic_above_best" in e.details]
    best = best_models(histories, 3)
    assert found[0].total == pytest.approx(best.total[1])
    assert found[1].total == pytest.approx(best.total[2])


def test_the_page_says_that_the_best_models_disagree():
    histories = tables.load("uk-2013-5lists")
    estimate = size.bic(histories, bootstrap=50)
    others = size.alternatives(histories, "bic")
    sentence = "four best models fit the data almost equally well and run from 12,000 to 29,000"
    said = [f for f in findings(histories, estimate, others) if sentence in f.sentence]
    assert len(said) == 1
    assert said[0].serious
    coarse = [publishable_estimate(other) for other in others]
    told = next(e.details["nearly_equal"] for e in coarse if "nearly_equal" in e.details)
    assert told == {"models": 4, "lowest": 12000.0, "highest": 29000.0}


def test_models_that_agree_are_nothing_serious():
    histories = tables.load("uk-2013")
    others = size.alternatives(histories, "bic")
    found = findings(histories, size.bic(histories, bootstrap=0), others)
    said = [f for f in found if "two best models fit" in f.sentence]
    assert len(said) == 1
    assert not said[0].serious


def test_alternatives_leave_out_what_cannot_be_estimated():
    histories = tables.load("artificial-3")
    assert all(np.isfinite(e.total) for e in size.alternatives(histories, "bic"))


def test_leaving_out_a_list_keeps_the_settings_of_the_study():
    histories = tables.load("kosovo-1999")
    settings = {"weights": "laplace", "draws": 2000, "max_order": 2}
    found = size.alternatives(histories, "averaged", options=settings)
    without = [e for e in found if "without" in e.details]
    assert len(without) == 4
    for each in without:
        assert {key: each.settings[key] for key in settings} == settings


def test_nine_sparse_lists_are_averaged_in_bounded_work():
    rng = np.random.default_rng(3)
    ease = rng.normal(-3.2, 1.5, 300)
    on = rng.random((300, 9)) < 1 / (1 + np.exp(-ease))[:, None]
    histories = CaptureHistories.from_patterns("abcdefghi", on[on.any(axis=1)].astype(int))
    found = size.averaged(histories, draws=1000)
    assert 0 < found.details["mass_proven"] <= 1
    assert found.details["models_weighed"] > 1
