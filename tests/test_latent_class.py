"""Latent classes: the posterior, the chains that walk through it, and what they refuse."""

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp

from darkfigure import tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import _latent_class as kernel
from darkfigure.size.latent_class import latent_class

room = importlib.import_module("darkfigure.size.latent_class")  # the function has its name

PEERS = Path(__file__).parent / "peers"
PEOPLE = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 6])


# The posterior, against the slow obvious way


def at(theta, histories, classes, a=0.25, b=0.25, heat=1.0):
    """Log prior, log likelihood and gradient by the kernels, and the chances of what was seen."""
    lists, masks = len(histories.lists), np.flatnonzero(histories.known)
    table = histories.known[masks], masks, float(histories.observed)
    rooms = kernel._room(masks.size, lists, classes)
    found = kernel._unfold(theta, table, lists, classes, (a, b), rooms)
    like, prior = kernel._heights(theta, table, lists, classes, (a, b), rooms, *found)
    slope, total = np.empty(theta.size), rooms[-1].copy()
    kernel._slope(theta, table, heat, *found, lists, classes, a, rooms, slope)
    return prior, like, slope, total


def chances(theta, lists, classes):
    """The chance of every combination, person by person as the model tells it."""
    v = np.append(1 - np.exp(-np.exp(theta[: classes - 1])), 1.0)
    weight = v * np.cumprod(np.append(1.0, 1 - v[:-1]))
    on = 1 / (1 + np.exp(-theta[classes - 1 :].reshape(lists, classes)))
    x = np.arange(1 << lists)[:, None] >> np.arange(lists) & 1
    within = np.where(x[:, :, None] == 1, on, 1 - on).prod(axis=1)
    return within @ weight


def test_cells_and_likelihood_are_those_of_the_model_summed_over_the_unseen():
    counts, rng = PEOPLE.known, np.random.default_rng(1)
    n, unseen = counts.sum(), np.arange(200_000)
    difference = []
    for _ in range(4):
        theta = rng.normal(0.3, 0.7, size=2 + 9)
        _, like, _, total = at(theta, PEOPLE, 3)
        p = chances(theta, 3, 3)
        assert total == pytest.approx(p[1:], rel=1e-12)
        each = gammaln(n + unseen + 1) - gammaln(unseen + 1) - np.log(n + unseen)
        whole = logsumexp(each + unseen * math.log(p[0])) + counts[1:] @ np.log(p[1:])
        difference.append(whole - like)
    assert np.ptp(difference) < 1e-8


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 10**6), st.floats(0.02, 1))
def test_the_gradient_is_that_of_the_density(lists, classes, seed, heat):
    rng = np.random.default_rng(seed)
    histories = CaptureHistories("abcde"[:lists], [0, *rng.poisson(3, (1 << lists) - 1)])
    n = histories.observed
    theta = rng.normal(0, 1.2, size=classes - 1 + lists * classes)
    slope = at(theta, histories, classes, heat=heat)[2]
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = 1e-5
        up, down = (at(theta + s, histories, classes)[:2] for s in (step, -step))
        numeric = (up[0] + heat * up[1] - down[0] - heat * down[1]) / 2e-5
        assert slope[i] == pytest.approx(numeric, rel=1e-4, abs=1e-5 * (1 + n))


def test_without_people_the_chains_draw_from_the_prior():
    """Every move in turn must leave it as it is: Hamiltonian, order of classes, class anew."""
    lists, classes, a, b = 3, 4, 1.0, 1.0
    prior, nobody = room.Prior(classes, a, b), CaptureHistories("abc", [0] * 8)
    chain = room.Chain.start(prior, lists, 1, 0)
    ladder = room.Ladder(np.geomspace(1, 0.05, room.RUNGS), np.full(room.RUNGS, 0.5))
    ladder = room.Ladder(ladder.heats, chain.advance(nobody, prior, ladder, 200, True).steps)
    odds = chain.advance(nobody, prior, ladder, 5_000, False).odds
    rng = np.random.default_rng(1)
    alpha = rng.gamma(a, 1 / b, (100_000, 1))
    v = np.hstack(
        [-np.expm1(-rng.standard_exponential((100_000, 3)) / alpha), np.ones((100_000, 1))]
    )
    weight = v * np.cumprod(np.hstack([np.ones((100_000, 1)), 1 - v[:, :-1]]), axis=1)
    hidden = (weight * rng.random((100_000, lists, classes)).prod(axis=1)).sum(axis=1)
    for q in (0.025, 0.2, 0.5, 0.8, 0.975):
        below = (odds <= np.quantile(hidden / (1 - hidden), q)).mean()
        assert below == pytest.approx(q, abs=0.02)


# The peer, where its chains agreed


@pytest.mark.parametrize("name", ["artificial-3", "korea-palembang", "kosovo-1999"])
def test_quantiles_are_those_of_the_peer_within_its_chains_error(name):
    peer = json.loads((PEERS / f"lcmcr__{name}.json").read_text(encoding="utf-8"))
    found = latent_class(tables.load(name), draws=8_000)
    independent = 1 / (1 / peer["ess_total"] + 1 / found.details["ess_tail"])
    for q, value in ((0.025, "q025"), (0.5, "median"), (0.975, "q975")):
        # whole numbers, of which many draws may be the same
        below = (found.draws < peer["pooled"][value]).mean()
        upto = (found.draws <= peer["pooled"][value]).mean()
        reach = 4 * math.sqrt(q * (1 - q) / independent)
        assert below - reach <= q <= upto + reach


# The chains


@pytest.mark.parametrize("name", ["uk-2013", "netherlands-2010-2015"])
def test_chains_agree_where_the_peer_has_two_answers(name):
    found = latent_class(tables.load(name))
    assert found.details["rhat"] <= 1.01
    assert min(found.details["ess_bulk"], found.details["ess_tail"]) >= 400


def test_the_same_seed_gives_the_same_draws_on_any_number_of_cores():
    one, two, three = (latent_class(PEOPLE, draws=1000, seed=3, workers=n) for n in (1, 2, 3))
    assert one == two == three
    assert not np.array_equal(one.draws, latent_class(PEOPLE, draws=1000, seed=4).draws)


def test_the_order_of_the_lists_does_not_matter():
    patterns = np.arange(1, 8)[:, None] >> np.arange(3) & 1
    turned = CaptureHistories.from_patterns("cab", patterns[:, [2, 0, 1]], PEOPLE.counts[1:])
    one, other = (latent_class(h, draws=8_000) for h in (PEOPLE, turned))
    for q in (0.1, 0.5, 0.9):
        independent = min(e.details["ess_tail"] for e in (one, other))
        below = (other.draws <= np.quantile(one.draws, q)).mean()
        assert below == pytest.approx(q, abs=4 * math.sqrt(2 * q * (1 - q) / independent) + 0.005)


def test_one_class_is_independence():
    """Then the posterior is known: conditional on the total the lists are independent betas."""
    found = latent_class(PEOPLE, classes=1, draws=20_000)
    n, total = PEOPLE.observed, np.arange(PEOPLE.observed, 20_000)
    log_p = gammaln(total + 1) - gammaln(total - n + 1) - np.log(total)
    for name in "abc":
        size = PEOPLE.size_of(name)
        log_p += gammaln(size + 1) + gammaln(total - size + 1) - gammaln(total + 2)
    cumulated = np.cumsum(np.exp(log_p - logsumexp(log_p)))
    for q in (0.025, 0.5, 0.975):
        exact = total[np.searchsorted(cumulated, q)]
        assert (found.draws <= exact).mean() == pytest.approx(q, abs=0.03)
    assert found.details["classes_used"] == 1


def test_two_kinds_of_people_are_found():
    rng = np.random.default_rng(5)
    x = np.arange(32)[:, None] >> np.arange(5) & 1
    easy, hard = ((np.where(x, p, 1 - p)).prod(axis=1) for p in (0.6, 0.15))
    counts = rng.multinomial(1000, easy) + rng.multinomial(3000, hard)
    found = latent_class(CaptureHistories("abcde", counts))
    alone = latent_class(CaptureHistories("abcde", counts), classes=1)
    assert found.lower < 4000 < found.upper
    assert alone.upper < 4000
    assert found.details["classes_used"] > 1.5


# What cannot be answered or asked


@pytest.mark.parametrize(("bar", "value"), [("RHAT", 0.99), ("LEAST_ESS", 1e6)])
def test_chains_that_do_not_agree_are_no_estimate(bar, value, monkeypatch):
    monkeypatch.setattr(room, bar, value)
    monkeypatch.setattr(room, "DOUBLED", 1)
    with pytest.raises(NoEstimateError, match=r"did not come to agree within .* R-hat is \d"):
        latent_class(PEOPLE, draws=1000)


def test_one_chain_elsewhere_is_no_estimate(monkeypatch):
    """As the peer's chains on this table, each in a mode of its own: too short to have met."""
    monkeypatch.setattr(room, "TUNING", (5,))
    monkeypatch.setattr(room, "DOUBLED", 0)
    with pytest.raises(NoEstimateError, match="did not come to agree"):
        latent_class(tables.load("netherlands-2010-2015"), draws=1000)


def test_chains_go_on_until_they_are_worth_enough():
    found = room.posterior(PEOPLE, first=24)
    assert found.doubled > 0
    assert found.odds.shape == (4, 24 << found.doubled)
    assert found.moves == 150 + 24 * (2 ** (found.doubled + 1) - 1)


def test_lists_that_share_nobody_cannot_answer():
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        latent_class(CaptureHistories("abc", [0, 10, 20, 0, 30, 0, 0, 0]))


def test_two_lists_cannot_tell_classes_apart():
    with pytest.raises(NoEstimateError, match="Two lists cannot tell classes"):
        latent_class(CaptureHistories("ab", [0, 50, 40, 20]))


def test_a_posterior_without_an_end_is_no_estimate():
    with pytest.raises(NoEstimateError, match="set the total no end"):
        latent_class(CaptureHistories("abc", [0, 9000, 9000, 1, 9000, 0, 0, 0]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"draws": 999}, "draws is 1,000 to 1,000,000, not 999"),
        ({"level": 1.0}, "lies between 0 and 1, not 1"),
        ({"classes": 0}, "classes is 1 to 50, not 0"),
        ({"a": 0.0}, "must be more than zero, not 0.0 and 0.25"),
        ({"b": math.inf}, "must be more than zero"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        latent_class(PEOPLE, **options)


def test_lists_without_people_are_refused():
    with pytest.raises(InputError, match="Nobody is on any"):
        latent_class(CaptureHistories("abc", [0] * 8))


@settings(max_examples=6, deadline=None)
@given(st.lists(st.one_of(st.just(0), st.integers(0, 60)), min_size=7, max_size=7))
def test_any_table_has_an_estimate_or_a_sentence(counts):
    try:
        found = latent_class(CaptureHistories("abc", [0, *counts]), draws=1000, workers=1)
    except (NoEstimateError, InputError):
        return
    assert found.observed <= found.lower <= found.total <= found.upper < math.inf
    assert found.details["rhat"] <= 1.01
    assert Estimate.from_json(found.to_json()) == found
