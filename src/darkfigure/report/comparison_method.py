"""How places were compared, for a statistician, and what cannot be checked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from darkfigure.report.concluded import stay_of, time_of, timed
from darkfigure.report.one_count import apart
from darkfigure.report.words import exactly


class Caveat(NamedTuple):
    """Something that could be wrong, and why that matters."""

    sentence: str
    why: str


OF_LISTS = Caveat(
    "That in every place people are missed by all its lists as often as the lists' overlaps "
    "suggest.",
    "This cannot be seen in the data of any place. Where it is wrong in one and not in another, "
    "the two are set apart, or brought together, by nothing real.",
)
OF_PEOPLE = Caveat(
    "That the places mean the same by the people they count.",
    "Laws and habits of recording differ. What is trafficking on one list is something else, or "
    "nothing, on another.",
)
OF_TIME = Caveat(
    "That people come and go evenly, and stay equally long everywhere.",
    "All people of six years are more than those of one year; how many more hangs on how long each "
    "stays, which hardly anybody has measured.",
)
OF_INHABITANTS = Caveat(
    "That the inhabitants are those among whom the people are found.",
    "Some are brought from elsewhere, and many pass through. A city on a freeway may have more per "
    "inhabitant without any of its inhabitants being worse off.",
)
OF_AWARENESS = Caveat(
    "How much of the link between awareness and records is reporting.",
    "Where people know of trafficking they report more; and where there is more of it, more is "
    "known. One count for each place cannot tell these apart, so that both ends are shown.",
)
OF_SHARE = Caveat(
    "What share of all cases is reported at all.",
    "It is stated beforehand. The data of places with one count hardly change it.",
)

RANKED = (
    "Goldstein, H. and Spiegelhalter, D. J. (1996). League tables and their limitations: "
    "statistical issues in comparisons of institutional performance. Journal of the Royal "
    "Statistical Society A 159(3), 385–443.",
    "Lin, R., Louis, T. A., Paddock, S. M. and Ridgeway, G. (2006). Loss function based ranking in "
    "two-stage, hierarchical models. Bayesian Analysis 1(4), 915–946.",
)
TIMED = (
    "Little, J. D. C. (1961). A proof for the queuing formula L = λW. Operations Research 9(3), "
    "383–387.",
)
MODELLED = (
    "Dvorzak, M. and Wagner, H. (2016). Sparse Bayesian modelling of underreported count data. "
    "Statistical Modelling 16(1), 24–46.",
    "Stoner, O., Economou, T. and Drummond Marques da Silva, G. (2019). A hierarchical framework "
    "for correcting under-reporting in count data. Journal of the American Statistical Association "
    "114(528), 1481–1492.",
    "Hoffman, M. D. and Gelman, A. (2014). The No-U-Turn sampler: adaptively setting path lengths "
    "in Hamiltonian Monte Carlo. Journal of Machine Learning Research 15, 1593–1623.",
    "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. and Bürkner, P.-C. (2021). "
    "Rank-normalization, folding, and localization: an improved R-hat. Bayesian Analysis 16(2), "
    "667–718.",
)


def assumed(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> list[Caveat]:
    """What is assumed and cannot be checked."""
    found = [OF_LISTS, OF_PEOPLE] if shown else [OF_AWARENESS, OF_SHARE]
    if shown and timed(shown):
        found.append(OF_TIME)
    found.append(OF_INHABITANTS)
    return [*found, OF_AWARENESS, OF_SHARE] if shown and told else found


def method_text(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> list[str]:
    """What was done, in paragraphs."""
    said = []
    if shown:
        said.append(
            "Every total is represented by draws: its own, where its estimate has any; else "
            "two-piece log-normal ones that fit its published limits. Draws of different places "
            "are independent. Divided by the inhabitants they are rates, and over the draws every "
            "place has a distribution of ranks (Goldstein and Spiegelhalter 1996); the expected "
            "rank is one half plus the sum over all places of the probability that they are at "
            "least as high (Lin and others 2006, equation 2). Two places are told apart when one "
            f"is higher with a probability of {100 * shown['sure']:g}\u00a0% or more, which is "
            f"where the {100 * shown['level']:g}\u00a0% interval of the ratio of their rates "
            "excludes 1. The ranks of one place leave out equal tails; those of all places at "
            "once have the largest tails with which all places are within them in that share of "
            "the draws."
        )
        said.append(
            "The ratio of recorded rates is the ratio of rates times the ratio of shares "
            "recorded, at the best guesses; the limits are quantiles over the draws, those of the "
            "recorded ratio from Jeffreys draws of Poisson means, each brought to the common time "
            "by the stay of its draw where times differ."
        )
        if timed(shown):
            said.append(
                "Counts of T years were brought to T′ years by (d + T′) / (d + T), where d is the "
                "stay in years: a steady stock that is renewed S / d times a year (Little 1961). d "
                "is drawn evenly on the logarithm between its limits, and is the same for all "
                "places within a draw."
            )
    if told:
        said.append(
            "What a system reports of a place with one count in a year is negative binomial about "
            "inhabitants × rate × share reported, with a variance of mean + excess × mean². The "
            "logarithm of a place's rate is a national level and a normal effect of the place, "
            "which all systems have in common; the logarithm of a system's share is a level, "
            "slopes on the standardised logarithms of its awareness covariates, an effect of the "
            "year and a normal effect of the place that is that system's own: the model of "
            "Dvorzak and Wagner (2016) with a log link, for several systems at once. Counts know "
            "the product only. How high rates are comes from a prior for the share of the first "
            "system in an ordinary place (Stoner and others 2019), under which no place has a "
            "share above 1, and from anchors, places whose rate is known from lists, where there "
            "are any."
        )
        if told["grid"]:
            said.append(
                "Whether what goes with a covariate is reporting or prevalence changes nothing in "
                "the likelihood. So a part of it, from 1 to 0, is taken to be reporting and the "
                "rest is added to the rate: at 0 the rate takes all of it, and what the systems "
                "without covariates do not see of that is a smaller share of theirs. Where "
                "several systems have covariates the rate takes what they say on average, each "
                "weighed by how little effect of its own it has, for in what they differ only "
                "reporting can."
            )
        said.append(
            "The sums that counts know were drawn by the No-U-Turn sampler (Hoffman and Gelman "
            "2014); rates and shares were drawn after it, given these, exactly."
        )
    return said


def facts(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What a statistician wants to know, by name."""
    found: list[tuple[str, str]] = []
    if shown:
        stay = shown["footing"]["stay"] if timed(shown) else None
        found += [
            ("Common footing", f"people {time_of(shown)}"),
            (
                "Stay",
                stay_of(stay) if stay else "not needed",
            ),
            ("Level", f"{shown['level']:g}"),
            ("Seed", str(shown["seed"])),
        ]
    if told:
        for key, name in (
            ("rhat", "Largest R-hat"),
            ("ess", "Smallest effective sample size"),
            ("divergences", "Divergent transitions"),
        ):
            if told["convergence"].get(key) is not None:
                found.append((name, exactly(told["convergence"][key])))
        found.append(("Can be told apart, of places with one count", apart(told).rstrip(",")))
    return found


def references(shown: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Where the methods come from."""
    moved = shown is not None and timed(shown)
    return (*RANKED, *(TIMED if moved else ()), *(MODELLED if told else ()))
