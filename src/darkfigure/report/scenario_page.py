"""The page of a scenario: what would change if hours went to buyers and traffickers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from darkfigure.report.comparison_method import Caveat
from darkfigure.report.frame import About, Help, framed, origin
from darkfigure.report.scenario_charts import SHORT, helps, matters, measure_next, over_years
from darkfigure.report.scenario_concluded import (
    Asked,
    answer,
    cannot,
    compared,
    ranged,
    signed,
)
from darkfigure.report.scenario_evidence import (
    REFERENCES,
    SPEAKS_AGAINST,
    SPEAKS_FOR,
    contradicted,
)
from darkfigure.report.words import counted, opened, percent_exactly

Told = Mapping[str, Any]

MEASURED = ("exploited_person_years", "harm")

ASSUMED = (
    Caveat(
        "That the market is as simple as this.",
        "Prices, seasons, other crimes, prison, services that help people to leave, and what "
        "anybody does about the policy beyond what is stated here, are left out.",
    ),
    Caveat(
        "That today stands still but for what is put in.",
        "How many come is reckoned from how many leave today. If the market grows or shrinks for "
        "other reasons, both allocations do so alike.",
    ),
    Caveat(
        "That the unknowns have nothing to do with each other.",
        "If, say, buyers who are deterred by little are also replaced by others soon, the spread "
        "is another.",
    ),
    Caveat(
        "That police do what the hours say.",
        "An hour yields as many arrests after the shift as before, however many hours there are.",
    ),
    Caveat(
        "That harm can be put on one scale.",
        "A year indoors, a year on the street and an arrest are weighed against each other by "
        "numbers that people who have lived through them did not give.",
    ),
)


class Described(Asked, Protocol):
    """What the page needs to know of a scenario."""

    @property
    def title(self) -> str: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...


def scenario_page(study: Described, told: Told, made_by: Mapping[str, Any]) -> str:
    """The whole page as one HTML text.

    Parameters
    ----------
    study : Scenario
        Its title, place and period, credits and help line.
    told : mapping
        As `darkfigure.demand.shift.Outcome.told` gives it.
    made_by : mapping
        `version` and `command`, as far as they are known.
    """
    years, share = over_years(told), helps(told)
    bars = [chart for chart in (matters(told, name) for name in MEASURED) if chart]
    return framed(
        "scenario.html.jinja",
        title=f"{study.title} {opened(study.place)}, from {study.period} on",
        answer=answer(told),
        help=study.help,
        contradicted=contradicted(told["hours"]),
        compared=compared(study, told),
        cannot=cannot(told),
        outcome_rows=_outcome_rows(told),
        city_rows=_city_rows(told),
        cities=[each["city"] for each in told["hours"]],
        years=years,
        helps=share,
        bars=bars,
        next=measure_next(told, MEASURED),
        turns=[(SHORT[name], _turn_rows(told, name), _steady(told, name)) for name in MEASURED],
        speaks_for=SPEAKS_FOR,
        speaks_against=SPEAKS_AGAINST,
        warnings=[Caveat(opened(each), "") for each in told["warnings"]],
        assumed=ASSUMED,
        put_in=_put_in(told),
        hours_rows=_hours_rows(told),
        hours_from=[Caveat(f"{each['city']}:", each["source"]) for each in told["hours"]],
        movement=told["movement"],
        method=_method(told),
        facts=[
            ("Years", str(told["years"])),
            ("Draws", f"{told['draws']:,}"),
            ("Runs for Sobol indices", f"{told['sobol_runs']:,}"),
            ("Level of ranges", f"{told['level']:g}"),
            ("Seed", str(told["seed"])),
        ],
        references=REFERENCES,
        charts=[years, share, *bars],
        origin=origin(study.about, made_by),
    )


def _outcome_rows(told: Told) -> list[list[str]]:
    rows = []
    for each in told["outcomes"]:
        ways = [ranged(each[way], each["unit"]) for way in ("difference", "today", "shifted")]
        rows.append([_named(each), *ways])
    return rows


def _city_rows(told: Told) -> list[list[str]]:
    """The difference by city, of what a shift could push from one to the other."""
    rows = []
    for city in dict.fromkeys(each["city"] for each in told["by_city"]):
        mine = {e["outcome"]: e["difference"] for e in told["by_city"] if e["city"] == city}
        kinds = ("exploited_person_years", "harm", "arrests_exploited")
        rows.append([city, *(ranged(mine[kind]) for kind in kinds)])
    return rows


def _turn_rows(told: Told, name: str) -> list[list[str]]:
    """The unknowns over whose range the mean difference changes its sign."""
    rows = []
    for each in told["break_even"]:
        if each["outcome"] != name or not each["values"]:
            continue
        if len(each["values"]) > 1:
            side = "changes more than once"
        else:
            side = "above it" if each["difference_at_upper"] < 0 else "below it"
        rows.append(
            [
                _named(each),
                f"{_short(each['lower'])}\u00a0to\u00a0{_short(each['upper'])}",
                " and ".join(_short(value) for value in each["values"]),
                side,
            ]
        )
    return rows


def _steady(told: Told, name: str) -> str:
    """How many unknowns do not turn the mean difference, in a sentence."""
    mine = [each for each in told["break_even"] if each["outcome"] == name]
    none = [each for each in mine if not each["values"]]
    if not mine:
        return ""
    if not none:
        return "every unknown can turn it within its range."
    return (
        f"of the other {counted(len(none))} unknowns none can be told to turn it within its range."
        if len(none) < len(mine)
        else "no unknown by itself can be told to turn it within its range."
    )


def _named(each: Mapping[str, Any]) -> str:
    """The words of something with its unit, unless they say it."""
    words, unit = opened(each["words"]), each["unit"]
    return words if unit in words.lower() else f"{words}, {unit}"


def _short(number: float) -> str:
    """Three significant digits."""
    return signed(number) if abs(number) >= 1000 else f"{number:.3g}"


def _put_in(told: Told) -> list[Caveat]:
    """Every number that goes in, with its range and grade, and its source under it."""
    found = []
    for each in told["assumptions"]:
        value = _short(each["middle"])
        if each["distribution"] != "fixed":
            limits = f"{_short(each['lower'])}\u00a0to\u00a0{_short(each['upper'])}"
            value = f"{value} ({limits}, {each['distribution']})"
        grade = each["grade"] if each["grade"] == "assumption" else f"grade {each['grade']}"
        found.append(Caveat(f"{_named(each)}: {value}. {opened(grade)}.", each["source"]))
    return found


def _hours_rows(told: Told) -> list[list[str]]:
    groups = ("exploited", "buyers", "traffickers")
    return [
        [
            f"{each['city']}, {when}",
            *(f"{each[way][group]:,.0f}" for group in groups),
        ]
        for each in told["hours"]
        for way, when in (("today", "today"), ("shifted", "shifted"))
    ]


def _method(told: Told) -> list[str]:
    same = sum(each["probability_same"] > 0 for each in told["outcomes"])
    said = [
        "A market in each city: exploited people (visible, hidden, in custody), traffickers, and "
        "buyers (active, deterred), in whole people, month by month. Every flow is a binomial or "
        "Poisson draw. Arrests expected in a year are hours over hours per arrest. What is bought "
        "is M = (B + hD) exp(−g r / 100), with B active and D deterred buyers, h the hazard ratio "
        "of buying after an arrest, r the yearly risk of arrest in per cent and g general "
        "deterrence; the share that is displaced is bought in other cities. Entries of exploited "
        "people are today's, times (M/M₀) to the power of the supply elasticity for those without "
        "a trafficker, and times T/T₀ for the others; traffickers enter with (M/M₀) to that power. "
        "Time in custody is not counted as exploitation. The equations stand in the documentation "
        "in full.",
        "Today's flows follow from today's stocks, stays and hours, so that with today's hours the "
        "market stands still in expectation, but for the ratio of entries to exits that is put in.",
        "Both allocations meet the same draws of the unknowns and, flow by flow and month by "
        "month, the same random numbers; their difference is that of the hours. Ranges are "
        "quantiles over the draws.",
        "Break-even is where the mean difference given one unknown is zero, all others over their "
        "distributions: a cubic regression on the draws; a change of sign is told only if both "
        "sides are two standard errors away from zero.",
        f"Sobol indices are by Saltelli and others (2010) for the first order and Jansen (1999) in "
        f"total, on {told['sobol_runs']:,} runs of a scrambled Sobol’ design that share one "
        "chance; standard errors by bootstrap.",
    ]
    if same:
        share = max(each["probability_same"] for each in told["outcomes"])
        said.append(f"Up to {percent_exactly(share)} of draws show no difference in an outcome.")
    return said
