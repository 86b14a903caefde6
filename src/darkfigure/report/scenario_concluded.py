"""What can be concluded of a scenario, and what cannot: the first lines of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from darkfigure.report.words import between, counted, listed, opened, percent

Told = Mapping[str, Any]

CHANGES = {
    "arrests_exploited": (
        "fewer arrests of exploited people",
        "more arrests of exploited people",
    ),
    "exploited_person_years": ("fewer years of exploitation", "more years of exploitation"),
    "harm": ("less harm to exploited people", "more harm to exploited people"),
}
UNTOLD = {
    "arrests_exploited": "fewer exploited people would be arrested",
    "exploited_person_years": "fewer people would be exploited",
    "harm": "they would come to less harm",
}
NOT_A_FORECAST = "This is a scenario, not a forecast"
MINUS = "\u2212"


class Asked(Protocol):
    """What the scenario asks: where, and from when on."""

    @property
    def place(self) -> str: ...
    @property
    def period(self) -> str: ...


def outcome(told: Told, name: str) -> dict[str, Any]:
    """One outcome of those told."""
    found: dict[str, Any] = next(each for each in told["outcomes"] if each["name"] == name)
    return found


def answer(told: Told) -> str:
    """The answer as one sentence, that it is a scenario first, and no number without its range.

    Parameters
    ----------
    told : mapping
        As `darkfigure.demand.shift.Outcome.told` gives it.

    Examples
    --------
    >>> arrests = {"name": "arrests_exploited", "difference": {"lower": -820.0, "upper": -140.0}}
    >>> years = {"name": "exploited_person_years", "difference": {"lower": -9.0, "upper": 4.0}}
    >>> harm = {"name": "harm", "difference": {"lower": -5.0, "upper": 2.0}}
    >>> answer({"years": 10, "outcomes": [arrests, years, harm]})
    'This is a scenario, not a forecast: in it the shift means between 140 and 820 fewer arrests of
    exploited people in ten years; whether fewer people would be exploited, or they would come to
    less harm, cannot be told.'
    """
    sure, unsure = [], []
    for name, (fewer, more) in CHANGES.items():
        change = outcome(told, name)["difference"]
        if change["lower"] < 0 < change["upper"] or change["lower"] == change["upper"] == 0:
            unsure.append(UNTOLD[name])
            continue
        word = fewer if change["upper"] <= 0 else more
        low, high = sorted((abs(change["lower"]), abs(change["upper"])))
        sure.append(word if name == "harm" else f"{between(low, high)} {word}")
    parts = []
    if sure:
        years = counted(told["years"])
        ends = "year" if told["years"] == 1 else "years"
        parts.append(f"in it the shift means {listed(sure)} in {years} {ends}")
    if unsure:
        parts.append(f"whether {', or '.join(unsure)}{',' * (len(unsure) > 1)} cannot be told")
    return f"{NOT_A_FORECAST}: {'; '.join(parts)}."


def compared(study: Asked, told: Told) -> list[str]:
    """What is held against what, in sentences."""
    said = []
    for each in told["hours"]:
        today, then = each["today"], each["shifted"]
        if today == then:
            said.append(f"In {each['city']} all stays as it is.")
            continue
        said.append(
            f"In {each['city']} police spend {_hours(today)} a year today ({study.period}). After "
            f"the shift it is {_hours(then)}."
        )
    said.append(
        f"Both are run over {counted(told['years'])} years, {told['draws']:,} times, each time "
        "with other numbers for all that is not known, and with the same numbers and the same "
        "chance for both."
    )
    return said


def cannot(told: Told) -> list[str]:
    """What cannot be concluded, in sentences."""
    years, harm = (outcome(told, name) for name in ("exploited_person_years", "harm"))
    said = [
        f"The shift lessens exploitation in {percent(years['probability_helps'])} of the runs and "
        f"harm in {percent(harm['probability_helps'])}. These are shares of runs by what was put "
        "in; nobody knows the chance in the world."
    ]
    assumed = sum(each["grade"] == "assumption" for each in told["assumptions"])
    said.append(
        f"{opened(counted(assumed))} of the {counted(len(told['assumptions']))} numbers that go in "
        "are assumptions, which no source bears out. The runs show what follows from them, and "
        "which of them it hangs on."
    )
    return said


def _hours(split: Mapping[str, float]) -> str:
    return listed(
        [
            f"{f'{split[group]:,.0f}' if split[group] else 'no'} hours on {words}"
            for group, words in (
                ("exploited", "arresting exploited people"),
                ("buyers", "buyers"),
                ("traffickers", "traffickers"),
            )
        ]
    )


def signed(number: float, digits: int = 0) -> str:
    """A number in full with a true minus.

    Examples
    --------
    >>> signed(-1234.5), signed(0.0), signed(0.123, 2)
    ('−1,234', '0', '0.12')
    """
    text = f"{number:,.{digits}f}".replace("-", MINUS)
    return text.replace(MINUS, "") if not text.strip(f"{MINUS}0.,") else text


def ranged(amount: Mapping[str, float], unit: str = "") -> str:
    """An amount in full with its limits, money in millions.

    Examples
    --------
    >>> ranged({"estimate": -120.2, "lower": -6473.0, "upper": 5744.0})
    '−120 (−6,473\xa0to\xa05,744)'
    """
    money = unit == "US dollars"
    scale, digits = (1e6, 1) if money else (1.0, 0)
    middle, low, high = (signed(amount[k] / scale, digits) for k in ("estimate", "lower", "upper"))
    return f"{middle} ({low}\u00a0to\u00a0{high}){' million' if money else ''}"
