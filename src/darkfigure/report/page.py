"""The page: one file that opens anywhere, asks nothing of the network and runs no script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2
from markupsafe import Markup

from darkfigure.disclosure import (
    publishable_estimate,
    publishable_overlaps,
    sizes_as_text,
)
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report import charts, spread
from darkfigure.report.matching import matching
from darkfigure.report.strata import Shown, by_strata
from darkfigure.report.trust import CAVEATS, findings, plain_range, verdict
from darkfigure.report.unknowable import unknowable as what_no_data_tell
from darkfigure.report.words import counted, is_one, one_in, opened, per, rounded

REFERENCES = (
    "Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for sparse "
    "capture data: inferential challenges when there are nonoverlapping lists. Journal of the "
    "American Statistical Association 116(535), 1297–1306.",
    "Silverman, B. W., Chan, L. and Vincent, K. (2024). Bootstrapping multiple systems estimates "
    "to account for model selection. Statistics and Computing 34, 44.",
    "Fienberg, S. E. and Rinaldo, A. (2012). Maximum likelihood estimation in log-linear models. "
    "Annals of Statistics 40(2), 996–1023.",
)

AVERAGING = (
    "Kass, R. E. and Raftery, A. E. (1995). Bayes factors. Journal of the American Statistical "
    "Association 90(430), 773–795.",
    "Hoeting, J. A., Madigan, D., Raftery, A. E. and Volinsky, C. T. (1999). Bayesian model "
    "averaging: a tutorial. Statistical Science 14(4), 382–417.",
    "Tierney, L. and Kadane, J. B. (1986). Accurate approximations for posterior moments and "
    "marginal densities. Journal of the American Statistical Association 81(393), 82–86.",
)

BEYOND = (
    "Aleshin-Guendel, S., Sadinle, M. and Wakefield, J. (2024). The central role of the "
    "identifying assumption in population size estimation. Biometrics 80(1).",
)
SHRUNK = (
    "Binette, O. and Steorts, R. C. (2022). On the reliability of multiple systems estimation for "
    "the quantification of modern slavery. Journal of the Royal Statistical Society A 185(2), "
    "640–676.",
    "Tierney, L. and Kadane, J. B. (1986). Accurate approximations for posterior moments and "
    "marginal densities. Journal of the American Statistical Association 81(393), 82–86.",
)

GRAPHS = (
    "Dawid, A. P. and Lauritzen, S. L. (1993). Hyper Markov laws in the statistical analysis of "
    "decomposable graphical models. Annals of Statistics 21(3), 1272–1317.",
    "Madigan, D. and York, J. C. (1997). Bayesian methods for estimation of the size of a closed "
    "population. Biometrika 84(1), 19–31.",
)


LINKAGE = (
    "Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the American "
    "Statistical Association 64(328), 1183–1210.",
    "Linacre, R., Lindsay, S., Manassis, T., Slade, Z. and Hepworth, T. (2022). Splink: free "
    "software for probabilistic record linkage at scale. International Journal of Population Data "
    "Science 7(3).",
    "Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.",
)


class Help(Protocol):
    """Whom a reader of the page can call; what there is not is empty."""

    @property
    def name(self) -> str: ...
    @property
    def phone(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tty(self) -> str: ...


class About(Protocol):
    """Who did it, and from what."""

    @property
    def who(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def contact(self) -> str: ...
    @property
    def citation(self) -> str: ...
    @property
    def data_status(self) -> str: ...


class Method(Protocol):
    """How the estimate was asked for."""

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int: ...


class Described(Protocol):
    """What the page needs to know of a study."""

    @property
    def title(self) -> str: ...
    @property
    def people(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def period(self) -> str: ...
    @property
    def population(self) -> float | None: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def truth(self) -> int | None: ...
    @property
    def smallest_count(self) -> int: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...
    @property
    def method(self) -> Method: ...


def page(
    study: Described,
    histories: CaptureHistories,
    estimate: Estimate,
    alternatives: Sequence[Estimate],
    provenance: Mapping[str, Any],
    linkage: Mapping[str, Any] | None = None,
    unknowable: Mapping[str, Any] | None = None,
    strata: tuple[Sequence[str], Sequence[Shown]] | None = None,
) -> str:
    """The whole page as one HTML text.

    Parameters
    ----------
    study : Study
        What it is about: title, people, place, period, population, help line, and so on.
    histories : CaptureHistories
        How the lists overlap. Counts below `study.smallest_count` do not reach the page.
    estimate : Estimate
        The answer.
    alternatives : sequence of Estimate
        Other models that can be defended, each with a `details["label"]` in plain words.
    provenance : mapping
        `version`, `command`, `input_hash` and `source`, as far as they are known.
    linkage : mapping, optional
        How the records were matched, where the counts come from records; see `matching`.
    unknowable : mapping, optional
        How the total moves with the interaction of all lists, as `darkfigure.size.sensitivity`
        gives it. Where counts are held back it must be made of the published estimate alone.
    strata : tuple, optional
        The variables by which the people were split, and each stratum as it may be shown.

    Raises
    ------
    InputError
        If there are too few people for anything to be shown, or `unknowable` tells more than may be
        published.
    """
    shown = publishable_overlaps(histories, study.smallest_count)
    sizes = sizes_as_text(shown)
    if shown.rounded:
        estimate = publishable_estimate(estimate)
        alternatives = [publishable_estimate(other) for other in alternatives]
        if unknowable and (
            any(unknowable[limit] != getattr(estimate, limit) for limit in ("total", "lower"))
            or any(unknowable[key] for key in ("hidden", "saturated", "why_not_saturated"))
        ):
            raise InputError("What no data can tell was made from counts that are held back.")
    found = findings(histories, estimate, alternatives, study.smallest_count)
    dots = charts.dots(histories, estimate)
    overlaps = charts.overlaps(histories, study.smallest_count)
    forest = spread.alternatives(estimate, alternatives)
    histogram = spread.replicates(estimate)
    matched = matching(linkage, estimate) if linkage else None
    beyond = what_no_data_tell(unknowable) if unknowable else None
    kinds = by_strata(*strata) if strata else None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["dial"] = dial
    environment.filters["drawing"] = Markup  # our own drawings; every text in them is escaped
    return environment.get_template("page.html.jinja").render(
        study=study,
        histories=histories,
        estimate=estimate,
        help=study.help,
        answer=answer(study, estimate),
        best_guess=_best_guess(estimate),
        rate=_rate(study, estimate),
        verdict=verdict(found),
        against=[finding for finding in found if finding.serious],
        in_favour=[finding for finding in found if not finding.serious],
        caveats=CAVEATS,
        others=alternatives,
        overlap_text=_overlap_text(histories),
        dots=dots,
        overlaps=overlaps,
        alternatives=forest,
        replicates=histogram,
        matched=matched,
        beyond=beyond,
        kinds=kinds,
        truth=_truth(study, estimate),
        charts=[
            chart
            for chart in (
                dots,
                *([kinds.chart] if kinds else ()),
                overlaps,
                *(matched.charts if matched else ()),
                forest,
                beyond.chart if beyond else None,
                histogram,
            )
            if chart
        ],
        list_rows=[[name, i, sizes[name]] for i, name in enumerate(histories.lists, start=1)],
        method_text=_method_text(estimate),
        facts=_facts(study, estimate),
        references=REFERENCES
        + (BEYOND if beyond else ())
        + (AVERAGING if estimate.method == "averaged" else ())
        + (SHRUNK if estimate.method in ("auto", "shrinkage") else ())
        + (GRAPHS if estimate.method == "decomposable" else ())
        + (LINKAGE if linkage else ()),
        origin=_origin(study, provenance),
        print_line=css_string(_help_line(study.help)),
    )


def answer(study: Described, estimate: Estimate) -> str:
    """The answer as one sentence, never without its range."""
    seen = estimate.observed
    others = (
        "the others on nobody's"
        if estimate.lower > seen
        else "the others, if there are any, on nobody's"
    )
    return (
        f"{opened(plain_range(estimate))} people were {study.people} in {study.place} in "
        f"{study.period}; {seen:,} of them are on somebody's list, {others}."
    )


def css_string(text: str) -> str:
    r"""A text as a string of CSS that nothing can break out of.

    Examples
    --------
    >>> print(css_string('Help: 1-888 "x"</style>'))
    "Help\3a  1\2d 888 \22 x\22 \3c \2f style\3e "
    """
    escaped = "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)
    return Markup(f'"{escaped}"')


def dial(number: str) -> str:
    """The digits of a telephone number, for a link that dials it.

    Examples
    --------
    >>> dial("1-888-373-7888"), dial("+44 (0) 8000 121 700")
    ('18883737888', '+4408000121700')
    """
    return re.sub(r"[^0-9+*#]", "", number)


def _help_line(help: Help) -> str:
    ways = [help.phone]
    ways += [f"text {help.text}"] if help.text else []
    ways += [f"TTY {help.tty}"] if help.tty else []
    return f"{help.name}: {', '.join(ways)}"


def _best_guess(estimate: Estimate) -> str:
    share = one_in(estimate.coverage)
    return (
        f"The best single guess is {rounded(estimate.total)}. On that guess {share} "
        f"{'was' if is_one(estimate.coverage) else 'were'} seen by any agency."
    )


def _rate(study: Described, estimate: Estimate) -> str:
    if not study.population:
        return ""
    rate = estimate.rate(study.population)
    low, high = per(rate.lower), per(rate.upper) if rate.upper < float("inf") else ""
    of = f"in every {rate.per:,} inhabitants"
    if not high:
        return f"That is at least {low} {of}."
    return f"That is {low} {of}." if low == high else f"That is {low} to {high} {of}."


def _truth(study: Described, estimate: Estimate) -> str:
    """How the estimate stands to the truth, where somebody made it up."""
    if study.truth is None:
        return ""
    within = estimate.lower <= study.truth <= estimate.upper
    return (
        f"There are {study.truth:,} of these made-up people. The range "
        f"{'holds that number' if within else 'misses that number'}; a range at "
        f"{100 * estimate.level:g}\u00a0% should miss it about once in "
        f"{counted(round(1 / (1 - estimate.level)))} times."
    )


def _overlap_text(histories: CaptureHistories) -> str:
    lists = len(histories.lists)
    return (
        f"The {rounded(histories.observed)} people who were seen are on {counted(lists)} lists. If "
        "many of those on one list are on the others too, few can be missing; if hardly any are, "
        "many are missing."
    )


def _method_text(estimate: Estimate) -> str:
    level = f"{100 * estimate.level:g}\u00a0%"
    said = (
        "The counts of people by combination of lists are described by a log-linear model, and the "
        "count of the combination of no list is read off the model. "
        if estimate.details.get("model")
        else ""
    )
    if "BCa" in str(estimate.details.get("interval", "")):
        return said + (
            f"The {level} interval comes from a bootstrap which redraws the counts and repeats the "
            "choice of the model, corrected for bias and acceleration (BCa)."
        )
    if estimate.method == "decomposable":
        return (
            "Lists that depend on each other directly are joined, which makes a graph. Every "
            "decomposable graph (each ring of four or more lists has a chord) is averaged with the "
            "probability that the data give it, under a hyper-Dirichlet prior with a weight of "
            f"{estimate.settings['delta']:g} for each combination of lists and 1 / N for the total "
            f"N. The interval has {level} of the posterior probability."
        )
    if estimate.method == "latent-class":
        return (
            "Everybody belongs to one of several classes, within which the lists are independent "
            "(a Dirichlet process mixture, Manrique-Vallier 2016, Biometrics 72). The posterior "
            "was drawn by Hamiltonian Monte Carlo with replicas at several temperatures, until "
            f"{estimate.details['chains']} chains agreed. {level} of the totals drawn lie in the "
            "interval."
        )
    if estimate.method in ("auto", "shrinkage"):
        return (
            "The counts of people by combination of lists are described by a log-linear model with "
            "all dependences among the lists, each normal beforehand about what is usual of lists "
            "of hidden people; what is usual was set with tables of people in view whose true "
            "number is known. The number on no list is read off the posterior, in which the "
            f"dependences are integrated out by Laplace's method. {level} of the totals drawn from "
            "it lie in the interval."
        )
    if "posterior" in str(estimate.details.get("interval", "")):
        weighed = {
            "bic": "from BIC",
            "laplace": "by Laplace's approximation, with a normal prior of standard deviation "
            f"{estimate.settings.get('prior_sd', 1.5)} on each interaction",
        }[str(estimate.settings.get("weights", "bic"))]
        return (
            "The counts of people by combination of lists are described by log-linear models, and "
            "the count of the combination of no list is read off each of them. The models are "
            f"averaged with the probability that the data give them, worked out {weighed}; of many "
            f"models only those that have nearly all of it. {level} of the totals drawn in this "
            "way lie in the interval."
        )
    if estimate.draws is not None:
        return said + f"The {level} interval rests on {estimate.draws.size:,} replicates."
    return said + f"The interval is at {level}."


def _facts(study: Described, estimate: Estimate) -> list[tuple[str, str]]:
    """What a statistician wants to know, as far as the method has told it."""
    details = estimate.details
    facts: list[tuple[str, str]] = [("Method", estimate.method)]
    if details.get("model"):
        numbered = ", ".join(f"{i} {name}" for i, name in enumerate(estimate.lists, start=1))
        facts.append(("Model", f"{details['model']}, by the numbers of the lists: {numbered}"))
    if details.get("bic") is not None:
        facts.append(("BIC", f"{float(details['bic']):,.1f}"))
    for key, name in (
        ("models", "Models compared"),
        ("models_fitted", "Models fitted"),
        ("models_pruned", "Models ruled out by the bound"),
        ("models_weighed", "Models weighed"),
        ("models_admissible", "Models with an estimate"),
        ("graphs", "Graphs weighed"),
    ):
        if details.get(key) is not None:
            facts.append((name, f"{int(details[key]):,}"))
    if "certified" in details:
        facts.append(("Best model", "proven" if details["certified"] else "not proven"))
    low, high = f"{estimate.lower:,.0f}", f"{estimate.upper:,.0f}"
    upper = high if estimate.upper < float("inf") else "no upper limit"
    facts.append(("Estimate", f"{estimate.total:,.0f} ({low} to {upper})"))
    for key, name in (
        ("mass_proven", "Probability proven to lie on the models weighed"),
        ("mass_without_estimate", "Probability on models without an estimate"),
        ("mass_prior_driven", "Probability on graphs that leave the unseen to the prior"),
    ):
        if details.get(key) is not None:
            facts.append((name, f"{100 * float(details[key]):.1f}\u00a0%"))
    if estimate.draws is not None:
        drawn = "Draws" if "posterior" in str(details.get("interval", "")) else "Replicates"
        facts.append((drawn, f"{estimate.draws.size:,}"))
    for key, name in (("bias", "BCa bias correction"), ("acceleration", "BCa acceleration")):
        if details.get(key) is not None:
            facts.append((name, f"{float(details[key]):.4f}"))
    facts.append(("Seed", str(estimate.settings.get("seed", study.method.seed))))
    return facts


def _origin(study: Described, provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    about = study.about
    # With the hash of the counts, a guess at those held back could be tried until it fits.
    hashed = str(provenance.get("input_hash") or "") if study.smallest_count == 1 else ""
    lines = [
        ("Made by", about.who),
        ("Data", about.data_status),
        ("Source", str(provenance.get("source") or about.citation)),
        ("Cite as", about.citation),
        ("Note", about.note),
        ("Contact", about.contact),
        ("Command", str(provenance.get("command") or "")),
        ("Version", f"darkfigure {provenance['version']}" if provenance.get("version") else ""),
        ("Hash of the input", hashed),
    ]
    kept: list[tuple[str, str]] = []
    for name, value in lines:
        if value and value not in {said for _, said in kept}:
            kept.append((name, value))
    return kept
