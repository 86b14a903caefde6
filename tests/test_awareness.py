"""Places with one count: what is recovered, what comes from the prior, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import multivariate_normal, nbinom, norm

from darkfigure.compare import _awareness
from darkfigure.compare.awareness import Anchor, Reports, Share, fit, overlap, reports_table
from darkfigure.errors import InputError, NoEstimateError

SHARE = Share(0.1, 0.02, 0.4)
FEW = {"chains": 2, "warmup": 300, "draws": 500}
SLOPE, SPREAD, OWN = 0.5, 0.5, 0.1


def simulated(places=20, years=3, systems=("hotline", "police"), seed=1):
    """Reports of places whose relative rates are known, and these."""
    rng = np.random.default_rng(seed)
    people = np.exp(rng.normal(15, 0.7, (places, 1))) * np.ones(years)
    x = rng.normal(size=(places, 1, len(systems))) + 0.2 * rng.normal(
        size=(places, years, len(systems))
    )
    x = (x - x.mean((0, 1))) / x.std((0, 1))
    u, v = rng.normal(size=places), rng.normal(size=(places, len(systems)))
    log_rate = SPREAD * (u - u.mean())
    log_mean = np.log(2e-5) + log_rate[:, None, None] + OWN * v[:, None, :] + SLOPE * x
    counts = rng.poisson(people[:, :, None] * np.exp(log_mean)).astype(float)
    awareness = {name: {"effort": np.exp(x[:, :, s])} for s, name in enumerate(systems)}
    names = [f"place {i}" for i in range(places)]
    return Reports(names, range(2014, 2014 + years), systems, counts, people, awareness), log_rate


@pytest.fixture(scope="module")
def two():
    reports, log_rate = simulated()
    return fit(reports, share=SHARE, **FEW), log_rate


@pytest.fixture(scope="module")
def alone():
    return fit(simulated(12, 3, ("hotline",))[0], share=SHARE, **FEW)


def test_two_systems_that_share_a_rate_tell_slopes_and_relative_rates(two):
    found, log_rate = two
    for slope in found.slopes.values():
        assert abs(slope.mean() - SLOPE) < 4 * slope.std() < 0.5
    relative = np.log(found.rate)
    relative -= relative.mean(axis=1, keepdims=True)
    lower, upper = np.quantile(relative, (0.025, 0.975), axis=0)
    assert ((lower < log_rate) & (log_rate < upper)).mean() > 0.8
    assert np.corrcoef(relative.mean(axis=0), log_rate)[0, 1] > 0.9


def test_no_part_of_the_slopes_changes_what_is_expected_to_be_reported(two):
    found, _ = two
    for part in (0.0, 0.3, 1.0):
        split = found._split(part)
        assert split.share.max() <= 1 + 1e-12
        reported = np.log(split.rate)[:, :, None] + np.log(split.share)
        told = np.log(found.rate)[:, :, None] + np.log(found.share)
        np.testing.assert_allclose(reported.mean(axis=0), told.mean(axis=0), atol=0.02)


def test_where_covariates_are_prevalence_the_order_follows_them(alone):
    x = np.log(alone.reports.awareness["hotline"]["effort"]).mean(axis=1)
    gained = np.log(alone.rates(0.0)).mean(axis=0) - np.log(alone.rates(1.0)).mean(axis=0)
    assert np.corrcoef(gained, x)[0, 1] > 0.99
    order = alone.ranks((0.0, 1.0))
    assert order[0.0].probability[:, 0].sum() == pytest.approx(1)
    assert order[0.0].probability[:, :5].sum() == pytest.approx(5)
    assert order[0.0].expected.sum() == pytest.approx(12 * 13 / 2)
    assert not np.allclose(order[0.0].expected, order[1.0].expected, atol=0.5)


def test_where_covariates_are_prevalence_the_rate_has_the_whole_slope():
    """Of two systems only one follows the covariate: the other's share takes it up."""
    reports, _ = simulated(12, 2, seed=3)
    driven = {"hotline": reports.awareness["hotline"]}
    found = fit(
        Reports(reports.places, reports.years, reports.systems, reports.counts,
                reports.population, driven),
        share=SHARE, **FEW,
    )  # fmt: skip
    x = np.log(driven["hotline"]["effort"])
    x = ((x - x.mean()) / x.std()).mean(axis=1)
    none, whole = found._split(0.0), found._split(1.0)
    gained = np.log(none.rate).mean(axis=0) - np.log(whole.rate).mean(axis=0)
    slope = found.slopes["hotline: effort"].mean()
    assert np.polyfit(x, gained, 1)[0] == pytest.approx(slope, abs=0.03)
    police = [np.log(each.share[:, :, 1]).mean(axis=0) for each in (none, whole)]
    assert np.polyfit(x, police[0] - police[1], 1)[0] == pytest.approx(-slope, abs=0.03)


def test_how_high_rates_are_is_all_prior_and_slopes_are_all_data(alone, two):
    for found in (alone, two[0]):
        assert found.overlap["share"] > 0.8
        assert found.overlap["hotline: effort"] < 0.3
    assert alone.overlap["spread of rates"] > two[0].overlap["spread of rates"]
    assert "not in the counts" in alone.warnings[0]


def test_rates_are_the_prior_share_turned_round(alone):
    reported = np.log(alone.reports.counts.sum() / alone.reports.population.sum())
    for q in (0.25, 0.5, 0.75):
        expected = reported - np.log(SHARE.quantiles(1 - q))
        typical = np.log(np.exp(np.log(alone.rate).mean(axis=1)))
        assert abs(np.quantile(typical, q) - expected) < 0.45


def test_an_anchor_sets_the_level_and_needs_no_new_fit(alone):
    rate = 1e-4
    found = alone.believing(SHARE, [Anchor("place 3", rate, 0.9e-4, 1.1e-4)])
    assert abs(np.log(np.median(found.rate[:, 3]) / rate)) < 0.1
    assert found.overlap["share"] < 0.75
    assert np.log(found.rate[:, 0]).std() < np.log(alone.rate[:, 0]).std()


def test_an_anchor_that_nothing_else_agrees_with_is_refused(alone):
    with pytest.raises(NoEstimateError, match="and the anchors contradict each other"):
        alone.believing(Share(0.1, 0.08, 0.12), [Anchor("place 3", 1e-2, 0.9e-2, 1.1e-2)])


def test_a_prior_that_the_counts_contradict_is_refused(alone):
    with pytest.raises(NoEstimateError, match="contradict each other"):
        alone.believing(Share(0.97, 0.95, 0.99))


def test_missing_is_not_zero():
    reports, _ = simulated(8, 3, ("hotline",), seed=2)
    counts, people = reports.counts.copy(), reports.population.copy()
    counts[0, 1:] = np.nan
    people[0, 2] = np.nan  # a year that is missing altogether
    found = fit(
        Reports(reports.places, reports.years, ["hotline"], counts, people), share=SHARE, **FEW
    )
    reported = np.log(np.median(found.rate[:, 0] * found.share[:, 0, 0]))
    assert (
        abs(reported - np.log(counts[0, 0, 0] / people[0, 0])) < 0.4
    )  # three times less with zeros


def test_the_same_seed_gives_the_same_draws_on_one_core_and_on_two(alone):
    code = (
        "import os; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])\n"
        "from tests.test_awareness import FEW, SHARE, fit, simulated\n"
        "f = fit(simulated(12, 3, ('hotline',))[0], share=SHARE, **FEW)\n"
        "print(repr(f.rate.sum()), repr(f.share.sum()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True
    )
    assert done.stdout.strip() == f"{alone.rate.sum()!r} {alone.share.sum()!r}"


def test_the_kernel_draws_what_the_equations_say():
    """Against the joint Gaussian of factor and residuals, the slow obvious way."""
    rng = np.random.default_rng(3)
    spread, own = 0.7, np.array([0.3, 0.5])
    residual = np.array([0.4, -0.1])
    covariance = spread**2 + np.diag(own**2)
    mean = spread * np.ones(2) @ np.linalg.solve(covariance, residual)
    variance = 1 - spread**2 * np.ones(2) @ np.linalg.solve(covariance, np.ones(2))
    reports = Reports("AB", [1], ["x", "y"], [[[9, 9]], [[9, 9]]], [[1e9], [1e9]])
    table = _awareness.table_of(reports)
    n = 20_000
    draws = {
        "base": np.tile([-18.0, -18.0], (n, 1)), "spread": np.full(n, spread),
        "own": np.tile(own, (n, 1)), "place": np.tile(residual - 18.0, (n, 2, 1)),
    }  # fmt: skip
    found = _awareness.split(table, draws, np.array([-9.0]), [], 1.0, seed=int(rng.integers(9)))
    u = (np.log(found.rate) + 9) / spread
    np.testing.assert_allclose(u.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(u.std(axis=0), np.sqrt(variance), atol=0.02)
    assert found.possible > 0.999


def test_the_density_is_that_of_the_equations_in_any_coordinates():
    """The slow obvious way: SciPy's densities of what the equations name, times the volume of the
    map from the sampler's coordinates to it, by differences. Up to a constant, so two points each.
    """
    import jax
    from numpyro.infer.util import constrain_fn, potential_energy

    reports, _ = simulated(5, 1, seed=7)
    table = _awareness.table_of(reports)
    start = {k: np.asarray(v, float) for k, v in _awareness.start(table).items()}
    names = sorted(start)
    sizes = [start[name].size for name in names]
    shapes = [start[name].shape for name in names]

    def unpacked(z):
        parts = np.split(z, np.cumsum(sizes)[:-1])
        return {n: p.reshape(s) for n, p, s in zip(names, parts, shapes, strict=True)}

    def natural(z):
        v = constrain_fn(_awareness.model, (table,), {}, unpacked(z), return_deterministic=True)
        logs = [np.log(np.ravel(v[name])) for name in ("spread", "own", "excess")]
        return np.concatenate([np.ravel(v["base"]), *logs, v["slope"], np.ravel(v["place"])])

    def slow(z):
        base, (spread,), own, excess, slope, place = np.split(
            natural(z), np.cumsum([2, 1, 2, 2, 2])
        )
        place = place.reshape(5, 2)
        total = norm(table.crude, 3).logpdf(base).sum() + norm(0, 1).logpdf(slope).sum()
        total += norm(np.log(0.4), 0.7).logpdf([spread, *own]).sum()
        total += norm(np.log(0.1), 1.0).logpdf(excess).sum()
        covariance = np.exp(2 * spread) + np.diag(np.exp(2 * own))
        mean = base + (table.mean_x * slope) @ table.of
        total += multivariate_normal(np.zeros(2), covariance).logpdf(place - mean).sum()
        n = np.exp(-excess)
        mu = np.exp(table.log_people[:, 0, None] + place + (table.x[:, 0] * slope) @ table.of)
        total += nbinom(n, n / (n + mu)).logpmf(table.counts[:, 0]).sum()
        step = 1e-5 * np.eye(z.size)
        volume = np.array([(natural(z + e) - natural(z - e)) / 2e-5 for e in step])
        return total + np.linalg.slogdet(volume)[1]

    rng = np.random.default_rng(8)
    centre = np.concatenate([np.ravel(start[name]) for name in names])
    with jax.enable_x64(True):
        found = [
            (slow(z), -float(potential_energy(_awareness.model, (table,), {}, unpacked(z))))
            for z in centre + rng.normal(0, 0.5, (4, centre.size))
        ]
    ours = np.diff([fast for _, fast in found])
    np.testing.assert_allclose(ours, np.diff([told for told, _ in found]), rtol=1e-5)


def test_the_common_factor_is_a_normal_density():
    """Against SciPy's density, the slow obvious way; constants of the dimension apart."""
    rng = np.random.default_rng(4)
    spread, own = 0.7, np.array([0.3, 0.5, 0.2])
    residual = rng.normal(size=(8, 3))
    slow = multivariate_normal(np.zeros(3), spread**2 + np.diag(own**2)).logpdf(residual).sum()
    constant = -0.5 * residual.size * np.log(2 * np.pi)
    found = float(_awareness.common_factor(residual, spread, own))
    assert found + constant == pytest.approx(slow, rel=1e-5)


def test_overlap_is_the_area_in_common():
    rng = np.random.default_rng(1)
    halfway = overlap(rng.normal(size=50_000), rng.normal(1, 1, size=50_000))
    assert halfway == pytest.approx(0.617, abs=0.02)


def table(folder, text):
    file = folder / "states.csv"
    file.write_text("place,year,population,cases,calls\n" + text)
    return reports_table(file, systems=["cases"], awareness={"cases": ["calls / population"]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,2015,,1,2\nB,2015,9,1,3\n", "line 2, column 'population': The population is missing"),
        ("A,2015,0,1,2\nB,2015,9,1,3\n", "line 2, column 'population': This is zero"),
        ("A,2015,-5,1,2\nB,2015,9,1,3\n", "line 2, column 'population': The number is negative"),
        ("A,2015,9,many,2\nB,2015,9,1,3\n", "line 2, column 'cases': A number was expected"),
        ("A,2015,9,-1,2\nB,2015,9,1,3\n", "line 2, column 'cases': The number is negative"),
        ("A,2015,9,1.5,2\nB,2015,9,1,3\n", "line 2, column 'cases': A whole number"),
        ("A,2015,9,1,2\nA,2015,9,1,3\n", "line 3, column 'place': 'A' 2015 is there a second time"),
        ("A,2015,9,1,2\nB,2015,9,1,\n", "'calls / population' is missing in B 2015"),
        ("A,2015,9,1,2\nB,2015,9,1,0\n", "line 3, column 'calls': This is zero"),
        ("A,2015,9,1,2\n", "only one place"),
        ("A,2015,9,0,2\nB,2015,9,0,3\n", "All counts by 'cases' are zero"),
        ("A,2015,9,1,2\nB,2015,9,1,2\n", "is the same everywhere"),
        ("A,soon,9,1,2\nB,2015,9,1,3\n", "line 2, column 'year': A year was expected"),
        ("A,2015,9,1\nB,2015,9,1,3\n", "line 2: Too few cells"),
        ("", "no rows"),
    ],
)  # fmt: skip
def test_a_broken_table_is_answered_in_a_sentence(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        table(tmp_path, text)
    assert said in str(caught.value)
    assert "states.csv" in str(caught.value)


def test_a_table_without_the_column_says_which_there_are(tmp_path):
    (tmp_path / "t.csv").write_text("state,year,cases\nA,2015,1\n")
    with pytest.raises(InputError, match="no column 'place' among 'state', 'year', 'cases'"):
        reports_table(tmp_path / "t.csv", systems=["cases"])


def test_a_place_may_lack_a_year_and_zero_counts_are_fine(tmp_path):
    found = table(tmp_path, "A,2015,9,0,2\nA,2016,9,4,2\nB,2016,9,,\nC,2015,8,1,3\nC,2016,8,2,1\n")
    assert np.isnan(found.counts[1]).all()
    assert found.counts[0, 0, 0] == 0
    assert np.isnan(found.population[1, 0])


def test_nothing_heavy_is_loaded_with_the_command_line():
    code = "import sys, darkfigure.cli, darkfigure.compare.awareness; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
