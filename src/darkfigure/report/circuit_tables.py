"""The numbers of a study of people who move, as they may be shown, and as tables in files.

What is told has been through `darkfigure.circuit.shown` and `double_count`. Here whatever is marked
as hidden loses its numbers once more, so that no mistake before this can reach a reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkfigure.report.frame import csv_text

Row = Sequence[Any]

OF_RATE = ("estimate", "standard_error", "lower", "upper")
LIMITS = ("estimate", "lower", "upper")
OF_CITY = ("stock", "flow", "elsewhere", "stay", "entries", "moves_in")
OF_REGION = ("stock", "flow", "counted_more_than_once", "share_in_several", "stay")
OF_FLOW = ("moves", "standard_error", "lower", "upper", "share", "share_lower", "share_upper")
KEPT = ("name", "latitude", "longitude", "population", "hidden", "at_least")
"""What is known of a city whoever was seen there."""
LABELS = ("city", "to", "occasion", "hours", "hidden", "city_a", "city_b", "highway", "miles")


def shown(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told, without numbers wherever something is marked as hidden.

    Parameters
    ----------
    told : mapping
        As `circuit_page` takes it.

    Examples
    --------
    >>> city = {"name": "Reno", "seen": 3, "stock": {"estimate": 9.0}, "hidden": True}
    >>> told = {"cities": [city], "corridors": None, "fit": {"estimates": {}}}
    >>> shown(told)["cities"]
    [{'name': 'Reno', 'seen': None, 'stock': None, 'hidden': True}]
    """
    corridors, fit = told["corridors"], told["fit"]
    if corridors:
        flows, legs = (_without(corridors[kind], LABELS) for kind in ("flows", "legs"))
        carrying = [leg for leg in legs if leg["moves"] is not None]
        corridors = {**corridors, "flows": flows, "legs": carrying}
    estimates = {kind: _without(each, LABELS) for kind, each in fit["estimates"].items()}
    return {
        **told,
        "cities": _without(told["cities"], KEPT),
        "corridors": corridors,
        "fit": {**fit, "estimates": estimates},
    }


def files(told: Mapping[str, Any], *, synthetic: bool = False) -> dict[str, str]:
    """The tables as CSV texts, by name.

    Parameters
    ----------
    told : mapping
        As `circuit_page` takes it.
    synthetic : bool
        Whether the data are made up, which every line then says.

    Returns
    -------
    dict
        `cities`, `region` and `estimates`; and `flows` and `legs`, `comparison` and `models` where
        there are any.
    """
    safe = shown(told)
    tables: dict[str, tuple[Sequence[str], list[Row]]] = {
        "cities": (
            (
                "city",
                "population",
                "seen",
                "elsewhere_seen",
                "at_least",
                *_columns(OF_CITY),
                "hidden",
            ),
            [
                [
                    *(city[key] for key in ("name", "population", "seen", "elsewhere_seen")),
                    city["at_least"],
                    *_numbers(city, OF_CITY),
                    city["hidden"],
                ]
                for city in safe["cities"]
            ],
        ),
        "region": (
            ("what", "occasion", *LIMITS),
            [
                *([key, "", *_limits(safe["region"][key])] for key in OF_REGION),
                *(
                    ["stock", each["occasion"], *_limits(each["stock"])]
                    for each in safe["stock_by_occasion"]
                ),
            ],
        ),
        "estimates": (
            ("parameter", "city", "to", "occasion", *OF_RATE, "hidden"),
            [
                [kind, *(each.get(key) for key in ("city", "to", "occasion", *OF_RATE, "hidden"))]
                for kind, some in safe["fit"]["estimates"].items()
                for each in some
            ],
        ),
    }
    corridors = safe["corridors"]
    if corridors:
        tables["flows"] = (
            ("city", "to", "hours", *OF_FLOW),
            [
                [flow.get(key) for key in ("city", "to", "hours", *OF_FLOW)]
                for flow in corridors["flows"]
            ],
        )
        ways = tuple(f"{way}_{key}" for way in ("there", "back") for key in OF_FLOW[:4])
        ends = ("city_a", "city_b", "highway", "hours", "miles")
        tables["legs"] = (
            (*ends, *OF_FLOW, *ways),
            [
                [
                    *(leg.get(key) for key in (*ends, *OF_FLOW)),
                    # Nothing one way is a way of which nothing may be told, and no zero.
                    *(
                        leg[way].get(key) or None
                        for way in ("there", "back")
                        for key in OF_FLOW[:4]
                    ),
                ]
                for leg in corridors["legs"]
            ],
        )
    if safe["comparison"]:
        kinds, ranks = ("flow_rate", "stock_rate"), ("rank_lower", "rank_upper")
        recorded = ("recorded_rate", "recorded_rank")
        tables["comparison"] = (
            ("city", *recorded, *_columns(kinds), *ranks),
            [
                [
                    each["city"],
                    *(each[key] for key in recorded),
                    *_numbers(each, kinds),
                    *(each[key] for key in ranks),
                ]
                for each in safe["comparison"]
            ],
        )
    if safe["models"]:
        head = ("model", "parameters", "aic", "difference")
        tables["models"] = (head, [[each[key] for key in head] for each in safe["models"]])
    return {name: csv_text(head, rows, synthetic) for name, (head, rows) in tables.items()}


def _without(rows: Sequence[Mapping[str, Any]], kept: Sequence[str]) -> list[dict[str, Any]]:
    """The rows, those that are hidden without all but their labels."""
    return [
        {key: value if key in kept else None for key, value in row.items()}
        if row.get("hidden")
        else dict(row)
        for row in rows
    ]


def _columns(kinds: Sequence[str]) -> list[str]:
    return [f"{kind}{end}" for kind in kinds for end in ("", "_lower", "_upper")]


def _numbers(row: Mapping[str, Any], kinds: Sequence[str]) -> list[float | None]:
    return [number for kind in kinds for number in _limits(row[kind])]


def _limits(amount: Mapping[str, Any] | None) -> list[float | None]:
    return [amount[key] if amount else None for key in LIMITS]
