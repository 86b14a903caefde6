"""The numbers of a comparison as they may be shown: small counts of people are held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkfigure.disclosure import SMALLEST_COUNT
from darkfigure.report.frame import csv_text

FEW = f"fewer than {SMALLEST_COUNT}"

OF_PLACE = (
    *("name", "people", "observed", "population", "years", "total", "lower", "upper", "method"),
    *("rate", "rate_lower", "rate_upper", "coverage", "coverage_lower", "coverage_upper"),
    *("rank_lower", "rank_upper", "rank_expected", "probability_highest", "note", "why"),
)
OF_PAIR = (
    *("a", "b", "recorded_ratio", "recorded_ratio_lower", "recorded_ratio_upper"),
    *("prevalence_ratio", "prevalence_ratio_lower", "prevalence_ratio_upper"),
    *("detection_ratio", "detection_ratio_lower", "detection_ratio_upper"),
    *("probability_prevalence_higher", "told_apart", "sentence"),
)


def without_small_counts(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The comparison without small counts, and without whatever they could be worked out from.

    Parameters
    ----------
    comparison : mapping
        As `Comparison.to_dict` gives it. Each place gets a key `few`: whether its count is held
        back.

    Examples
    --------
    >>> place = {"name": "A", "observed": 3, "coverage": 0.1}
    >>> without_small_counts({"places": [place], "pairs": []})["places"][0]["coverage"] is None
    True
    """
    places = []
    for place in comparison["places"]:
        few = place["observed"] is not None and place["observed"] < SMALLEST_COUNT
        hidden = ("observed", "coverage", "coverage_lower", "coverage_upper") if few else ()
        places.append({**place, **dict.fromkeys(hidden), "few": few})
    small = {place["name"] for place in places if place["few"]}
    pairs = []
    for pair in comparison["pairs"]:
        held = [name for name in (pair["a"], pair["b"]) if name in small]
        if held:
            ratios = [key for key in pair if key.startswith(("recorded", "detection"))]
            said = f"How many are recorded is not shown of {' and '.join(held)}: {FEW}."
            pair = {**pair, **dict.fromkeys(ratios), "sentence": said}
        pairs.append(pair)
    return {**comparison, "places": places, "pairs": pairs}


def reports_without_small_counts(reports: Mapping[str, Any]) -> dict[str, Any]:
    """The same for places with one count only: a rate that stands for too few cases is held back.

    Parameters
    ----------
    reports : mapping
        As `comparison_page` takes it.
    """
    years = max(1, len(reports["years"]))
    places = []
    for place in reports["places"]:
        rate = place["recorded_rate"]
        cases = None if rate is None else rate * place["population"] * years / 100_000
        few = cases is not None and cases < SMALLEST_COUNT - 0.5
        hidden = ("recorded_rate", "recorded_rank") if few else ()
        places.append({**place, **dict.fromkeys(hidden), "few": few})
    return {**reports, "places": places}


def files(comparison: Mapping[str, Any]) -> dict[str, str]:
    """The tables of a comparison as CSV texts, by name: `places`, `pairs` and `ranks`.

    Parameters
    ----------
    comparison : mapping
        As `Comparison.to_dict` gives it; small counts are held back here.
    """
    shown = without_small_counts(comparison)
    places = [
        [FEW if key == "observed" and place["few"] else place[key] for key in OF_PLACE]
        for place in shown["places"]
    ]
    ranks = [
        [name, rank, chance]
        for name, row in shown["rank_probabilities"].items()
        for rank, chance in enumerate(row, start=1)
    ]
    return {
        "places": csv_text(OF_PLACE, places),
        "pairs": csv_text(OF_PAIR, [[pair[key] for key in OF_PAIR] for pair in shown["pairs"]]),
        "ranks": csv_text(("place", "rank", "probability"), ranks),
    }
