"""The average over decomposable graphs: the graphs, their probabilities, the grid, the refusals."""

import importlib
import json
import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from typer.testing import CliRunner

from benchmarks import parity
from darkfigure import tables
from darkfigure.cli import app
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report.method import method_text
from darkfigure.run import run
from darkfigure.size import _decomposable as kernel
from darkfigure.size.decomposable import decomposable, graphs, grid, posterior

PEOPLE = CaptureHistories("abc", [0, 140, 110, 40, 90, 24, 13, 6])


def pairs_of(estimate):
    return {tuple(pair["lists"]): pair["probability"] for pair in estimate.details["dependent"]}


# The graphs


@pytest.mark.parametrize(
    ("n_lists", "number"), [(2, 2), (3, 8), (4, 61), (5, 822), (6, 18_154), (7, 617_675)]
)
def test_there_are_as_many_chordal_graphs_as_are_known(n_lists, number):
    """Sequence A058862 of the On-Line Encyclopedia of Integer Sequences."""
    found = graphs(n_lists)
    assert len(found) == number
    assert np.all(np.diff(found.astype(np.int64)) > 0)


def neighbours(edges, n_lists):
    joined = [pair for i, pair in enumerate(combinations(range(n_lists), 2)) if edges >> i & 1]
    return {v: {u for pair in joined if v in pair for u in pair if u != v} for v in range(n_lists)}


def is_chordal(beside):
    """Take away a list whose neighbours are all joined, again and again (Dirac 1961)."""
    beside = {v: set(near) for v, near in beside.items()}
    while beside:
        simplicial = [
            v for v in beside if all(b in beside[a] for a, b in combinations(sorted(beside[v]), 2))
        ]
        if not simplicial:
            return False
        for near in beside.values():
            near.discard(simplicial[0])
        del beside[simplicial[0]]
    return True


@pytest.mark.parametrize("n_lists", [3, 4, 5])
def test_the_graphs_are_those_that_come_apart_list_by_list(n_lists):
    every = range(1 << n_lists * (n_lists - 1) // 2)
    assert graphs(n_lists).tolist() == [e for e in every if is_chordal(neighbours(e, n_lists))]


def cliques_of(beside):
    """All sets of lists that are joined and in no larger such set."""
    lists = sorted(beside)
    whole = [
        set(some)
        for n in range(1, len(lists) + 1)
        for some in combinations(lists, n)
        if all(b in beside[a] for a, b in combinations(some, 2))
    ]
    return sorted(sum(1 << j for j in s) for s in whole if not any(s < other for other in whole))


def test_cliques_are_the_largest_joined_sets_and_separators_lie_between_them():
    work = np.empty((3, 5), np.int64)
    for edges in graphs(5):
        beside = neighbours(int(edges), 5)
        n, m = kernel.cliques_and_separators(int(edges), 5, *work)
        cliques, separators = work[1, :n].tolist(), work[2, :m].tolist()
        assert sorted(cliques) == cliques_of(beside)
        for separator in separators:
            assert sum(separator & c == separator for c in cliques) >= 2
        for j in range(5):  # each list is in one more clique than separator
            assert sum(c >> j & 1 for c in cliques) - sum(s >> j & 1 for s in separators) == 1


# The probabilities


def tables_of(people, cells):
    """Every way to put so many people into so many cells."""
    for bars in combinations(range(people + cells - 1), cells - 1):
        ends = (-1, *bars, people + cells - 1)
        yield [ends[i + 1] - ends[i] - 1 for i in range(cells)]


def joint(counts, edges, n_lists, delta, missing):
    """Log probability of counts and number missing under graphs, by the kernel."""
    counts = np.array(counts, float)
    counts[0] = 0
    nodes = np.array(missing, float)
    out = np.empty((len(edges), nodes.size))
    kernel.densities(counts, n_lists, edges, delta, nodes, np.zeros(nodes.size), out)
    return out - gammaln(counts + 1).sum()


@pytest.mark.parametrize(("n_lists", "people"), [(2, 6), (3, 3)])
@pytest.mark.parametrize("delta", [0.125, 0.7])
def test_the_probabilities_of_all_tables_sum_to_one_under_every_graph(n_lists, people, delta):
    edges = graphs(n_lists)
    every = [
        joint(table, edges, n_lists, delta, table[:1])[:, 0]
        for table in tables_of(people, 1 << n_lists)
    ]
    assert np.exp(every).sum(axis=0) == pytest.approx(np.ones(len(edges)), rel=1e-12)


def test_the_full_graph_is_a_dirichlet_multinomial_and_the_empty_one_a_product_of_betas():
    counts, delta, n = PEOPLE.counts.astype(float), 0.3, 500.0
    counts[0] = n
    people = counts.sum()
    ways = gammaln(people + 1) - gammaln(counts + 1).sum()
    full = gammaln(8 * delta) - gammaln(8 * delta + people)
    full += (gammaln(delta + counts) - gammaln(delta)).sum()
    apart = 0.0
    for j in range(3):
        on = counts[np.arange(8) >> j & 1 == 1].sum()
        apart += gammaln(8 * delta) - gammaln(8 * delta + people) - 2 * gammaln(4 * delta)
        apart += gammaln(4 * delta + on) + gammaln(4 * delta + people - on)
    found = joint(PEOPLE.known, graphs(3)[[0, -1]], 3, delta, [n])[:, 0]
    assert found == pytest.approx([ways + apart, ways + full], rel=1e-12)


def test_differences_of_huge_log_gammas_keep_their_digits():
    """Against the logarithm of the product that they stand for, in exact integers."""
    for y, d in ((5.0, 30.0), (70.0, 20.0), (1e6, 800.0), (1e14, 1000.0)):
        exact = -sum(math.log(int(y) + i) for i in range(int(d)))
        assert kernel._log_ratio(y, d) == pytest.approx(exact, rel=1e-13)
    assert kernel._log_ratio(1e-9, 1e6) == pytest.approx(math.lgamma(1e-9) - math.lgamma(1e6))


# The peer


@pytest.mark.parametrize("name", ["artificial-3", "korea-palembang", "kosovo-1999"])
def test_answers_of_dga(name):
    rows = list(parity.decomposable_graphs(name))
    assert len(rows) > 20
    assert [row for row in rows if not row.ok] == []


# The grid


@pytest.mark.parametrize(
    ("histories", "most"),
    [
        (tables.load("kosovo-1999"), 60_000),
        (CaptureHistories("abc", [0, 20, 12, 4, 9, 2, 2, 1]), 60_000),
        (CaptureHistories("abc", [0, 4, 5, 20, 6, 30, 20, 90]), 2_000),
        (CaptureHistories("abc", [0, 30_000, 25_000, 9_000, 20_000, 8_000, 6_000, 2_000]), 250_000),
        (CaptureHistories("ab", [0, 40_000, 30_000, 30_000]), 150_000),
    ],
    ids=["kosovo", "fifty", "nearly all seen", "hundred thousand", "two lists"],
)
def test_the_grid_answers_as_if_every_number_had_been_taken(histories, most):
    fine, coarse = posterior(histories, missing=np.arange(most)), posterior(histories)
    inside = 1 - coarse.mass[coarse.missing >= most].sum()
    below = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
    assert coarse.missing.size < 4_000
    theirs = fine.totals(below) - histories.observed
    ours = coarse.totals(np.array(below) * inside) - histories.observed
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1)
    if inside > 0.999:  # else the graph of all lists is weighed without its tail
        assert coarse.probability == pytest.approx(fine.probability, abs=2e-3)


def test_no_graph_has_a_posterior_narrower_than_the_grid_takes_for_granted():
    rng = np.random.default_rng(5)
    for _ in range(25):
        k = int(rng.integers(2, 5))
        counts = rng.multinomial(rng.integers(200, 3000), rng.dirichlet(np.full(1 << k, 0.6)))
        observed = counts[1:].sum()
        nodes = np.arange(10.0, 8 * observed)
        log_density = joint(counts, graphs(k), k, 1 / (1 << k), nodes)
        curved = -np.diff(log_density, 2, axis=1)
        n = nodes[1:-1]
        at_top = np.diff(np.sign(np.diff(log_density, axis=1)), axis=1) < 0
        most = observed**2 / (n * (n + observed) ** 2)
        assert np.all(curved[at_top] <= 1.05 * np.broadcast_to(most, curved.shape)[at_top])


def test_a_posterior_whose_mean_is_infinite_has_its_median():
    """Under the graph that joins all lists the tail is N to the power -1 + 2**-K, times 1 / N."""
    found = posterior(tables.load("artificial-3"))
    assert found.probability[-1] > 0.2
    near, far = joint(tables.load("artificial-3").known, graphs(3)[-1:], 3, 1 / 8, [1e9, 1e12])[0]
    assert (far - near) / math.log(1e3) == pytest.approx(-1 + 1 / 8, abs=1e-6)
    assert found.beyond < 1e-6
    assert found.totals(0.5) < 400


@pytest.mark.parametrize("observed", [1, 50, 3_000, 100_000, 5_000_000])
def test_the_grid_begins_with_every_number_and_ends_far_away(observed):
    nodes = grid(observed)
    assert nodes[:9].tolist() == list(range(9))
    assert np.all(np.diff(nodes) >= 1 - 1e-9)
    assert nodes[-1] >= 1e9 * observed


# The estimate


def test_limits_are_those_of_the_draws_and_the_same_on_any_number_of_cores():
    histories = tables.load("kosovo-1999")
    one, two, three = (decomposable(histories, workers=n, draws=100_000) for n in (1, 2, 3))
    assert one == two == three
    for limit, below in ((one.lower, 0.025), (one.total, 0.5), (one.upper, 0.975)):
        assert np.quantile(one.draws, below) == pytest.approx(limit, rel=0.01)
    other = decomposable(histories, draws=100_000, seed=2)
    assert (other.total, other.lower) == (one.total, one.lower)
    assert not np.array_equal(other.draws, one.draws)


def test_weights_do_not_depend_on_how_the_work_is_cut(monkeypatch):
    room = importlib.import_module("darkfigure.size.decomposable")  # the function has its name
    whole = posterior(tables.load("uk-2013-5lists"))
    monkeypatch.setattr(room, "PIECE", (100, 37))
    cut = posterior(tables.load("uk-2013-5lists"))
    assert cut.mass == pytest.approx(whole.mass, rel=1e-9, abs=1e-20)
    assert cut.probability == pytest.approx(whole.probability, rel=1e-9, abs=1e-20)


def test_the_kosovo_estimate_and_what_it_rests_on():
    found = decomposable(tables.load("kosovo-1999"))
    assert round(found.total) == 12_595
    assert found.details["graphs"] == 61
    best = found.details["best_models"][0]
    assert best["model"] == "[123,134]"
    assert best["probability"] == pytest.approx(0.9855, abs=1e-4)
    assert best["total"] == pytest.approx(found.total, rel=0.01)
    assert pairs_of(found)[found.lists[1], found.lists[3]] < 0.01
    assert found.details["delta_doubled"]["total"] == pytest.approx(12_420, rel=1e-3)
    assert Estimate.from_json(found.to_json()) == found


def test_the_order_of_the_lists_does_not_matter():
    expected = decomposable(PEOPLE)
    masks = np.arange(1, 8)
    patterns = masks[:, None] >> np.arange(3) & 1
    for order in permutations(range(3)):
        mixed = CaptureHistories.from_patterns(
            ["abc"[j] for j in order], patterns[:, order], PEOPLE.counts[1:]
        )
        found = decomposable(mixed)
        assert found.total == expected.total
        for pair, probability in pairs_of(found).items():
            assert probability == pytest.approx(pairs_of(expected)[tuple(sorted(pair))], rel=1e-9)


def test_a_known_total_is_covered_where_two_lists_depend():
    rng = np.random.default_rng(7)
    on = np.arange(16)[:, None] >> np.arange(4) & 1
    chance = np.where(on, [0.3, 0.25, 0.3, 0.2], [0.7, 0.75, 0.7, 0.8]).prod(axis=1)
    chance *= np.where(on[:, 0] & on[:, 1], 2.5, 1.0)
    chance /= chance.sum()
    covered, totals, joined = 0, [], []
    for _ in range(60):
        found = decomposable(CaptureHistories("abcd", rng.multinomial(2_000, chance)), draws=1000)
        covered += found.lower <= 2_000 <= found.upper
        totals.append(found.total)
        joined.append(pairs_of(found)["a", "b"])
    assert covered >= 53
    assert np.median(totals) == pytest.approx(2_000, rel=0.04)
    assert np.mean(joined) > 0.95


def test_six_lists_are_weighed_whole():
    found = decomposable(tables.load("uk-2013"))
    assert found.details["graphs"] == 18_154
    assert found.lower < found.total < found.upper
    assert sum(m["probability"] for m in found.details["best_models"]) > 0.5


# What cannot be known, and is said


def test_a_larger_delta_hands_the_answer_to_the_prior_and_is_refused():
    with pytest.raises(NoEstimateError, match=r"what the prior says, not the data\. .*leave delta"):
        decomposable(tables.load("uk-2013-5lists"), delta=0.5)


def test_half_of_the_probability_without_evidence_is_told():
    found = decomposable(tables.load("artificial-3"))
    assert 0.05 < found.details["mass_prior_driven"] < 0.5
    assert any("nobody counts as found again" in warning for warning in found.warnings)
    assert any(
        "worth 2 people and not 1, the total would be 40 % lower" in w for w in found.warnings
    )


def test_a_prior_that_weighs_much_beside_the_data_is_told():
    few = CaptureHistories("abc", [0, 5, 4, 3, 2, 1, 1, 1])
    found = decomposable(few, delta=1)
    assert any("worth 8 people, and only 17 were seen" in warning for warning in found.warnings)
    assert not any("is worth" in warning for warning in decomposable(PEOPLE).warnings)


def test_where_delta_hardly_matters_nothing_is_said_of_it():
    found = decomposable(tables.load("kosovo-1999"))
    assert not any("prior" in warning for warning in found.warnings)


def test_a_grid_that_cuts_the_posterior_off_is_told():
    histories = tables.load("uk-2013-5lists")
    found = decomposable(histories, missing=range(0, 27_441, 10))
    assert any("cuts the posterior off: 0.9 %" in warning for warning in found.warnings)
    assert found.settings["missing"] == {"from": 0, "to": 27_440, "step": 10}
    assert not any("cuts" in warning for warning in decomposable(histories).warnings)
    uneven = decomposable(PEOPLE, missing=[0, 1, 100, 300, 500, 1_000_000])
    assert uneven.settings["missing"] == [0, 1, 100, 300, 500, 1_000_000]
    assert set(uneven.draws - PEOPLE.observed) <= {0, 1, 100, 300, 500, 1_000_000}


def test_a_prior_that_is_next_to_none_leaves_a_posterior_without_an_end():
    with pytest.raises(NoEstimateError, match="does not fall off"):
        decomposable(
            CaptureHistories("abc", [0, 9_000, 100, 20, 80, 5_000, 3_000, 9_000]), delta=0.01
        )


@pytest.mark.parametrize("k", [2, 3, 4])
def test_lists_that_share_nobody_cannot_answer(k):
    counts = np.zeros(1 << k, int)
    counts[1 << np.arange(k)] = 30
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        decomposable(CaptureHistories("abcd"[:k], counts))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"draws": 999}, "draws is 1,000 to 1,000,000, not 999"),
        ({"level": 1.0}, "lies between 0 and 1, not 1"),
        ({"delta": 0.0}, "above 0 and at most 1, not 0"),
        ({"delta": 1.5}, "at most 1, not 1.5"),
        ({"delta": math.nan}, "at most 1, not nan"),
        ({"missing": [5]}, "a list of 2 to 1,000,000 numbers"),
        ({"missing": "many"}, "a list of 2 to 1,000,000 numbers"),
        ({"missing": [0, 1.5]}, "whole and not below 0"),
        ({"missing": [-1, 1]}, "whole and not below 0"),
        ({"missing": [3, 3]}, "more than once"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        decomposable(PEOPLE, **options)


def test_eight_lists_are_too_many_and_nobody_is_too_few():
    with pytest.raises(InputError, match="There are 8 lists; over more than 7"):
        decomposable(tables.load("new-orleans-2014"))
    with pytest.raises(InputError, match="Nobody is on any"):
        decomposable(CaptureHistories("ab", [0, 0, 0, 0]))


# On the command line, in a study and on the page


def test_the_command_line_takes_a_delta_and_no_weights():
    call = ["size", "kosovo-1999", "--method", "decomposable", "--json"]
    done = CliRunner().invoke(app, [*call, "--delta", "0.125"])
    found = json.loads(done.stdout)
    assert (found["total"], found["delta"], found["graphs"]) == (12_420, 0.125, 61)
    refused = CliRunner().invoke(app, [*call, "--weights", "bic"])
    assert "has no --weights" in str(refused.exception)


def test_a_study_of_eight_lists_is_refused_before_anything_is_estimated(tmp_path):
    study = tmp_path / "study.toml"
    head = 'title = "Who?"\npeople = "people"\nplace = "here"\nperiod = "2014"\n'
    study.write_text(f'{head}[data]\ntable = "new-orleans-2014"\n[method]\nname = "decomposable"\n')
    with pytest.raises(InputError, match="line 7: The method 'decomposable' takes up to 7 lists"):
        run(study, tmp_path / "out")


def test_the_page_says_how_it_was_done():
    said = method_text(decomposable(PEOPLE, draws=1000))
    assert "hyper-Dirichlet prior with a weight of 0.125" in said
    assert "BIC" not in said


# Any table at all


@st.composite
def sparse(draw):
    k = draw(st.integers(2, 4))
    count = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 80), st.integers(0, 10**6))
    counts = draw(st.lists(count, min_size=(1 << k) - 1, max_size=(1 << k) - 1))
    assume(sum(counts) > 1)
    return CaptureHistories("abcd"[:k], [0, *counts])


@settings(max_examples=100, deadline=None)
@given(sparse())
def test_probabilities_are_probabilities_and_limits_are_in_order(histories):
    found = posterior(histories, workers=1)
    assert found.mass.sum() == pytest.approx(1)
    assert found.probability.sum() == pytest.approx(1)
    assert np.all(found.found_again >= 0)
    assert np.all(np.diff(found.totals(np.linspace(0, 1, 50))) >= 0)
    try:
        estimate = decomposable(histories, draws=1000, workers=1)
    except NoEstimateError:
        assert found.prior_driven > 0.5 or histories.people_on(1) == histories.observed
        return
    assert all(0 <= value <= 1 for value in pairs_of(estimate).values())
    assert estimate.details["mass_left_out"] < 1e-3
    assert json.loads(estimate.to_json())["lists"] == list(histories.lists)


@settings(max_examples=20, deadline=None)
@given(sparse(), st.randoms(use_true_random=False))
def test_a_list_in_another_place_changes_nothing(histories, random):
    k = len(histories.lists)
    order = list(range(k))
    random.shuffle(order)
    masks = np.arange(1, 1 << k)
    mixed = CaptureHistories.from_patterns(
        [histories.lists[j] for j in order],
        (masks[:, None] >> np.arange(k) & 1)[:, order],
        histories.counts[1:],
    )
    one, two = posterior(histories), posterior(mixed)
    assert two.mass == pytest.approx(one.mass, rel=1e-5, abs=1e-12)
    assert two.prior_driven == pytest.approx(one.prior_driven, rel=1e-6, abs=1e-12)
