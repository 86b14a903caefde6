"""The numbers of a scenario as tables in files; what a page shows in words stands here in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.frame import csv_text

LIMITS = ("estimate", "lower", "upper", "mean")
WAYS = ("today", "shifted", "difference")


def files(told: Mapping[str, Any]) -> dict[str, str]:
    """The tables as CSV texts, by name.

    Parameters
    ----------
    told : mapping
        As `darkfigure.demand.shift.Outcome.told` gives it.

    Returns
    -------
    dict
        `outcomes`, `cities`, `years`, `break_even`, `sobol`, `assumptions` and `hours`.
    """
    ways = [f"{way}_{limit}" for way in WAYS for limit in LIMITS]
    turn = ("outcome", "unknown", "words", "unit", "lower", "upper")
    ends = ("difference_at_lower", "difference_at_upper")
    index = ("outcome", "unknown", "words", "first", "first_se", "total", "total_se")
    known = ("unknown", "words", "unit", "distribution", "middle", "lower", "upper", "grade")
    groups = ("exploited", "buyers", "traffickers")
    tables: dict[str, tuple[Sequence[str], list[Sequence[Any]]]] = {
        "outcomes": (
            ("outcome", "unit", *ways, "probability_helps", "probability_same"),
            [
                [
                    *(each[key] for key in ("name", "unit")),
                    *(each[way][limit] for way in WAYS for limit in LIMITS),
                    *(each[key] for key in ("probability_helps", "probability_same")),
                ]
                for each in told["outcomes"]
            ],
        ),
        "cities": (
            ("city", "outcome", *(f"difference_{limit}" for limit in LIMITS)),
            [
                [each["city"], each["outcome"], *(each["difference"][limit] for limit in LIMITS)]
                for each in told["by_city"]
            ],
        ),
        "years": (
            ("year", *ways),
            [
                [each["year"], *(each[way][limit] for way in WAYS for limit in LIMITS)]
                for each in told["path"]
            ],
        ),
        "break_even": (
            (*turn, "break_even", *ends),
            [
                [
                    *(each[key] for key in turn),
                    "; ".join(f"{value:.6g}" for value in each["values"])
                    or "none within its range",
                    *(each[key] for key in ends),
                ]
                for each in told["break_even"]
            ],
        ),
        "sobol": (index, [[each[key] for key in index] for each in told["sobol"]]),
        "assumptions": (
            (*known, "source"),
            [[each[key] for key in (*known, "source")] for each in told["assumptions"]],
        ),
        "hours": (
            ("city", *(f"{way}_{group}" for way in WAYS[:2] for group in groups), "source"),
            [
                [
                    each["city"],
                    *(each[way][group] for way in WAYS[:2] for group in groups),
                    each["source"],
                ]
                for each in told["hours"]
            ],
        ),
    }
    return {name: csv_text(head, rows) for name, (head, rows) in tables.items()}
