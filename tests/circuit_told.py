"""What a study of people who move tells, made up: six cities on the shipped roads.

One city, some roads and some rates are hidden. There they have numbers all the same, `SECRET`, as
by a mistake before the page: none of them may reach a reader.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

SECRET = 98765.0
"""A number that must be nowhere."""

NONE = {"estimate": None, "lower": None, "upper": None}
HIDDEN = {"estimate": SECRET, "lower": SECRET, "upper": SECRET}
MONTHS = [f"2024-{month:02}" for month in range(1, 13)]

# Stock, flow, the factor of their ranges, share elsewhere, stay, seen, seen elsewhere.
CITIES: dict[str, tuple[float, ...]] = {
    "Oakland": (310, 760, 1.2, 0.31, 4.9, 402, 118),
    "San Jose": (240, 520, 1.25, 0.22, 5.6, 260, 54),
    "Sacramento": (121, 530, 1.28, 0.34, 2.7, 212, 71),
    "Reno": (44, 390, 1.4, 0.58, 1.2, 131, 74),
    "Stockton": (63, 300, 1.45, 0.49, 2.3, 88, 42),
}
ROADS = [
    ("Oakland", "San Jose", "I-880", 41, 0.75, 38.0, 1.3),
    ("Davis", "Sacramento", "I-80", 15, 0.3, 33.0, 1.25),
    ("Davis", "Fairfield", "I-80", 31, 0.5, 33.0, 1.25),
    ("Fairfield", "Vallejo", "I-80", 17, 0.3, 31.0, 1.25),
    ("Richmond", "Vallejo", "I-80", 15, 0.28, 31.0, 1.25),
    ("Oakland", "Richmond", "I-80 / I-580", 11, 0.22, 31.0, 1.25),
    ("Reno", "Sacramento", "I-80", 132, 2.2, 26.0, 1.35),
    ("Sacramento", "Stockton", "I-5 / SR-99", 48, 0.8, 11.0, 1.6),
    ("Oakland", "Stockton", "I-205 / I-580", 73, 1.2, 9.0, 1.7),
]

FITS = "nothing found against it"


def amount(estimate: float, factor: float = 1.3) -> dict[str, Any]:
    lower, upper = sorted((estimate / factor, estimate * factor))
    return {"estimate": estimate, "lower": lower, "upper": upper}


def study(**changes: Any) -> Any:
    described = {
        "title": "Who lives here, and who is passing through?",
        "people": "exploited people",
        "region": "six cities of northern California and Nevada",
        "period": "2024",
        "focus": "Sacramento",
        "synthetic": True,
        "smallest_count": 5,
        "about": SimpleNamespace(
            who="A coalition", note="", contact="", citation="", data_status="made up"
        ),
        "help": SimpleNamespace(
            name="National Human Trafficking Hotline",
            phone="1-888-373-7888",
            text="233733",
            tty="711",
        ),
    }
    return SimpleNamespace(**(described | changes))


def told(**changes: Any) -> dict[str, Any]:
    rows = {row["city"]: row for row in _rows("road-cities")}
    return {
        "occasion": "month",
        "occasions": MONTHS,
        "level": 0.95,
        "region": {
            "seen": 871,
            "naive": 1_143,
            "stock": amount(790, 1.12),
            "flow": amount(1_840, 1.12),
            "counted_more_than_once": amount(660, 1.2),
            "share_in_several": amount(0.27, 1.15),
            "stay": amount(4.4, 1.2),
        },
        "stock_by_occasion": [
            {
                "occasion": month,
                "stock": NONE if i in (0, 11) else amount(690 + 28 * i - 3 * (i - 6) ** 2, 1.13),
            }
            for i, month in enumerate(MONTHS)
        ],
        "cities": [
            *(_city(name, rows[name]) for name in CITIES),
            _hidden("Fresno", rows["Fresno"]),
        ],
        "network": {
            "cities": [
                {"name": name, "latitude": float(row["lat"]), "longitude": float(row["lon"])}
                for name, row in rows.items()
            ],
            "legs": [
                {"a": row["city_a"], "b": row["city_b"], "highway": row["highway"]}
                for row in _rows("road-legs")
            ],
        },
        "corridors": _corridors(),
        "gravity": {
            "elasticities": [
                {"name": "hours by road", **amount(-1.42, 1.2)},
                {"name": "inhabitants where they go", **amount(0.61, 1.3)},
            ],
            "explained": 0.71,
        },
        "comparison": [
            _compared("Oakland", 91.0, 1, (174.0, 71.0), (1, 2)),
            _compared("Reno", 50.0, 2, (148.0, 16.7), (4, 5)),
            _compared("Sacramento", 40.0, 3, (101.0, 23.0), (2, 4)),
            _compared("Stockton", 27.0, 4, (94.0, 19.6), (3, 5)),
            _compared("San Jose", 25.7, 5, (51.0, 23.7), (2, 4)),
        ],
        "fit": _fit(),
        "models": [
            {
                "model": "survival constant, movement city",
                "parameters": 41,
                "aic": 8123.4,
                "difference": 0.0,
            },
            {"model": "all constant", "parameters": 9, "aic": 8310.2, "difference": 186.8},
        ],
        "goodness": [
            {"name": "3G.SR", "statistic": 21.3, "df": 18, "p": 0.264, "verdict": FITS},
            {"name": "M.ITEC", "statistic": None, "df": None, "p": None, "verdict": FITS},
        ],
        "warnings": ["The sightings of December are not complete."],
        "hidden": [
            "How many people were seen in Fresno is not shown: fewer than 5 people, or nobody."
        ],
        "sources": ["Made up by tests/circuit_told.py"],
        **changes,
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("darkfigure") / "tables" / "circuit" / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _city(name: str, row: dict[str, str]) -> dict[str, Any]:
    stock, flow, factor, share, stay, seen, elsewhere = CITIES[name]
    return {
        "name": name,
        "latitude": float(row["lat"]),
        "longitude": float(row["lon"]),
        "population": float(row["pop2020"]),
        "seen": int(seen),
        "elsewhere_seen": int(elsewhere),
        "at_least": False,
        "stock": amount(stock, factor),
        "flow": amount(flow, factor),
        "elsewhere": amount(share, 1.2),
        "stay": amount(stay, factor),
        "entries": amount(0.11, factor),
        "moves_in": amount(0.2, factor),
        "hidden": False,
    }


def _hidden(name: str, row: dict[str, str]) -> dict[str, Any]:
    kinds = ("stock", "flow", "elsewhere", "stay", "entries", "moves_in")
    numbers = {"seen": int(SECRET), "elsewhere_seen": int(SECRET), "at_least": False}
    return {
        "name": name,
        "latitude": float(row["lat"]),
        "longitude": float(row["lon"]),
        "population": float(row["pop2020"]),
        **numbers,
        **dict.fromkeys(kinds, HIDDEN),
        "hidden": True,
    }


def _moves(estimate: float, factor: float) -> dict[str, Any]:
    limits = {"lower": estimate / factor, "upper": estimate * factor}
    return {"moves": estimate, "standard_error": 0.13 * estimate, **limits}


def _corridors() -> dict[str, Any]:
    flows = [
        ("Oakland", "Sacramento", 1.35, 18.0),
        ("San Jose", "Oakland", 0.75, 20.0),
        ("Reno", "Sacramento", 2.2, 14.0),
    ]
    secret = _moves(SECRET, 1.0) | {"share": SECRET, "share_lower": SECRET, "share_upper": SECRET}
    shares = {"share_lower": 0.1, "share_upper": 0.3}
    return {
        "total": _moves(102.0, 1.12),
        "flows": [
            *(
                {"city": a, "to": b, "hours": hours, **_moves(n, 1.4), "share": n / 102, **shares}
                | {"hidden": False}
                for a, b, hours, n in flows
            ),
            {"city": "Fresno", "to": "Stockton", "hours": 2.05, **secret, "hidden": True},
        ],
        "legs": [
            {"city_a": a, "city_b": b, "highway": highway, "hours": hours, "miles": miles}
            | {"there": _moves(0.45 * n, factor), "back": _moves(0.55 * n, factor)}
            | _moves(n, factor)
            | {"share": n / 102, "share_lower": n / 120, "share_upper": n / 90, "hidden": False}
            for a, b, highway, miles, hours, n, factor in ROADS
        ]
        + [
            {"city_a": "Modesto", "city_b": "Stockton", "highway": "SR-99 / SR-120", "hours": 0.5}
            | {"miles": 30, "there": secret, "back": secret, **secret, "hidden": True}
        ],
        "unknown": [],
        "steps": 11,
        "hidden": [
            "Movement from Fresno to Stockton is not shown: fewer than 5 people, or nobody."
        ],
    }


def _compared(
    city: str, recorded: float, rank: int, rates: tuple[float, float], ranks: tuple[int, int]
) -> dict[str, Any]:
    return {
        "city": city,
        "recorded_rate": recorded,
        "recorded_rank": rank,
        "flow_rate": amount(rates[0]),
        "stock_rate": amount(rates[1]),
        "rank_lower": ranks[0],
        "rank_upper": ranks[1],
    }


def _fit() -> dict[str, Any]:
    names = list(CITIES)

    def rate(value: float, city: str | None, to: str | None = None, **more: Any) -> dict[str, Any]:
        labels = {"city": city, "occasion": None} | ({"to": to} if to else {})
        error = {"standard_error": 0.02, "lower": 0.9 * value, "upper": min(1.1 * value, 1.0)}
        return {**labels, "estimate": value, **error, "hidden": False, **more}

    secret = {**HIDDEN, "standard_error": SECRET, "hidden": True}
    return {
        "minus2loglik": None,
        "aic": None,
        "parameters": 41,
        "people": 871,
        "estimates": {
            "survival": [rate(0.78, None)],
            "detection": [*(rate(0.2, city) for city in names), rate(0.1, "Fresno") | secret],
            "movement": [
                rate(0.7 if city == to else 0.06, city, to) for city in names for to in names
            ]
            + [rate(0.1, "Fresno", "Stockton") | secret],
        },
        "coefficients": [
            {"parameter": "movement", "covariate": "hours", "standard_error": 0.08, **amount(-0.4)}
        ],
        "movement_together": [
            {"city": "Stockton", "to": ["Fresno", "Reno"], "occasion": None, "estimate": 0.14}
        ],
        "survival": "constant",
        "detection": "city",
        "movement": "city",
        "entry": "city",
        "starts": 20,
        "level": 0.95,
        "seed": 1,
        "not_estimable": ["movement from Fresno to Reno"],
        "at_boundary": [],
        "warnings": [],
        "hidden": ["Detection in Fresno is not shown: fewer than 5 people, or nobody."],
    }
