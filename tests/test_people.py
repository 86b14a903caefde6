"""How many people one list's counts stand for: families, totals, replicates, refusals."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import single_list_peer
from darkfigure import InputError, NoEstimateError
from darkfigure.demand import FAMILIES, Counts, compare_families, goodness, people, read_counts
from darkfigure.demand.families import OMEGA_LINKS, chances, family
from darkfigure.demand.maximum import Rows, log_likelihood, maximum
from darkfigure.demand.replicates import replicates, times_met
from darkfigure.demand.total import fit, robust, total_of

TAXIS = Counts([1, 2, 3, 4, 5, 6], [142, 81, 49, 7, 3, 1])
IMMIGRANTS = read_counts("netherlands-immigrants-1995")
WHOLE = [name for name, of in FAMILIES.items() if of.whole]
LIKELY = [name for name in FAMILIES if name != "robust"]


def rows(of_rate: float, second: float, of: str, counts: list[int]) -> list[np.ndarray]:
    predictors = [np.full(len(counts), of_rate)]
    return [*predictors, np.full(len(counts), second)] if FAMILIES[of].extra else predictors


@pytest.mark.parametrize("name", LIKELY)
@settings(max_examples=12, deadline=None)
@given(u=st.floats(-4, 1.5), v=st.floats(-3, 2))
def test_chances_of_what_a_family_looks_at_add_up_to_one(name: str, u: float, v: float) -> None:
    of = FAMILIES[name]
    first, last = of.counts
    counts = list(range(first, (last or 20_000) + 1))
    found = chances(of, np.array(counts), rows(u, v, name, counts))
    # A negative binomial with a heavy tail goes on past any count.
    assert np.exp(found.log_chance.value).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("link", OMEGA_LINKS)
def test_derivatives_are_those_of_finite_differences(name: str, link: str) -> None:
    of, counts = FAMILIES[name], np.array([1, 2, 3, 7])
    x = np.array([[1.0, 0.2], [1, -1], [1, 0.5], [1, 2]])
    z = x[:, :1] if of.extra else x[:, :0]
    data = Rows(counts, np.array([40, 9, 5, 1]), x, z)
    at = np.array([-0.3, 0.4, -0.6])[: 2 + z.shape[1]]
    _, gradient, hessian = log_likelihood(of, data, at, link)
    for i, e in enumerate(np.eye(at.size) * 1e-5):
        up, down = (log_likelihood(of, data, at + sign * e, link) for sign in (1, -1))
        assert gradient[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-5, abs=1e-6)
        np.testing.assert_allclose(hessian[i], (up[1] - down[1]) / 2e-5, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", WHOLE)
def test_the_simulator_and_the_likelihood_are_of_the_same_family(name: str) -> None:
    of, rng, n = FAMILIES[name], np.random.default_rng(3), 200_000
    rate, second = np.full(n, 0.8), np.full(n, -0.4)
    times = times_met(of, rate, second, "logit", rng)
    values = np.arange(1, 6)
    found = chances(of, values, rows(math.log(0.8), -0.4, name, [0] * 5))
    seen = times[times > 0]
    for y, log_chance in zip(values, found.log_chance.value, strict=True):
        assert (seen == y).mean() == pytest.approx(math.exp(log_chance), abs=0.006)
    missed = (times == 0).sum() / seen.size
    assert missed == pytest.approx(found.missed.value[0], rel=0.02)


def test_what_is_said_of_taxicabs_of_which_there_are_420() -> None:
    found = people(TAXIS)
    assert found.details["family"] == "ztpoisson"
    assert found.lower < 420 < found.upper


@pytest.mark.parametrize(("table", "truth"), [("golf-tees", 250), ("accident-policies", 9461)])
def test_where_rates_differ_bounds_are_below_the_truth_and_one_inflation_misleads(
    table: str, truth: int
) -> None:
    counts = read_counts(table)
    for name in ("chao", "oichao", "robust"):
        assert people(counts, name).lower < truth
    best = compare_families(counts)[0]
    assert best["family"].startswith("oizt")
    assert best["total"] + 3 * best["se"] < truth


@pytest.mark.parametrize(
    ("table", "model", "formula", "published"),
    [
        ("netherlands-immigrants-1995", "ztpoisson", "gender + age + nation", (12690, 7186, 18194)),
        ("british-farm-submissions", "ztpoisson", "log_size + log_distance + c_type",
         (18346, 17932, 18760)),
        ("british-farm-submissions", "chao", "log_size + log_distance + c_type",
         (21657, 20883, 22430)),
    ],
)  # fmt: skip
def test_published_totals(table: str, model: str, formula: str, published: tuple[int]) -> None:
    found = people(read_counts(table), model, f"y ~ {formula}")
    limits = found.details["normal"]
    assert (round(found.total), round(limits["lower"]), round(limits["upper"])) == published


def test_what_the_peer_marks_as_unusable_is_refused_or_has_a_true_maximum() -> None:
    answered = set()
    for name, theirs in single_list_peer.answers().items():
        if not (theirs.get("degenerate") or "error" in theirs):
            continue
        ours = single_list_peer.pair(name).ours
        if ours.why_not:
            continue
        answered.add(name)
        if "Hurdlezt" in name:  # the same model of the counts, where the peer arrives
            other = single_list_peer.answers()[name.replace("Hurdlezt", "ztoi")]
            assert ours.loglik == pytest.approx(other["loglik"], abs=1e-4)
            assert ours.total == pytest.approx(other["N_hat"], rel=1e-4)
    assert answered == {
        "vancouver_street_contacts_rossmo_routledge|null|Hurdleztpoisson",
        "dutch_domestic_violence_2009|null|Hurdleztpoisson",
        "farmsubmission|full|ztnegbin",
    }


def test_a_fit_that_diverged_is_refused_with_what_the_counts_support() -> None:
    with pytest.raises(NoEstimateError, match=r"diverged.*'oiztgeom' \(8,191 people\).*1749\.3"):
        people(IMMIGRANTS, "ztnegbin")
    row = next(r for r in compare_families(IMMIGRANTS) if r["family"] == "ztnegbin")
    assert not row["usable"]
    assert row["total"] is None
    assert "diverged" in row["why_not"]


def test_a_group_of_whom_nobody_was_met_again_is_refused_and_not_counted_in_billions() -> None:
    with pytest.raises(NoEstimateError, match="1,000 people for each one met"):
        people(IMMIGRANTS, "zotpoisson", "y ~ gender + age + nation")


def test_farms_have_a_negative_binomial_where_the_peer_ran_out_of_time() -> None:
    counts = read_counts("british-farm-submissions")
    found = fit(family("ztnegbin"), counts, "y ~ log_size + log_distance + c_type")
    assert not found.why_not
    assert found.maximum is not None
    _, gradient, hessian = log_likelihood(found.of, found.rows, found.maximum.coefficients)
    assert np.abs(np.linalg.solve(hessian, gradient)).max() < 1e-4
    assert np.linalg.eigvalsh(hessian).max() < 0
    poisson = fit(family("ztgeom"), counts, "y ~ log_size + log_distance + c_type")
    assert found.loglik > poisson.loglik


def test_no_spread_at_all_makes_the_negative_binomial_a_poisson() -> None:
    spread, plain = people(TAXIS, "ztnegbin"), people(TAXIS, "ztpoisson")
    assert spread.total == pytest.approx(plain.total, rel=1e-4)
    assert spread.details["se"] == pytest.approx(plain.details["se"], rel=1e-4)
    assert spread.details["loglik"] == pytest.approx(plain.details["loglik"], abs=1e-4)
    assert any("this is the Poisson family" in w for w in spread.warnings)
    assert spread.details["coefficients"]["(Intercept):alpha"]["se"] is None


def test_the_error_of_a_rate_is_that_of_those_met_twice_and_more() -> None:
    hares = read_counts("snowshoe-hares")
    alone, within = fit(family("zotgeom"), hares), fit(family("Hurdleztgeom"), hares)
    assert within.maximum.covariance[0, 0] == pytest.approx(alone.maximum.covariance[0, 0])


def test_both_orders_of_one_inflation_fit_alike_and_say_so() -> None:
    last, first = people(IMMIGRANTS, "oiztgeom"), people(IMMIGRANTS, "ztoigeom")
    assert last.details["loglik"] == pytest.approx(first.details["loglik"], abs=1e-6)
    assert last.total > 1.5 * first.total
    assert last.details["mechanism"] != first.details["mechanism"]
    for found, other in ((last, first), (first, last)):
        assert found.warnings[0] == found.details["mechanism"]
        assert found.details["other_order"]["total"] == pytest.approx(other.total)
        assert f"{other.total:,.0f} people, not {found.total:,.0f}" in found.warnings[1]


def test_auto_never_chooses_one_inflation_but_says_that_it_fits_better() -> None:
    found = people(IMMIGRANTS)
    assert found.details["family"] == "ztgeom"
    assert any("families with one-inflation have an AIC of 1749.3" in w for w in found.warnings)
    assert found.details["chao"]["total"] == pytest.approx(9273.51, abs=0.01)


def test_a_total_below_chaos_bound_is_called_too_low() -> None:
    found = people(IMMIGRANTS, "ztpoisson")
    assert any("Chao's lower bound, 9,274, is above" in w for w in found.warnings)
    assert not any("Chao's lower bound" in w for w in people(TAXIS, "ztpoisson").warnings)


def test_bounds_say_that_they_are_bounds() -> None:
    for name in ("chao", "oichao"):
        found = people(TAXIS, name)
        assert found.details["lower_bound"] is True
        assert str(found).startswith("At least")
        assert found.warnings[0].startswith("This is a lower bound")


@settings(max_examples=25, deadline=None)
@given(f1=st.integers(5, 5000), f2=st.integers(2, 900), f3=st.integers(1, 300))
def test_chao_and_its_robust_twin_are_the_formulas_of_the_papers(f1: int, f2: int, f3: int) -> None:
    counts = Counts([1, 2, 3], [f1, f2, f3])
    n = f1 + f2 + f3
    assert fit(family("chao"), counts).total == pytest.approx(n + f1**2 / (2 * f2), rel=1e-6)
    assert fit(family("oichao"), counts).total == pytest.approx(
        n + 2 * f2**3 / (9 * f3**2), rel=1e-6
    )


def test_the_robust_chao_is_chao_where_counts_are_poisson() -> None:
    f = {y: 6e6 * 0.9**y / math.factorial(y) for y in range(1, 9)}
    total, _, why = robust({y: round(n) for y, n in f.items()})
    assert not why
    assert total == pytest.approx(sum(f.values()) + f[1] ** 2 / (2 * f[2]), rel=1e-4)
    inflated = {y: round(n) for y, n in f.items()} | {1: round(3 * f[1])}
    assert robust(inflated)[0] == pytest.approx(total + 2 * f[1], rel=1e-4)


def test_the_variance_of_the_robust_chao_is_that_of_samples() -> None:
    rng, rate = np.random.default_rng(5), 1.1
    drawn = [np.bincount(rng.poisson(rate, 4000), minlength=12)[:12] for _ in range(400)]
    found = [robust({y: int(n) for y, n in enumerate(f) if y and n}) for f in drawn]
    inner = [t for t, _, why in found if not why]
    typical = np.median([math.sqrt(v) for _, v, why in found if not why])
    assert np.subtract(*np.quantile(inner, [0.84, 0.16])) / 2 == pytest.approx(typical, rel=0.25)


@pytest.mark.parametrize("kind", ["semiparametric", "nonparametric", "parametric"])
def test_replicates_repeat_for_a_seed_on_any_number_of_cores(kind: str) -> None:
    found = fit(family("ztpoisson"), TAXIS)
    one, two = (replicates(found, kind, 45, 7, workers) for workers in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, replicates(found, kind, 45, 8, 2))


def test_replicates_spread_as_the_analytic_error_says_where_the_family_holds() -> None:
    rng = np.random.default_rng(2)
    times = rng.poisson(0.9, 3000)
    counts = Counts(times[times > 0])
    found = fit(family("ztpoisson"), counts)
    for kind in ("semiparametric", "parametric"):
        assert replicates(found, kind, 300, 1).std() == pytest.approx(found.se, rel=0.15)
    fixed = replicates(found, "nonparametric", 300, 1).std()
    assert fixed == pytest.approx(math.sqrt(found.parts[0]), rel=0.15)


def test_the_parametric_bootstrap_is_refused_where_the_family_says_too_little() -> None:
    with pytest.raises(InputError, match="use the semiparametric"):
        people(TAXIS, "chao", variance="bootstrap", kind="parametric")
    assert people(TAXIS, "chao", variance="bootstrap", b=40).draws.shape == (40,)


def test_a_top_class_is_a_class_and_not_a_count() -> None:
    rng = np.random.default_rng(1)
    times = rng.poisson(2.5, 20_000)
    seen = times[times > 0]
    cut = Counts(np.minimum(seen, 4), top=4)
    whole, right, wrong = (
        fit(family("ztpoisson"), c) for c in (Counts(seen), cut, Counts(cut.counts))
    )
    assert right.total == pytest.approx(whole.total, rel=0.004)
    assert abs(wrong.total - whole.total) > 3 * abs(right.total - whole.total)
    assert right.se > whole.se, "less is known"
    with pytest.raises(InputError, match="exactly 2 times"):
        people(Counts([1, 2], [40, 9], top=2), "chao")


def test_covariates_that_say_nothing_change_nothing() -> None:
    counts = Counts(
        np.repeat(TAXIS.counts, 2),
        np.repeat(TAXIS.people, 2),
        {"sex": ["f", "m"] * 6, "year": ["2001", "2002"] * 6},
    )
    plain = fit(family("ztgeom"), counts)
    for formula in ("y ~ sex", "y ~ year"):
        found = fit(family("ztgeom"), counts, formula)
        assert found.total == pytest.approx(plain.total, rel=1e-9)
        assert found.maximum.coefficients[1] == pytest.approx(0, abs=1e-8)


def test_groups_that_differ_add_up_to_the_total_of_their_interaction() -> None:
    people_in = [142, 81, 49, 60, 40, 9]
    counts = Counts([1, 2, 3] * 2, people_in, {"sex": ["f"] * 3 + ["m"] * 3})
    together = fit(family("ztpoisson"), counts, "y ~ sex")
    apart = [fit(family("ztpoisson"), Counts([1, 2, 3], people_in[i : i + 3])) for i in (0, 3)]
    assert together.total == pytest.approx(sum(each.total for each in apart), rel=1e-9)
    assert together.se**2 == pytest.approx(sum(each.se**2 for each in apart), rel=1e-6)


def test_total_and_slope_agree_with_finite_differences() -> None:
    found = fit(family("ztoigeom"), IMMIGRANTS, "y ~ nation", "~ gender + age", "cloglog")
    top = found.maximum
    slope = []
    for e in np.eye(top.coefficients.size) * 1e-5:
        up, down = (
            total_of(found.of, found.rows,
                     dataclasses.replace(top, coefficients=top.coefficients + s * e), "cloglog")[0]
            for s in (1, -1)
        )  # fmt: skip
        slope.append((up - down) / 2e-5)
    assert np.array(slope) @ top.covariance @ slope == pytest.approx(found.parts[0], rel=1e-5)
    assert found.loglik == pytest.approx(-829.5625, abs=1e-4)  # of the package's vignette
    assert found.total == pytest.approx(6699.953, rel=1e-4)


def test_starts_lead_to_the_same_maximum() -> None:
    found = fit(family("oiztgeom"), IMMIGRANTS)
    for start in itertools.product((-3.0, 0.0, 1.0), (-3.0, 0.0, 2.0)):
        again = maximum(found.of, found.rows, "logit", np.array(start))
        assert again.log_likelihood == pytest.approx(found.loglik, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    st.dictionaries(st.integers(1, 30), st.integers(1, 2000), min_size=1, max_size=6),
    st.sampled_from(["auto", *FAMILIES]),
    st.booleans(),
)
def test_any_counts_have_an_answer_or_a_sentence(
    frequencies: dict[int, int], name: str, cut: bool
) -> None:
    counts = Counts(list(frequencies), list(frequencies.values()))
    if cut and max(frequencies) > 1:
        counts = Counts(counts.counts, counts.people, top=max(frequencies))
    try:
        found = people(counts, name)
    except (InputError, NoEstimateError):
        return
    assert counts.observed <= found.lower <= found.total <= found.upper < math.inf
    assert found.total <= 1000 * counts.observed


def test_a_misfit_is_told() -> None:
    homeless = read_counts("utrecht-homeless")
    told = goodness(homeless, "ztpoisson")
    assert told["p"] < 1e-10
    assert sum(row["observed"] for row in told["rootogram"]) == homeless.observed
    assert any("does not fit the counts" in w for w in people(homeless).warnings)
    fine = goodness(read_counts("mckendrick-cholera"), "ztpoisson")
    assert fine["p"] is None or fine["p"] > 0.05
    assert 0.5 < fine["dispersion"] < 1.5
    with pytest.raises(NoEstimateError, match="says nothing of how counts"):
        goodness(TAXIS, "chao")


def test_a_total_whose_error_is_larger_than_itself_is_told() -> None:
    found = people(read_counts("vancouver-street-contacts"))
    assert found.upper > 10 * found.lower
    assert any("larger than the number of the unseen" in w for w in found.warnings)
    assert any("'6 or more'" in w for w in found.warnings)


def test_nobody_met_twice_has_no_bound() -> None:
    for counts, said in (
        (Counts([1], [50]), "not even a lower bound can be had"),
        (Counts([1, 2], [50, 1]), "One person only was met more than once, on whom all would hang"),
    ):
        for name in ("auto", "chao"):
            with pytest.raises(NoEstimateError, match=said):
                people(counts, name)


def test_the_estimate_goes_to_json_and_back() -> None:
    found = people(TAXIS, "ztpoisson", variance="bootstrap", b=30)
    assert type(found).from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"family": "poisson"}, "no family 'poisson'; there are: chao"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"variance": "both"}, "analytic or bootstrap"),
        ({"variance": "bootstrap", "b": 3}, "20 replicates or more"),
        ({"variance": "bootstrap", "kind": "wild"}, "kind of bootstrap"),
        ({"family": "oiztgeom", "omega_link": "probit"}, "link of omega"),
        ({"family": "ztgeom", "inflation": "~ sex"}, "no second parameter"),
        ({"formula": "y ~ sex"}, "names the column 'sex', which is not there"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        people(TAXIS, **options)
