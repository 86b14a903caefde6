"""Hold every number against what was published and what the R packages answer.

Point estimates, criteria, models, statuses and whole bootstrap replicates are deterministic and
must agree to the bound beside them. BCa limits depend on random numbers: there the peer's limit,
itself from one bootstrap of 1,000 replicates, must lie within the range of ours over many
independent bootstraps of 1,000 replicates (200; 60 on the tables with the most lists). Published
limits are held in the same way; one printed with two significant digits stands for all that it may
be rounded from.

    python -m benchmarks.parity
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import single_list_peer
from darkfigure import engine, tables
from darkfigure.circuit import entry
from darkfigure.circuit.estimates import Estimated
from darkfigure.circuit.goodness import goodness_of_fit
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import Fit
from darkfigure.circuit.multistate import fit as fit_multistate
from darkfigure.circuit.sightings import read_histories
from darkfigure.circuit.stock import stock_and_flow
from darkfigure.compare.rank_sets import best, joint_intervals, rank_sets
from darkfigure.compare.shrunken import exchangeable, independent
from darkfigure.demand.people import people as single_list_people
from darkfigure.histories import CaptureHistories
from darkfigure.size import _space, _stepwise, chao, heterogeneity, latent_class, threshold
from darkfigure.size.bootstrap import (
    Totals,
    bca,
    bca_limit,
    bootstrap,
    jackknife,
    replicates,
)
from darkfigure.size.decomposable import posterior as graphs_posterior
from darkfigure.size.heterogeneity import fit_layers, profile_limits
from darkfigure.size.loglinear import Model, fit
from darkfigure.size.search import BestModels, best_models, best_totals
from darkfigure.size.space import Space, every_model
from darkfigure.size.stepwise import forward_selection
from darkfigure.tables import sheets

PEERS = Path(__file__).parents[1] / "tests" / "peers"
REPLICATES = 1000
RUNS = 200
RUNS_LARGE = 60
LIMITS = (0.025, 0.1, 0.9, 0.975)

BIC_TABLES = ("korea-palembang", "kosovo-1999", "new-orleans-2014-5lists", "uk-2013-5lists")
STEPWISE_TABLES = (
    "artificial-3",
    "korea-palembang",
    "kosovo-1999",
    "netherlands-2010-2015",
    "new-orleans-2014",
    "new-orleans-2014-5lists",
    "uk-2013",
    "uk-2013-5lists",
)
LATENT_CLASS_TABLES = (
    "artificial-3",
    "australia-2015-2017",
    "korea-palembang",
    "kosovo-1999",
    "new-orleans-2014-5lists",
)
LARGE = ("uk-2013", "new-orleans-2014")
MIXED_TABLES = ("korea-palembang", "kosovo-1999", "uk-2013-5lists", "uk-2013")
THRESHOLD_TABLES = ("korea-palembang", "uk-2013-5lists", "uk-2013")
GRAPH_TABLES = (
    "artificial-3",
    "korea-palembang",
    "kosovo-1999",
    "netherlands-2010-2015-5lists",
    "new-orleans-2014-5lists",
    "uk-2013-5lists",
)


@dataclass(frozen=True)
class Row:
    """One comparison."""

    what: str
    ours: str
    theirs: str
    bound: str
    ok: bool


def peer(name: str) -> dict[str, Any]:
    """One file of what the peers answer."""
    answer: dict[str, Any] = json.loads((PEERS / f"{name}.json").read_text(encoding="utf-8"))
    return answer


def stepwise_totals(n_lists: int, threshold: float = 0.02) -> Totals:
    """The whole stepwise method on many tables at once."""
    pairs = np.array([(1 << i) | (1 << j) for j in range(n_lists) for i in range(j)], np.int64)
    return lambda counts: _stepwise.forward_totals(counts, n_lists, pairs, threshold)


def bic_totals(n_lists: int) -> Totals:
    """The whole best-BIC method on many tables at once."""
    choose = best_totals(Space(n_lists))
    return lambda counts: choose(counts)[:, 0]


def relative(ours: float, theirs: float) -> float:
    """The relative difference; zero where both are infinite."""
    return 0.0 if ours == theirs else abs(ours / theirs - 1)


def near(what: str, ours: float, theirs: float, bound: float, *, digits: int = 4) -> Row:
    """A row for two numbers that may differ by a relative bound."""
    ok = relative(ours, theirs) <= bound
    return Row(what, f"{ours:,.{digits}f}", f"{theirs:,.{digits}f}", f"{bound:g} relative", ok)


def same(what: str, ours: object, theirs: object) -> Row:
    """A row for two things that must be equal."""
    return Row(what, str(ours), str(theirs), "equal", ours == theirs)


def models() -> Iterator[Row]:
    """Every model the peer lists, how many can be estimated, and the best."""
    for table in BIC_TABLES:
        answer, histories = peer(f"bic_models__{table}"), tables.load(table)
        listed = answer["models"]
        fits = [fit(histories, Model.parse(m["model"], len(histories.lists))) for m in listed]
        totals = [relative(f.total, m["nhat"]) for f, m in zip(fits, listed, strict=True)]
        bics = [abs(f.bic - m["BIC"]) for f, m in zip(fits, listed, strict=True)]
        worst, worst_bic = int(np.argmax(totals)), int(np.argmax(bics))
        yield Row(
            f"{table}: total, worst of {len(listed)} models",
            f"{fits[worst].total:,.4f}",
            f"{listed[worst]['nhat']:,.4f}",
            "1e-4 relative",
            totals[worst] <= 1e-4,
        )
        yield Row(
            f"{table}: BIC, worst of {len(listed)} models",
            f"{fits[worst_bic].bic:.5f}",
            f"{listed[worst_bic]['BIC']:.5f}",
            "1e-3",
            bics[worst_bic] <= 1e-3,
        )
        for block in ("full", "default"):
            theirs = answer[block]
            order = theirs["maxorder"]
            found = every_model(histories, order)
            best = best_models(histories, max_order=order)
            what = f"{table}, order {order}"
            yield same(f"{what}: models", len(found.models), theirs["n_catalogue"])
            yield same(f"{what}: estimable models", found.admissible, theirs["n_admissible"])
            yield same(f"{what}: best model", str(best.model(0)), theirs["best_model"])
            yield near(f"{what}: its total", best.total[0], theirs["nhat"], 1e-4)


def statuses() -> Iterator[Row]:
    """Can the model be estimated, and if not, why?"""
    for table, answer in peer("check_mle")["data"].items():
        histories = tables.load(table)
        listed = answer["models"]
        equal = sum(
            int(fit(histories, Model.parse(m["model"], len(histories.lists))).status) == m["code"]
            for m in listed
        )
        yield same(f"{table}: statuses equal", equal, len(listed))


def stepwise_points() -> Iterator[Row]:
    """Forward selection on the table itself."""
    for table in STEPWISE_TABLES:
        histories = tables.load(table)
        for point in peer(f"stepwise__{table}")["point"]:
            threshold = point["pthresh"]
            found = fit(histories, forward_selection(histories, threshold))
            what = f"{table}, stepwise at {threshold:g}"
            yield same(f"{what}: model", str(found.model), point["hiermod"])
            yield near(f"{what}: total", found.total, point["popest"], 1e-4)
            yield Row(
                f"{what}: BIC",
                f"{found.bic:.5f}",
                f"{point['BIC']:.5f}",
                "1e-3",
                abs(found.bic - point["BIC"]) <= 1e-3,
            )
            names = histories.lists
            ours = sorted(
                sorted(names[j] for j in range(len(names)) if term >> j & 1)
                for term in found.minus_infinity
            )
            theirs = sorted(sorted(p.split(":")) for p in point["minus_infinity_parameters"])
            yield same(f"{what}: pairs at minus infinity", ours, theirs)


def csv_masks(table: str) -> npt.NDArray[np.int64]:
    """The combination of lists of each row of a table's file."""
    with tables.path(table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = tables.load(table).lists
    return np.array([sum(int(row[n]) << j for j, n in enumerate(names)) for row in rows], np.int64)


def spread_out(
    counts: list[list[int]], masks: npt.NDArray[np.int64], n_lists: int
) -> npt.NDArray[np.float64]:
    """Counts by combination, shape (tables, 2**K), from counts in another order."""
    out = np.zeros((len(counts), 1 << n_lists))
    out[:, masks] = counts
    return out


def stepwise_replicates() -> Iterator[Row]:
    """Forward selection on the peer's own bootstrap replicates.

    The peer does not check that its starting model has an estimate. Where it has none ours is
    infinite and the peer's is whatever its iterations stopped at, which must then be absurd.
    """
    for table in STEPWISE_TABLES:
        answer = peer(f"stepwise__{table}")["bca"]
        histories = tables.load(table)
        k = len(histories.lists)
        if level := answer.get("replicate_level"):
            counts = spread_out(level["first200_counts"], csv_masks(table), k)
            ours = stepwise_totals(k)(counts)
            theirs = np.array(level["first200_estimates"], float)
            none = np.isinf(ours)
            equal = np.abs(ours[~none] / theirs[~none] - 1) <= 1e-4
            absurd = theirs[none] > 1e6 * histories.observed
            shown = f"{int(equal.sum())} equal" + (f", {none.sum()} none" if none.any() else "")
            yield Row(
                f"{table}, stepwise: replicates",
                shown,
                f"{len(theirs)} replicates",
                "1e-4 relative",
                bool(equal.all() and absurd.all()),
            )
        if "ahat" in answer:
            ours_a = acceleration(histories, stepwise_totals(k), stepwise_point(histories))
            yield Row(
                f"{table}, stepwise: acceleration",
                f"{ours_a:.8f}",
                f"{answer['ahat']:.8f}",
                "1e-6",
                abs(ours_a - answer["ahat"]) <= 1e-6,
            )


def bic_replicates() -> Iterator[Row]:
    """The best model of the peer's own bootstrap replicates.

    On five lists the peer looks only at the 100 models that are best on the original table. Among
    the same 100 ours must choose the same; among all 6,893 it must be as good or better.
    """
    for table in BIC_TABLES:
        answer, histories = peer(f"boot__{table}"), tables.load(table)
        k = len(histories.lists)
        level = answer["replicate_level"]
        masks = np.array([int(h[::-1], 2) for h in level["histories"]], np.int64)
        counts = spread_out(level["counts"], masks, k)
        theirs = np.array(
            [math.inf if x is None else x for x in level["selected_estimate_ntop_max"]], float
        )
        _, among = nested(histories, answer["ntop_max"])
        ours = np.concatenate(list(engine.run(among, np.array_split(counts, 8))))[:, -1]
        equal = [relative(a, b) <= 1e-4 for a, b in zip(ours, theirs, strict=True)]
        what = f"{table}, best BIC of {answer['ntop_max']}"
        yield same(f"{what}: replicates equal", sum(equal), len(theirs))
        if answer["all_admissible_models"]:
            ours = np.concatenate(list(engine.run(bic_totals(k), np.array_split(counts, 8))))
            equal = [relative(a, b) <= 1e-4 for a, b in zip(ours, theirs, strict=True)]
            yield same(f"{table}, best BIC of all: replicates equal", sum(equal), len(theirs))
            ahat = answer["quantile_rows"][-1]["ahat"]
            ours_a = acceleration(histories, bic_totals(k), float(best_models(histories).total[0]))
            yield Row(
                f"{table}, best BIC of all: acceleration",
                f"{ours_a:.8f}",
                f"{ahat:.8f}",
                "1e-6",
                abs(ours_a - ahat) <= 1e-6,
            )
            continue
        worse = 0
        for replicate, total in zip(counts, theirs, strict=True):
            redrawn = CaptureHistories(histories.lists, replicate.astype(np.int64))
            found = every_model(redrawn)
            lowest = float(best_models(redrawn).values[0])
            rival = found.bic[np.abs(found.total / total - 1) <= 1e-4]
            worse += not math.isclose(lowest, float(np.nanmin(found.bic)), abs_tol=1e-5)
            worse += not (rival.size and lowest <= float(rival.min()) + 1e-6)
        yield Row(
            f"{table}, best BIC of all: replicates",
            f"{worse} worse",
            f"{len(theirs)} replicates",
            "never worse",
            worse == 0,
        )


def nested(histories: CaptureHistories, models: int) -> tuple[BestModels, Totals]:
    """The best models of a table, and the choice among the first 1, 2, ... of them."""
    best = best_models(histories, models)
    n_lists, candidates, terms = len(histories.lists), best.space.candidates, best.terms
    return best, lambda tables: _space.nested_totals(tables, n_lists, candidates, terms)


def nested_intervals() -> Iterator[Row]:
    """The models that the peer's nested intervals add one by one, and the acceleration of each."""
    for table in BIC_TABLES:
        histories, rows = tables.load(table), peer(f"boot__{table}")["quantile_rows"]
        best, totals = nested(histories, max(row["ntop"] for row in rows))
        left_out = jackknife(histories, totals).reshape(-1, len(best))
        at = [row["ntop"] - 1 for row in rows]
        models = sum(str(best.model(m)) == row["model"] for m, row in zip(at, rows, strict=True))
        yield same(f"{table}, nested: models in the same place", models, len(rows))
        off = [
            abs(_acceleration(left_out[:, m], histories) - row["ahat"])
            for m, row in zip(at, rows, strict=True)
        ]
        close = sum(each <= 1e-6 for each in off)
        yield same(f"{table}, nested: accelerations within 1e-6", close, len(rows))
        level = peer(f"boot__{table}")["replicate_level"]
        if level["replicates_kept"] < peer(f"boot__{table}")["nboot"]:
            continue
        masks = np.array([int(h[::-1], 2) for h in level["histories"]], np.int64)
        drawn = totals(spread_out(level["counts"], masks, len(histories.lists)))
        ours = np.array(
            [
                [
                    bca_limit(
                        drawn[:, m],
                        float(best.total[0]),
                        _acceleration(left_out[:, m], histories),
                        p,
                    )
                    for p in LIMITS
                ]
                for m in at
            ]
        )
        theirs = np.array([[row[f"q{p:g}"] for p in LIMITS] for row in rows])
        worst = float(np.max(np.abs(ours / theirs - 1)))
        yield Row(
            f"{table}, nested: limits on the peer's replicates",
            f"{worst:.1e} off",
            f"{theirs.size} limits",
            "1e-4 relative",
            worst <= 1e-4,
        )


def _acceleration(left_out: npt.NDArray[np.float64], histories: CaptureHistories) -> float:
    return bca(left_out, left_out, histories, float(left_out.mean()), 0.95).acceleration


def nested_limits(runs: int = RUNS, _: int = 0) -> Iterator[Row]:
    """The peer's nested intervals, within the range of ours."""
    for table in BIC_TABLES:
        histories, answer = tables.load(table), peer(f"boot__{table}")
        rows = [row for row in answer["quantile_rows"] if row["ntop"] in (1, 2, 5, 10)]
        best, totals = nested(histories, max(row["ntop"] for row in rows))
        left_out = jackknife(histories, totals).reshape(-1, len(best))

        def one(
            seed: int,
            histories: CaptureHistories = histories,
            totals: Totals = totals,
            best: BestModels = best,
            left_out: npt.NDArray[np.float64] = left_out,
            rows: list[dict[str, Any]] = rows,
            b: int = answer["nboot"],
        ) -> list[list[float]]:
            drawn = totals(replicates(histories, b, seed))
            return [
                [
                    bca_limit(
                        drawn[:, row["ntop"] - 1],
                        float(best.total[0]),
                        _acceleration(left_out[:, row["ntop"] - 1], histories),
                        p,
                    )
                    for p in LIMITS
                ]
                for row in rows
            ]

        found = np.array(list(engine.run(one, range(1, 6 * runs + 1))))
        for i, row in enumerate(rows):
            ours = {
                p: (float(c.min()), float(c.max()))
                for p, c in zip(LIMITS, found[:, i].T, strict=True)
            }
            theirs = {p: row[f"q{p:g}"] for p in LIMITS}
            yield from within(f"{table}, nested, best {row['ntop']}", ours, theirs, 0.0)


def stepwise_point(histories: CaptureHistories) -> float:
    """The total that forward selection gives."""
    return fit(histories, forward_selection(histories)).total


def acceleration(histories: CaptureHistories, totals: Totals, total: float) -> float:
    """The acceleration of BCa, which no random number enters."""
    return bootstrap(histories, total, totals, b=20, level=0.95, seed=1).acceleration


def ranges(
    histories: CaptureHistories, totals: Totals, total: float, runs: int
) -> dict[float, tuple[float, float]]:
    """The lowest and highest of each BCa limit over independent bootstraps."""
    a = acceleration(histories, totals, total)

    def one(seed: int) -> list[float]:
        draws = totals(replicates(histories, REPLICATES, seed))
        return [bca_limit(draws, total, a, p) for p in LIMITS]

    found = np.array(list(engine.run(one, range(1, runs + 1))))
    return {p: (float(c.min()), float(c.max())) for p, c in zip(LIMITS, found.T, strict=True)}


def within(
    what: str, ours: dict[float, tuple[float, float]], theirs: dict[float, float], half: float
) -> Iterator[Row]:
    """A row for each limit, which must lie in ours; `half` is the relative rounding."""
    for p, limit in theirs.items():
        low, high = ours[p]
        # the peers' own arithmetic carries seven digits
        reach = limit * max(half, 1e-6)
        yield Row(
            f"{what}: BCa {100 * p:g} %",
            f"{low:,.1f} to {high:,.1f}",
            f"{limit:,.1f}",
            "in the range",
            low - reach <= limit <= high + reach,
        )


def limits(runs: int = RUNS, runs_large: int = RUNS_LARGE) -> Iterator[Row]:
    """BCa limits of the peers, within the range of ours."""
    for table in STEPWISE_TABLES:
        answer = peer(f"stepwise__{table}")["bca"]
        if "quantiles" not in answer:
            continue
        histories = tables.load(table)
        total = stepwise_point(histories)
        times = runs_large if table in LARGE else runs
        ours = ranges(histories, stepwise_totals(len(histories.lists)), total, times)
        theirs = {float(p): limit for p, limit in answer["quantiles"].items()}
        yield from within(f"{table}, stepwise", ours, theirs, 0.0)
    for table in ("kosovo-1999", "korea-palembang"):
        histories = tables.load(table)
        total = float(best_models(histories).total[0])
        row = peer(f"boot__{table}")["quantile_rows"][-1]
        ours = ranges(histories, bic_totals(len(histories.lists)), total, runs)
        theirs = {p: row[f"q{p:g}"] for p in LIMITS}
        yield from within(f"{table}, best BIC", ours, theirs, 0.0)
        if table == "kosovo-1999":  # printed with two digits: 6,900 is 6,850 to 6,950
            yield from within(f"{table}, best BIC, published", ours, {0.025: 6900.0}, 50 / 6900)
            yield from within(f"{table}, best BIC, published", ours, {0.975: 18000.0}, 500 / 18000)


def mixed_models() -> Iterator[Row]:
    """Rcapture's models Mt and Mth, and Chao's lower bound, with their profile-likelihood limits.

    The peer has Stirling's formula where ours have the logarithm of the factorial, which shows in
    the limits where hardly anybody is unseen.
    """
    kinds = {"Poisson2": "poisson", "Darroch": "darroch", "Gamma3.5": "gamma"}
    for table in MIXED_TABLES:
        answer, histories = peer(f"mixed__{table}"), tables.load(table)
        limits = {(one["m"], one["h"] or ""): one for one in answer["closedpCI.t"]}
        for theirs in answer["closedp.t"]:
            family, _, h = theirs["model"].partition(" ")
            if family == "Mt":
                columns = np.empty((len(histories.lists) + 1, 0))
                alone = fit_layers(histories, columns)
                found = alone.total, alone.total_se, alone.deviance, alone.aic, alone.bic
                ours = profile_limits(histories, alone, columns, 0.95)
            else:
                e = chao(histories) if h == "Chao (LB)" else heterogeneity(histories, kind=kinds[h])
                d = e.details
                found = e.total, d["standard_error"], d["deviance"], d["aic"], d["bic"]
                ours = e.lower, e.upper
            what = f"{table}, {theirs['model']}"
            names = ("abundance", "stderr", "deviance", "AIC", "BIC")
            for name, value in zip(names, found, strict=True):
                yield near(f"{what}: {name}", value, theirs[name], 1e-3)
            limit = limits[family, h.rstrip("0123456789.").removesuffix(" (LB)")]
            for name, value in zip(("infCL", "supCL"), ours, strict=True):
                yield near(f"{what}: {name}", value, limit[name], 2e-3)


def thresholded() -> Iterator[Row]:
    """Bayesian thresholding, against one long chain of the peer's."""
    for table in THRESHOLD_TABLES:
        theirs, ours = peer(f"bayesthresh__{table}")["long_run"], threshold(tables.load(table))
        kept = sorted(sorted(p["lists"]) for p in ours.details["pairs"] if p["kept"])
        pairs = sorted(sorted(p.split(":")) for p in theirs["retained_interactions"])
        yield same(f"{table}, thresholding: pairs kept", kept, pairs)
        yield near(
            f"{table}, thresholding: mean", ours.details["mean"], theirs["posterior_mean"], 0.02
        )
        for name, limit in theirs["quantiles"].items():
            value = float(np.quantile(ours.draws, float(name.rstrip("%")) / 100))
            yield near(f"{table}, thresholding: {name}", value, limit, 0.02, digits=1)


def published_points() -> Iterator[Row]:
    """Published totals, printed without decimals."""
    stepwise = {"new-orleans-2014-185": 1184, "new-orleans-2014-5lists-185": 1034}
    for table, total in {**stepwise, "western-us": 2483}.items():
        ours = stepwise_point(tables.load(table))
        yield same(f"{table}, stepwise: published total", round(ours), total)
    for table, total in {"kosovo-1999": 10357, "korea-palembang": 157}.items():
        ours = float(best_models(tables.load(table)).total[0])
        yield same(f"{table}, best BIC: published total", round(ours), total)


def published_limits(runs: int = RUNS, runs_large: int = RUNS_LARGE) -> Iterator[Row]:
    """Published BCa limits of stepwise, within the range of ours."""
    published = {
        "new-orleans-2014-185": (717, 1657, runs_large),
        "new-orleans-2014-5lists-185": (589, 1703, runs),
    }
    for table, (lower, upper, times) in published.items():
        histories = tables.load(table)
        totals = stepwise_totals(len(histories.lists))
        ours = ranges(histories, totals, stepwise_point(histories), times)
        theirs = {0.025: float(lower), 0.975: float(upper)}
        yield from within(f"{table}, stepwise, published", ours, theirs, 0.5 / lower)


def decomposable_graphs(*named: str) -> Iterator[Row]:
    """The average over decomposable graphs, on the peer's own grid, for five priors of a cell."""
    for table in named or GRAPH_TABLES:
        answer, histories = peer(f"dga__{table}"), tables.load(table)
        first, last = answer["Nmissing"]
        for run in answer["runs"]:
            found = graphs_posterior(histories, run["delta"], np.arange(first, last + 1))
            what = f"{table}, graphs at {run['delta_rule']}"
            yield same(f"{what}: graphs", len(found.edges), answer["n_graphs"])
            yield near(f"{what}: mean", found.mean, run["mean"], 1e-6)
            yield near(f"{what}: standard deviation", found.sd, run["sd"], 1e-6)
            quantiles = run["quantiles"].values()
            ours = found.totals([float(p) for p in run["quantiles"]])
            yield same(f"{what}: quantiles", ours.astype(int).tolist(), list(quantiles))
            mode = histories.observed + int(found.missing[found.mass.argmax()])
            yield same(f"{what}: mode", mode, run["mode"])
            weights = {str(found.model(i)): found.probability[i] for i in range(len(found.edges))}
            theirs = {
                str(Model.parse(graph["cliques"], len(histories.lists))): graph["weight"]
                for graph in run["top_graphs"]
                if graph["weight"] > 1e-15  # ours leaves out what adds less to any number
            }
            worst = max(theirs, key=lambda model: relative(weights[model], theirs[model]))
            yield Row(
                f"{what}: weights of {len(theirs)} graphs",
                f"{weights[worst]:.10g}",
                f"{theirs[worst]:.10g}",
                "1e-6 relative",
                relative(weights[worst], theirs[worst]) <= 1e-6,
            )


def latent_classes(*_: int) -> Iterator[Row]:
    """Quantiles of latent classes where the peer's chains agree, within what both are worth.

    The share of our draws below the peer's quantile q must be q within four standard errors, of as
    many independent draws as the two together have. The peer's draws end at 20 unseen for each who
    was seen, which its documentation does not say; ours are compared as far as that.
    """
    for table in LATENT_CLASS_TABLES:
        answer = peer(f"lcmcr__{table}")
        found = latent_class(tables.load(table), draws=20_000)
        ess = 1 / (1 / answer["ess_total"] + 1 / found.details["ess_tail"])
        assert found.draws is not None
        draws = found.draws[found.draws <= 21 * found.observed]
        for p, name in ((0.025, "q025"), (0.5, "median"), (0.975, "q975")):
            theirs = answer["pooled"][name]
            # the counts are whole numbers, of which many draws may be the same
            low = float(np.mean(draws < theirs))
            high = float(np.mean(draws <= theirs))
            reach = 4 * math.sqrt(p * (1 - p) / ess)
            yield Row(
                f"{table}, latent classes: below the peer's {100 * p:g} %",
                f"{100 * (low + high) / 2:.2f} %",
                f"{theirs:,.1f}",
                f"{100 * reach:.2f} % of the draws",
                low - reach <= p <= high + reach,
            )


def rank_limits() -> Iterator[Row]:
    """Rank sets of csranks, which are by its own draws, and the joint intervals in closed form."""
    rows = sheets.rows("pisa-2018-math")
    scores, errors = columns(rows, "score", "standard_error")
    for kind in ("marginal", "simultaneous"):
        found = rank_sets(scores, errors, simultaneous=kind == "simultaneous")
        theirs = np.array(columns(rows, f"{kind}_lower", f"{kind}_upper"))
        away = np.abs(np.array([found.lower, found.upper]) - theirs)
        yield Row(
            f"pisa-2018-math, {kind} rank sets: limits",
            f"{np.sum(away == 0)} equal, {np.sum(away > 0)} off by {away.max():.0f}",
            f"{away.size} limits",
            "1 rank",
            bool(away.max() <= 1),
        )
        if kind == "marginal":
            at = [row["place"] for row in rows].index("United Kingdom")
            ours = int(found.ranks[at]), int(found.lower[at]), int(found.upper[at])
            yield same("pisa-2018-math, United Kingdom: rank, marginal set", ours, (13, 8, 23))
    for level, countries in ((0.95, 12), (0.9, 11)):
        ours_best = len(best(scores, errors, 5, level=level))
        yield same(f"pisa-2018-math, best five at {level:g}: countries", ours_best, countries)
    rows = sheets.rows("travel-time-2011")
    minutes, errors = columns(rows, "minutes", "standard_error")
    for level in (90, 95):
        found = joint_intervals(minutes, errors, level=level / 100, highest_first=False)
        theirs = np.array(columns(rows, f"joint{level}_lower", f"joint{level}_upper"))
        equal = int(np.sum(np.array([found.lower, found.upper]) == theirs))
        yield same(f"travel-time-2011, joint {level} % intervals: limits", equal, theirs.size)


MULTISTATE = {
    # the peer's file and model; table, survival, detection, movement
    ("marked_dipper", "dipper_CJS_dot_dot"): ("dipper", "constant", "constant", "constant"),
    ("marked_dipper", "dipper_CJS_time_time"): ("dipper", "time", "time", "constant"),
    ("marked_multistate", "mstrata_hmm_Sdot_ptime"): ("mstrata", "constant", "time", "city"),
    ("marked_multistate", "mstrata_hmm_Sstratum_pstratum"): ("mstrata", "city", "city", "city"),
    ("marked_multistate", "geese_hmm_Sstratum_pstratum"): ("geese", "city", "city", "city"),
    ("multistate_direct_likelihood", "mstrata S(.) p(t) psi(.)"): (
        "mstrata",
        "constant",
        "time",
        "city",
    ),
    ("multistate_direct_likelihood", "mstrata S(s) p(s) psi(.)"): ("mstrata", *["city"] * 3),
    ("multistate_direct_likelihood", "geese S(s) p(s) psi(.)"): ("geese", *["city"] * 3),
}
# geese, by the tests that the R package R2ucare (Gimenez et al. 2018) holds itself to
UCARE = {"3G.SR": (117.753, 12), "3G.SM": (302.769, 119), "WBWA": (472.855, 20)}


def multistate_models() -> Iterator[Row]:
    """-2 log L and all estimates of multistate models; tests of fit of the geese.

    The last survival and detection of dippers by time come as a product alone: marked gives one of
    many pairs, without an error that means anything, and ours are named and have no number.
    """
    for (file, model), (table, *terms) in MULTISTATE.items():
        answer = peer(file)[model]
        found = fit_multistate(read_histories(sheets.path(table)), *terms)
        what = f"{table} S({terms[0]}) p({terms[1]}), {file.split('_')[0]}"
        theirs = answer["neg2loglik"]
        ok = abs(found.minus2loglik - theirs) <= 0.01
        yield Row(f"{what}: -2 log L", f"{found.minus2loglik:.4f}", f"{theirs:.4f}", "0.01", ok)
        pairs = dict(multistate_pairs(found, answer))
        assert len(pairs) == sum(each.estimate is not None for each in found.estimates)
        for i, kind in enumerate(("estimate", "standard error")):
            ours, theirs = max(
                ((a[i], b[i]) for a, b in pairs.values()), key=lambda each: abs(each[0] - each[1])
            )
            ok = abs(ours - theirs) <= 0.0005
            name = f"{what}: {kind}, worst of {len(pairs)}"
            yield Row(name, f"{ours:.5f}", f"{theirs:.5f}", "0.0005", ok)
    for test in goodness_of_fit(read_histories(sheets.path("geese"))).tests:
        if test.name in UCARE:
            statistic, df = UCARE[test.name]
            ours = f"{test.statistic:.3f} on {test.df}"
            yield same(f"geese, {test.name}: statistic and df", ours, f"{statistic} on {df}")


def dippers(sex: str | None = None) -> Histories:
    """The dippers, or those of one sex."""
    if sex is None:
        return read_histories(sheets.path("dipper"))
    seen = [[int(x) for x in row["ch"]] for row in sheets.rows("dipper") if row["sex"] == sex]
    return Histories("1", "1234567", seen)


def entry_models() -> Iterator[Row]:
    """How many there are in all: marked's POPAN of the dippers, and Rcapture's Jolly-Seber models.

    Rcapture gives a total, too, where detection differs between all occasions: as if everybody were
    seen on the first and on the last. Ours has no number there.
    """
    answer = peer("marked_dipper")["dipper_POPAN_dot"]
    found = entry.fit(dippers(), "constant", "constant", "constant", "time")
    total = stock_and_flow(dippers(), found).of("flow")
    ours, theirs = found.minus2loglik, answer["neg2loglik"]
    ok = abs(ours - theirs) <= 0.01
    yield Row("dipper POPAN, marked: -2 log L", f"{ours:.4f}", f"{theirs:.4f}", "0.01", ok)
    unseen = answer["reals"]["N"][0]
    peers = {
        "survival": answer["reals"]["Phi"],
        "detection": answer["reals"]["p"],
        "entry": answer["reals"]["pent"],  # without the first, which is one less all others
        "people": [{"estimate": unseen["estimate"] + found.people, "se": unseen["se"]}],
    }
    for kind, rows in peers.items():
        told: list[Any] = [total] if kind == "people" else found.of(kind)[-len(rows) :]
        pairs = [(each, (row["estimate"], row["se"])) for each, row in zip(told, rows, strict=True)]
        yield from alike(f"dipper POPAN, marked: {kind}", pairs)

    heights = {}
    for model, answer in peer("rcapture_openp_dipper").items():
        _, who, ends = model.split("_")
        seen = dippers(None if who == "all" else who.capitalize())
        detection = "time" if ends == "up" else "constant"
        found = entry.fit(seen, "time", detection, "constant", "time", number="poisson")
        heights[model] = found.minus2loglik, answer["model_fit"][0]["deviance"]
        told = stock_and_flow(seen, found)
        all_of_ours = {
            "survival": found.of("survival"),
            "capture": found.of("detection") * (7 if ends == "ep" else 1),
            "N": [told.of("stock", None, when) for when in seen.occasions],
        }
        if ends == "ep":
            all_of_ours["Ntot"] = [told.of("flow")]
        for name, each in all_of_ours.items():
            theirs = [(row["estimate"], row["stderr"]) for row in answer[name]]
            yield from alike(f"{model}, openp: {name}", list(zip(each, theirs, strict=True)))
    ours, theirs = (
        equal - free
        for equal, free in zip(heights["dipper_all_ep"], heights["dipper_all_up"], strict=True)
    )
    ok = abs(ours - theirs) <= 0.01
    what = "dipper, openp: deviance of equal ends"
    yield Row(what, f"{ours:.4f}", f"{theirs:.4f}", "0.01", ok)


def alike(what: str, pairs: list[tuple[Any, tuple[float | None, float | None]]]) -> Iterator[Row]:
    """Whether the same can be estimated, and estimates and errors to three decimals.

    At the boundary ours have no error, and theirs one that means nothing.
    """
    ours, theirs = (
        [x is not None for x in each]
        for each in ([each.estimate for each, _ in pairs], [peers for _, (peers, _) in pairs])
    )
    yield same(f"{what}: estimable", sum(ours), sum(theirs))
    told = [(each, peers) for each, peers in pairs if each.estimate is not None]
    for i, kind in enumerate(("estimate", "standard_error")):
        both = [(getattr(each, kind), peers[i]) for each, peers in told]
        both = [(a, b) for a, b in both if a is not None and b is not None]
        a, b = max(both, key=lambda each: abs(each[0] - each[1]))
        words = f"{what}: {kind.replace('_', ' ')}, worst of {len(both)}"
        yield Row(words, f"{a:.5f}", f"{b:.5f}", "0.0005", ours == theirs and abs(a - b) <= 0.0005)


def multistate_pairs(
    found: Fit, answer: dict[str, Any]
) -> Iterator[tuple[str, tuple[tuple[float, float], tuple[float, float]]]]:
    """Estimate and standard error, ours and the peer's, of each that can be estimated."""
    for each in found.estimates:
        if each.estimate is None or each.standard_error is None:
            continue
        kind = {"survival": "S", "detection": "p", "movement": "psi"}[each.parameter]
        if kind in answer:  # arrays by step, city and aim; cities are letters or numbers
            step = 0
            if each.occasion is not None:
                step = int(re.findall("[0-9]+", each.occasion)[-1]) - 2
            at: Any = (step,)
            for city in (each.city or "A", each.to):
                if city is not None:
                    at = (*at, "ABC123".index(city) % 3)
            theirs = [float(np.array(answer[kind + end])[at]) for end in ("", "_se")]
        else:
            called = {"survival": ("S", "Phi"), "detection": ("p",), "movement": ("Psi",)}
            rows = [row for name in called[each.parameter] for row in answer["reals"].get(name, ())]
            (row,) = [row for row in rows if is_of(row, each)]
            theirs = [row["estimate"], row["se"]]
        yield each.name, ((each.estimate, each.standard_error), (theirs[0], theirs[1]))


def is_of(row: dict[str, Any], each: Estimated) -> bool:
    """Whether a row of marked is of the same probability; it calls a step by its beginning."""
    letters = {"1": "A", "2": "B", "3": "C"}
    when = None
    if each.occasion is not None:
        when = each.occasion.split(" to ")[0]
    cities = [letters.get(city, city) if city else None for city in (each.city, each.to)]
    return [row.get("time"), row.get("stratum"), row.get("tostratum")] == [when, *cities]


def columns(rows: list[dict[str, str]], *names: str) -> list[list[float]]:
    """Columns of a sheet as numbers."""
    return [[float(row[name]) for row in rows] for name in names]


def surgical_table() -> dict[str, npt.NDArray[np.float64]]:
    """Twelve hospitals: operations, deaths and what BUGS is published to answer, by column."""
    with (PEERS / "surgical.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {k: np.array([float(row[k]) for row in rows]) for k in rows[0] if k != "hospital"}


def surgical() -> Iterator[Row]:
    """Rates and ranks of twelve hospitals, each alone and drawn together (rank 1: fewest deaths).

    Published is one chain of 10,000 draws, so that means and limits are held to a twentieth of a
    standard deviation's order, and ranks, which are whole, to one.
    """
    table = surgical_table()
    deaths, operations = table["deaths"], table["operations"]
    found = exchangeable(deaths, operations, precision=(0.001, 0.001), draws=4_000)
    alone = independent(deaths, operations, draws=40_000)
    for words, key, rate in (("alone", "indep", alone), ("together", "re", found.rate)):
        lower, upper = np.quantile(rate, (0.025, 0.975), axis=0)
        ranks = np.quantile(rate.argsort(1).argsort(1) + 1, (0.025, 0.5, 0.975), axis=0)
        for what, ours, name, bound in (
            ("mean", rate.mean(axis=0), "mean", 0.001),
            ("lower limit", lower, "lo95", 0.003),
            ("upper limit", upper, "hi95", 0.003),
            ("lowest rank", ranks[0], "rank_lo", 1),
            ("median rank", ranks[1], "rank_med", 0),
            ("highest rank", ranks[2], "rank_hi", 1),
        ):
            theirs = table[f"{key}_{name}"]
            worst = int(np.abs(ours - theirs).argmax())
            yield Row(
                f"surgical, {words}: {what}, worst of {theirs.size}",
                f"{ours[worst]:.4g}",
                f"{theirs[worst]:.4g}",
                f"{bound:g}",
                bool(abs(ours[worst] - theirs[worst]) <= bound),
            )
    for what, value, published, bound in (
        ("mu", found.mu.mean(), -2.556, 0.015),
        ("sigma", found.sigma.mean(), 0.4049, 0.015),
        ("population mean", (1 / (1 + np.exp(-found.mu))).mean(), 0.07265, 0.001),
    ):
        ok = bool(abs(value - published) <= bound)
        yield Row(f"surgical, together: {what}", f"{value:.4f}", f"{published}", f"{bound:g}", ok)


def single_list() -> Iterator[Row]:
    """Every family for counts of one list that singleRcapture fits; and what was published."""
    worst: dict[tuple[str, str], tuple[float, str, float, float, float]] = {}
    fits: dict[tuple[str, str], int] = {}
    for name, what, ours, theirs, bound in single_list_peer.compared():
        key = name.split("|")[2], what
        fits[key] = fits.get(key, 0) + 1
        off = relative(ours, theirs)
        if key not in worst or off > worst[key][0]:
            worst[key] = (off, name.split("|")[0], ours, theirs, bound)
    for (model, what), (_, _table, ours, theirs, bound) in worst.items():
        yield near(f"{model}: {what}, worst of {fits[model, what]}", ours, theirs, bound)
    for pair in single_list_peer.pairs():
        if pair.usable and not pair.ours.why_not and pair.stopped_short:
            # Without covariates it is the same model of the counts as the other order, where the
            # peer does reach the maximum.
            assert pair.ours.loglik is not None
            other = peer("singlercapture")[pair.name.replace("ztHurdle", "Hurdlezt")]["loglik"]
            what = f"{pair.name.split('|')[0][:24]}: likelihood of ztHurdlegeom"
            yield near(what, pair.ours.loglik, other, 1e-7)
    immigrants = single_list_peer.read_counts("netherlands-immigrants-1995")
    farms = single_list_peer.read_counts("british-farm-submissions")
    full = single_list_peer.FORMULAS["full"]
    for counts, model, formula, published in (
        (immigrants, "ztpoisson", "y ~ gender + age + nation", (12_690, 7_186, 18_194)),
        (farms, "ztpoisson", full, (18_346, 17_932, 18_760)),
        (farms, "chao", full, (21_657, 20_883, 22_430)),
    ):
        found = single_list_people(counts, model, formula)
        limits = found.details["normal"]
        three = tuple(round(x) for x in (found.total, limits["lower"], limits["upper"]))
        yield same(f"published, {model}: {counts.observed:,} people", three, published)


DETERMINISTIC: tuple[Callable[[], Iterator[Row]], ...] = (
    models,
    statuses,
    stepwise_points,
    stepwise_replicates,
    bic_replicates,
    nested_intervals,
    mixed_models,
    thresholded,
    published_points,
    decomposable_graphs,
    rank_limits,
    surgical,
    multistate_models,
    entry_models,
    single_list,
)
MONTE_CARLO: tuple[Callable[..., Iterator[Row]], ...] = (
    limits,
    nested_limits,
    published_limits,
    latent_classes,
)


def main() -> int:
    """Print every comparison; 1 if one fails."""
    failed = done = 0
    print(f"{'':<4}{'what':<62}{'ours':>26}{'theirs':>26}  bound")
    for part in (*DETERMINISTIC, *MONTE_CARLO):
        for row in part():
            done += 1
            failed += not row.ok
            mark = "ok" if row.ok else "NOT"
            print(f"{mark:<4}{row.what:<62}{row.ours:>26}{row.theirs:>26}  {row.bound}", flush=True)
    print(f"{done - failed} of {done} comparisons hold.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
