"""Bayesian thresholding: draws from the right posterior, the peer's answers, and refusals."""

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_t

from darkfigure import tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.histories import CaptureHistories
from darkfigure.size import _threshold as kernel
from darkfigure.size import threshold
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.threshold import posterior

room = importlib.import_module("darkfigure.size.threshold")  # the function has its name

PEOPLE = CaptureHistories("abc", [0, 140, 110, 80, 90, 14, 13, 6])
APART = CaptureHistories("abc", [0, 60, 45, 0, 50, 16, 13, 0])  # a and b share nobody
FOUR = CaptureHistories("abcd", [0, 60, 45, 0, 50, 16, 13, 0, 40, 12, 9, 0, 11, 5, 4, 0])


def pairs_of(estimate):
    return {"".join(pair["lists"]): pair for pair in estimate.details["pairs"]}


# The posterior


def test_two_lists_have_the_posterior_that_can_be_written_down():
    """Three cells, three flat parameters: each mean is a gamma variable of its own count."""
    histories = CaptureHistories("ab", [0, 60, 40, 20])
    found = threshold(histories, draws=40_000)
    assert found.details["model"] == "[1,2]"
    assert pairs_of(found)["ab"]["mean"] == pytest.approx(0, abs=0.05)
    rng = np.random.default_rng(1)
    a, b, both = (rng.gamma(n, size=400_000) for n in (60, 40, 20))
    exact = 120 + a * b / both
    points = [0.025, 0.25, 0.5, 0.75, 0.975]
    assert np.quantile(found.draws, points) == pytest.approx(np.quantile(exact, points), rel=0.015)


@pytest.mark.parametrize("histories", [PEOPLE, APART], ids=["dense", "sharing-nobody"])
def test_draws_are_those_of_importance_sampling_with_a_design_matrix(histories):
    pairs = [0b011, 0b101, 0b110]
    found = posterior(histories, pairs, [], 1.0, 5000, 0, seed=1)
    cells = np.arange(1, 8)
    x = ((cells[:, None] & found.terms) == found.terms).astype(float)
    counts = histories.known[1:]
    draws = found.draws.reshape(-1, 7)
    proposal = multivariate_t(draws.mean(axis=0), 1.5 * np.cov(draws.T), df=8, seed=1)
    beta = proposal.rvs(200_000)
    eta = beta @ x.T
    value = (counts * eta - np.exp(eta)).sum(axis=1) - 0.5 * (beta[:, 4:] ** 2).sum(axis=1)
    weight = np.exp(value - proposal.logpdf(beta) - (value - proposal.logpdf(beta)).max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 30_000
    mean = weight @ beta
    sd = np.sqrt(weight @ (beta - mean) ** 2)
    assert (draws.mean(axis=0) - mean) / sd == pytest.approx(np.zeros(7), abs=0.05)
    assert draws.std(axis=0) == pytest.approx(sd, rel=0.05)


def test_lists_that_share_nobody_are_at_minus_infinity_under_the_improper_prior():
    found = threshold(FOUR, prior="improper", ratio=10.0)
    assert found.details["minus_infinite_pairs"] == [["a", "b"]]
    assert pairs_of(found)["ab"]["mean"] is None
    assert found.details["model"] == "[12,3,4]"
    # Without a cell that both are in, the rest are as if a and b could not meet.
    alone = fit(FOUR, Model.parse("[12,3,4]", 4))
    assert alone.minus_infinity == (0b0011,)
    assert found.total == pytest.approx(alone.total, rel=0.02)
    proper = pairs_of(threshold(FOUR))["ab"]
    assert proper["mean"] < -1
    assert proper["ratio"] == pytest.approx(-proper["mean"] / proper["sd"])


# The peer


@pytest.mark.parametrize("name", ["korea-palembang", "uk-2013-5lists", "uk-2013"])
def test_the_peers_long_run_is_met_within_two_per_cent(name):
    file = Path(__file__).parent / "peers" / f"bayesthresh__{name}.json"
    long_run = json.loads(file.read_text(encoding="utf-8"))["long_run"]
    found = threshold(tables.load(name))
    points = [float(p.rstrip("%")) / 100 for p in long_run["quantiles"]]
    ours = np.quantile(found.draws, points)
    assert ours == pytest.approx(list(long_run["quantiles"].values()), rel=0.02)
    assert found.total == pytest.approx(long_run["popest_posterior_median"], rel=0.02)
    assert found.details["mean"] == pytest.approx(long_run["posterior_mean"], rel=0.02)
    kept = {frozenset(p["lists"]) for p in found.details["pairs"] if p["kept"]}
    assert kept == {frozenset(p.split(":")) for p in long_run["retained_interactions"]}


def test_eight_lists_move():
    found = threshold(tables.load("new-orleans-2014"))
    assert np.unique(found.draws).size > 8_000
    assert found.details["effective_size"] > 4_000
    assert found.details["r_hat"] < 1.01
    assert found.lower < found.total < found.upper
    assert found.details["model"] == "[1,2,3,4,5,6,7,8]"


# What an estimate says


def test_the_order_of_the_lists_does_not_matter():
    expected = threshold(PEOPLE, draws=20_000)
    patterns = np.arange(1, 8)[:, None] >> np.arange(3) & 1
    order = [2, 0, 1]
    mixed = CaptureHistories.from_patterns(
        ["abc"[j] for j in order], patterns[:, order], PEOPLE.counts[1:]
    )
    found = threshold(mixed, draws=20_000)
    assert found.total == pytest.approx(expected.total, rel=0.01)
    assert found.upper == pytest.approx(expected.upper, rel=0.02)
    kept = {frozenset(p["lists"]) for p in found.details["pairs"] if p["kept"]}
    assert kept == {frozenset("ab")}


def test_the_same_seed_gives_the_same_draws_on_any_number_of_cores():
    one, two, three = (threshold(PEOPLE, draws=1000, seed=3, workers=n) for n in (1, 2, 3))
    assert one == two == three
    assert np.array_equal(one.draws, three.draws)
    assert not np.array_equal(one.draws, threshold(PEOPLE, draws=1000, seed=4).draws)


def test_what_it_found_survives_json():
    found = threshold(PEOPLE, draws=1000)
    assert found == found.from_json(found.to_json())
    assert found.draws.size == 1000


def test_a_toss_up_is_said():
    ratio = pairs_of(threshold(PEOPLE))["ac"]["ratio"]
    said = [w for w in threshold(PEOPLE, ratio=ratio + 0.05).warnings if "toss-up" in w]
    assert len(said) == 1
    assert "a and c" in said[0]


def test_draws_of_who_is_who_are_mixed():
    rng = np.random.default_rng(1)
    moved = PEOPLE.known + rng.integers(-4, 5, (5, 8))
    drawn = CaptureHistories("abc", PEOPLE.counts, draws=moved.astype(int))
    found = threshold(drawn, draws=5000)
    assert found.draws.size == 5000
    assert 0 < found.details["linkage"]["share"] < 1


def test_progress_tells_of_both_fits():
    told = []
    threshold(PEOPLE, draws=1000, progress=lambda done, of: told.append((done, of)))
    assert told == [(i, 8) for i in range(1, 9)]


# Diagnostics


def test_effective_size_of_an_autoregressive_chain():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((4, 20_000))
    chain = np.empty_like(noise)
    chain[:, 0] = noise[:, 0]
    for t in range(1, chain.shape[1]):
        chain[:, t] = 0.8 * chain[:, t - 1] + 0.6 * noise[:, t]
    assert kernel.effective_size(chain) == pytest.approx(80_000 * 0.2 / 1.8, rel=0.1)
    assert kernel.effective_size(noise) == pytest.approx(80_000, rel=0.05)
    assert kernel.r_hat(noise[:, :, None])[0] < 1.001


def test_chains_that_disagree_or_stand_still_are_seen():
    noise = np.random.default_rng(1).standard_normal((4, 1000))
    apart = noise + np.array([0, 0, 0, 1])[:, None]
    assert kernel.r_hat(apart[:, :, None])[0] > 1.05
    assert kernel.effective_size(apart) < 100
    still = np.ones((4, 1000))
    assert kernel.r_hat(still[:, :, None])[0] == math.inf
    assert kernel.effective_size(still) == 0


def test_draws_that_have_not_converged_are_no_answer(monkeypatch):
    monkeypatch.setattr(room, "ENOUGH", 1e9)
    with pytest.raises(NoEstimateError, match="have not converged"):
        threshold(PEOPLE)


# Refusals


def test_lists_that_share_nobody_cannot_answer():
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        threshold(CaptureHistories("abc", [0, 60, 40, 0, 30, 0, 0, 0]))


def test_the_improper_prior_needs_an_estimate_of_all_pairs():
    with pytest.raises(NoEstimateError, match="must have an estimate"):
        threshold(tables.load("korea-palembang"), prior="improper")


def test_a_total_that_only_the_prior_knows_is_no_total():
    with pytest.raises(NoEstimateError, match="but what the prior says"):
        threshold(CaptureHistories("ab", [0, 60, 40, 20]), ratio=0.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prior": "flat"}, "proper or improper"),
        ({"ratio": -1.0}, "between 0 and 10"),
        ({"draws": 10}, "1,000 to 1,000,000"),
        ({"level": 1.0}, "level"),
    ],
)
def test_settings_out_of_range_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        threshold(PEOPLE, **options)


def test_too_many_lists_are_refused():
    histories = CaptureHistories([f"l{j}" for j in range(13)], np.ones(1 << 13, int))
    with pytest.raises(InputError, match="12 at most"):
        threshold(histories)
