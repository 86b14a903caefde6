"""The average over all models: the weights, the mixture, and the proof of what was left out."""

import importlib
import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import gammaln, ndtr
from scipy.stats import multivariate_t

from darkfigure import tables
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size import space
from darkfigure.size.averaged import PRIOR_SD, PROVEN, Posterior, averaged, posterior
from darkfigure.size.loglinear import Status, fit
from darkfigure.size.space import Space, every_model

room = importlib.import_module("darkfigure.size.averaged")  # the function has its name

PEOPLE = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 6])
APART = CaptureHistories("abc", [0, 60, 45, 0, 50, 16, 13, 0])  # a and b share nobody


def softmax(x):
    x = np.exp(x - np.max(x))
    return x / x.sum()


def pairs_of(estimate):
    return {tuple(pair["lists"]): pair["probability"] for pair in estimate.details["dependent"]}


# The weights


@pytest.mark.parametrize("name", ["artificial-3", "korea-palembang", "kosovo-1999"])
def test_bic_weights_are_those_of_every_model_fitted_one_by_one(name):
    histories = tables.load(name)
    found = posterior(histories)
    alone = [fit(histories, found.model(i)) for i in range(len(found.terms))]
    assert len({one.model for one in alone}) == found.space.size()
    expected = softmax([-one.bic / 2 for one in alone])
    assert found.probability == pytest.approx(expected, abs=1e-7)
    assert found.estimable.tolist() == [one.status is Status.ESTIMABLE for one in alone]
    for i, one in enumerate(alone):
        if found.estimable[i]:
            assert math.exp(found.log_unseen[i]) == pytest.approx(one.expected[0], rel=1e-5)
            assert found.log_unseen_se[i] == pytest.approx(one.unseen_log_se, rel=1e-4)


@pytest.mark.parametrize("name", ["uk-2013-5lists", "western-us"])
def test_bic_weights_of_five_lists_are_those_of_every_model(name):
    histories = tables.load(name)
    found, every = posterior(histories), every_model(histories)
    assert len(found.terms) == 6893
    assert found.probability.sum() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(found.estimable, np.isfinite(every.bic))
    share = found.probability[found.estimable]
    expected = softmax(-every.bic[found.estimable] / 2) * share.sum()
    assert share == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_what_is_shown_adds_up_to_the_whole():
    found = averaged(tables.load("artificial-3"))
    shown = sum(model["probability"] for model in found.details["best_models"])
    assert shown + found.details["mass_without_estimate"] == pytest.approx(1)
    assert [m["model"] for m in found.details["best_models"]][:2] == ["[1,2,3]", "[13,23]"]


def test_a_pair_depends_with_the_probability_of_the_models_that_have_it():
    found = posterior(PEOPLE)
    with_ab = [i for i in range(8) if 0b011 in found.model(i).terms]
    assert len(with_ab) == 4
    assert pairs_of(averaged(PEOPLE))["a", "b"] == pytest.approx(found.probability[with_ab].sum())


@pytest.mark.parametrize("weights", ["bic", "laplace"])
def test_the_order_of_the_lists_does_not_matter(weights):
    expected = pairs_of(averaged(PEOPLE, weights=weights))
    masks = np.arange(1, 8)
    patterns = masks[:, None] >> np.arange(3) & 1
    for order in permutations(range(3)):
        mixed = CaptureHistories.from_patterns(
            ["abc"[j] for j in order], patterns[:, order], PEOPLE.counts[1:]
        )
        for pair, probability in pairs_of(averaged(mixed, weights=weights)).items():
            assert probability == pytest.approx(expected[tuple(sorted(pair))], rel=1e-6)


# Laplace, against a log posterior written out with a design matrix


def log_posterior(histories, model):
    cells = np.arange(1, histories.counts.size)
    masks = model.masks()
    design = ((cells[:, None] & masks) == masks).astype(float)
    counts = histories.known[1:]
    interaction = np.arange(masks.size) > model.n_lists

    def value(beta):  # beta: (..., p); the normal prior with its constant
        eta = beta @ design.T
        prior = -0.5 * (beta / PRIOR_SD) ** 2 - math.log(PRIOR_SD * math.sqrt(2 * math.pi))
        return (counts * eta - np.exp(eta) - gammaln(counts + 1)).sum(-1) + prior[
            ..., interaction
        ].sum(-1)

    start = np.zeros(masks.size)
    start[0] = math.log(counts.mean())
    mode = minimize(lambda b: -value(b), start, method="BFGS", options={"gtol": 1e-6}).x
    hessian = design.T @ (np.exp(design @ mode)[:, None] * design)
    hessian += np.diag(interaction / PRIOR_SD**2)
    return value, mode, hessian


@pytest.mark.parametrize("histories", [PEOPLE, APART], ids=["dense", "sharing-nobody"])
def test_laplace_stands_at_the_mode_with_its_curvature(histories):
    found = posterior(histories, "laplace")
    assert found.estimable.sum() >= 6
    log_marginal = []
    for i in range(8):
        value, mode, hessian = log_posterior(histories, found.model(i))
        if found.estimable[i]:
            assert found.log_unseen[i] == pytest.approx(mode[0], abs=1e-4)
            se = math.sqrt(np.linalg.inv(hessian)[0, 0])
            assert found.log_unseen_se[i] == pytest.approx(se, rel=1e-4)
        log_det = np.linalg.slogdet(hessian)[1]
        log_marginal.append(value(mode) + mode.size / 2 * math.log(2 * math.pi) - log_det / 2)
    assert found.probability == pytest.approx(softmax(log_marginal), abs=1e-6)


def test_laplace_is_close_to_the_integral():
    """Marginal likelihoods by importance sampling, to two thousandths of their logarithm."""
    found = posterior(PEOPLE, "laplace")
    integrals = []
    for i in range(8):
        value, mode, hessian = log_posterior(PEOPLE, found.model(i))
        proposal = multivariate_t(mode, np.linalg.inv(hessian), df=8, seed=1)
        beta = proposal.rvs(100_000)
        ratio = value(beta) - proposal.logpdf(beta)
        weights = np.exp(ratio - ratio.max())
        assert weights.std() / weights.mean() / math.sqrt(weights.size) < 0.002
        integrals.append(math.log(weights.mean()) + ratio.max())
    difference = np.log(found.probability) - np.array(integrals)
    assert np.ptp(difference) < 0.03


def test_a_total_that_only_the_prior_knows_is_no_total():
    by_bic, by_prior = averaged(APART), averaged(APART, weights="laplace")
    assert by_prior.details["models_admissible"] == by_bic.details["models_admissible"] == 6
    assert by_prior.details["mass_without_estimate"] > 0.01
    assert by_prior.settings["prior_sd"] == PRIOR_SD
    assert "prior_sd" not in by_bic.settings
    assert pairs_of(by_prior)["a", "b"] > 0.9


def test_a_list_without_people_says_nothing_about_its_interactions():
    with_empty = CaptureHistories("abcd", [*PEOPLE.counts, *[0] * 8])
    found = posterior(with_empty, "laplace")
    probabilities = {}  # of the models that have the same terms but for those with d
    for i in range(len(found.terms)):
        terms = frozenset(term for term in found.model(i).terms if term < 0b1000)
        probabilities.setdefault(terms, []).append(found.probability[i])
    assert len(probabilities) == 9
    assert all(max(same) == pytest.approx(min(same), rel=1e-9) for same in probabilities.values())


# The mixture


@pytest.mark.parametrize("weights", ["bic", "laplace"])
def test_draws_follow_the_mixture_of_the_models(weights):
    histories = tables.load("uk-2013-5lists")
    found, estimate = posterior(histories, weights), averaged(histories, weights=weights)
    ok = found.estimable
    share = found.probability[ok] / found.probability[ok].sum()
    for x in np.quantile(estimate.draws, [0.025, 0.1, 0.3, 0.5, 0.7, 0.9, 0.975]):
        below = ndtr(
            (math.log(x - estimate.observed) - found.log_unseen[ok]) / found.log_unseen_se[ok]
        )
        assert (estimate.draws <= x).mean() == pytest.approx(share @ below, abs=0.02)
    assert (estimate.draws <= estimate.total).mean() == pytest.approx(0.5, abs=0.002)
    assert estimate.lower < estimate.total < estimate.upper


def test_one_model_alone_gives_its_lognormal():
    histories = tables.load("kosovo-1999")
    alone = posterior(histories, max_order=1)
    estimate = averaged(histories, max_order=1, draws=200_000)
    assert estimate.details["models"] == estimate.details["models_weighed"] == 1
    assert set(pairs_of(estimate).values()) == {0.0}
    middle, se = float(alone.log_unseen[0]), float(alone.log_unseen_se[0])
    unseen = math.exp(middle)
    variance = unseen**2 * (math.exp(se**2) - 1) * math.exp(se**2) + unseen * math.exp(se**2 / 2)
    assert estimate.unseen == pytest.approx(unseen, rel=0.005)
    assert estimate.draws.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("weights", ["bic", "laplace"])
def test_the_same_seed_gives_the_same_draws_on_any_number_of_cores(weights):
    histories = tables.load("uk-2013-5lists")
    one, two, three = (
        averaged(histories, weights=weights, draws=1000, seed=3, workers=n) for n in (1, 2, 3)
    )
    assert one == two == three
    assert not np.array_equal(
        one.draws, averaged(histories, weights=weights, draws=1000, seed=4).draws
    )


def test_means_too_large_for_a_poisson_count_are_kept():
    space = Space(2)
    huge = Posterior(
        space=space,
        terms=np.zeros((1, 0), np.uint8),
        probability=np.ones(1),
        weight=np.ones(1),
        estimable=np.ones(1, bool),
        log_unseen=np.full(1, 60.0),
        log_unseen_se=np.full(1, 300.0),
        proven=1.0,
    )
    drawn = huge.draw(5000, 1)
    assert not np.isnan(drawn).any()
    assert (drawn > 1e15).any()
    assert np.isinf(drawn).any()


@pytest.mark.parametrize("weights", ["bic", "laplace"])
def test_a_far_better_model_without_an_estimate_leaves_the_others_theirs(weights):
    histories = CaptureHistories("abc", [0, *(10**8 * x for x in (30, 20, 5, 1, 1, 2, 0))])
    found = averaged(histories, weights=weights)
    assert found.details["mass_without_estimate"] > 0.999
    assert any("no estimate have 100 %" in warning for warning in found.warnings)
    assert found.observed < found.lower < found.total < found.upper < math.inf


@pytest.mark.parametrize("weights", ["bic", "laplace"])
def test_a_known_total_is_covered(weights):
    rng = np.random.default_rng(11)
    covered, totals = 0, []
    on = np.arange(8)[:, None] >> np.arange(3) & 1
    chance = np.where(on, [0.35, 0.3, 0.25], [0.65, 0.7, 0.75]).prod(axis=1)
    for _ in range(40):
        found = averaged(
            CaptureHistories("abc", rng.multinomial(1500, chance)), weights=weights, draws=2000
        )
        covered += found.lower <= 1500 <= found.upper
        totals.append(found.total)
    assert covered >= 35
    assert np.median(totals) == pytest.approx(1500, rel=0.05)


# What was left out


@pytest.mark.parametrize("name", ["artificial-3", "kosovo-1999", "uk-2013-5lists", "western-us"])
def test_a_searched_space_agrees_with_the_whole_one_within_what_is_not_proven(name, monkeypatch):
    histories = tables.load(name)
    whole, all_models = posterior(histories), averaged(histories)
    probability = {whole.model(i): whole.probability[i] for i in range(len(whole.terms))}
    monkeypatch.setattr(space, "LISTED", 0)
    monkeypatch.setattr(room, "WITHIN", range(0, 30, 2))
    part, searched = posterior(histories), averaged(histories)
    true_mass = sum(probability[part.model(i)] for i in range(len(part.terms)))
    assert 0 < part.proven <= true_mass + 1e-9
    if name != "artificial-3":  # where all eight are needed, and found
        assert len(part.terms) < len(whole.terms)
    for i in range(len(part.terms)):
        assert part.probability[i] * true_mass == pytest.approx(
            probability[part.model(i)], rel=1e-6
        )
    expected, loose = pairs_of(all_models), 1 - true_mass + 1e-9
    for pair, value in pairs_of(searched).items():
        assert value == pytest.approx(expected[pair], abs=loose)
    assert searched.details["mass_without_estimate"] == pytest.approx(
        all_models.details["mass_without_estimate"], abs=loose
    )
    assert searched.total == pytest.approx(all_models.total, rel=0.05)


def test_a_searched_space_is_proven_to_ninety_nine_per_cent(monkeypatch):
    monkeypatch.setattr(space, "LISTED", 0)
    found = averaged(tables.load("kosovo-1999"))
    assert PROVEN <= found.details["mass_proven"] < 1
    assert found.details["models"] == 113
    assert 1 < found.details["models_weighed"] < 60
    assert found.details["models_admissible"] is None
    assert not any("proven" in warning for warning in found.warnings)


def test_too_many_models_are_told_with_what_is_proven(monkeypatch):
    monkeypatch.setattr(space, "LISTED", 0)
    monkeypatch.setattr(room, "MOST", 10)
    found = averaged(tables.load("uk-2013-5lists"), draws=1000)
    assert found.details["models_weighed"] == 14
    assert found.details["mass_proven"] < PROVEN
    assert any("probability is proven to lie on the 14 models" in w for w in found.warnings)
    by_prior = averaged(tables.load("uk-2013-5lists"), weights="laplace", draws=1000)
    assert by_prior.details["mass_proven"] is None  # the proof is of the weights by BIC
    assert any("found by their BIC" in warning for warning in by_prior.warnings)


def test_weight_on_models_without_an_estimate_is_told():
    found = averaged(tables.load("artificial-3"))
    assert found.details["models_admissible"] == 4
    assert found.details["mass_without_estimate"] == pytest.approx(0.763, abs=0.001)
    assert any("no estimate have 76 % of the probability" in w for w in found.warnings)


# What cannot be answered or asked


@pytest.mark.parametrize("weights", ["bic", "laplace"])
@pytest.mark.parametrize("listed", [50_000, 0])
def test_lists_that_share_nobody_cannot_answer(weights, listed, monkeypatch):
    monkeypatch.setattr(space, "LISTED", listed)
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        averaged(CaptureHistories("abc", [0, 10, 20, 0, 30, 0, 0, 0]), weights=weights)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"draws": 999}, "draws is 1,000 to 1,000,000, not 999"),
        ({"level": 1.0}, "lies between 0 and 1, not 1"),
        ({"weights": "aic"}, "bic or laplace, not 'aic'"),
        ({"max_order": 3}, "the highest order of an interaction"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        averaged(PEOPLE, **options)


def test_lists_without_people_are_refused():
    with pytest.raises(InputError, match="Nobody is on any"):
        averaged(CaptureHistories("ab", [0, 0, 0, 0]))


# Any table at all


@st.composite
def sparse(draw):
    k = draw(st.integers(2, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 80))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(sum(counts) > 1)
    return CaptureHistories("abcd"[:k], [0, *counts])


@settings(max_examples=250, deadline=None)
@given(sparse(), st.sampled_from(["bic", "laplace"]))
@example(CaptureHistories("abc", [0, 6, 0, 1, 1, 0, 1, 0]), "laplace")
@example(CaptureHistories("ab", [0, 60000, 40, 1]), "laplace")
def test_probabilities_are_probabilities_and_add_up(histories, weights):
    try:
        found = averaged(histories, weights=weights, draws=1000, workers=1)
    except NoEstimateError:
        return
    details = found.details
    shares = [model["probability"] for model in details["best_models"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) + details["mass_without_estimate"] <= 1 + 1e-9
    assert all(0 <= value <= 1 for value in pairs_of(found).values())
    assert details["mass_proven"] == 1
    every = every_model(histories, workers=1)
    assert details["models_admissible"] == every.admissible
    assert found.observed <= found.lower <= found.total <= found.upper
    assert Estimate.from_json(found.to_json()) == found
