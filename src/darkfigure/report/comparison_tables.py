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
    *("rank_lower", "rank_upper", "simultaneous_lower", "simultaneous_upper"),
    *("rank_expected", "probability_highest", "note", "why"),
)
OF_PAIR = (
    *("a", "b", "recorded_ratio", "recorded_ratio_lower", "recorded_ratio_upper"),
    *("prevalence_ratio", "prevalence_ratio_lower", "prevalence_ratio_upper"),
    *("detection_ratio", "detection_ratio_lower", "detection_ratio_upper"),
    *("probability_prevalence_higher", "told_apart", "sentence"),
)


def without_small_counts(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The comparison without small counts, and without whatever they could be worked out from.

    Of files of one's own they are held back long before; this is for places that are made in
    Python.

    Parameters
    ----------
    comparison : mapping
        As `Comparison.to_dict` gives it. The key `few` of each place says whether its count is held
        back.

    Examples
    --------
    >>> place = {"name": "A", "observed": 3, "coverage": 0.1, "few": False}
    >>> without_small_counts({"places": [place], "pairs": []})["places"][0]["coverage"] is None
    True
    """
    places = []
    small = set()
    for place in comparison["places"]:
        if place["observed"] is not None and place["observed"] < SMALLEST_COUNT:
            small.add(place["name"])
            hidden = ("observed", "coverage", "coverage_lower", "coverage_upper")
            place = {**place, **dict.fromkeys(hidden), "few": True}
        places.append(place)
    pairs = []
    for pair in comparison["pairs"]:
        held = [name for name in (pair["a"], pair["b"]) if name in small]
        if held:
            ratios = [key for key in pair if key.startswith(("recorded", "detection"))]
            said = f"How many are recorded is not shown of {' and '.join(held)}: {FEW}."
            pair = {**pair, **dict.fromkeys(ratios), "sentence": said}
        pairs.append(pair)
    return {**comparison, "places": places, "pairs": pairs}


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
