"""How people who move were counted, for a statistician, and when not to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from darkfigure.report.amounts import in_a, in_full
from darkfigure.report.comparison_method import Caveat
from darkfigure.report.words import counted, exactly, listed, opened

Told = Mapping[str, Any]

MOST_ROWS = 150
"""More estimates than this stand in the files of the study only."""

UNREACHED = Caveat(
    "That everybody could be seen by somebody, sooner or later.",
    "Whoever is kept where no agency comes is in no number here. All are lower limits for them.",
)
UNWATCHED = Caveat(
    "That leaving the cities means leaving for good.",
    "Who goes to a city that nobody watches, and does not come back in the period, looks like "
    "somebody who got free. Who comes back later looks like somebody who was hard to find.",
)
ALIKE = Caveat(
    "That people in the same city at the same time are as likely to be seen, and to move, as each "
    "other.",
    "Those who are moved often may be seen less. Then there are more people than this says, and "
    "more of them move.",
)
CHANGED = Caveat(
    "That being seen changes nothing.",
    "Whoever was arrested, or found shelter, may be taken elsewhere for that, or be kept out of "
    "sight.",
)
MATCHED = Caveat(
    "That the same person is known as the same in every city.",
    "People are made to give other names. Each match that is missed makes two people of one, takes "
    "away a move, and makes the total too large.",
)
ROUNDED = Caveat(
    "That who was in two cities within one occasion was in one of them.",
    "Moves there and back between two occasions cannot be seen, and are not in these numbers.",
)
DRIVEN = Caveat(
    "That people go by the fastest way.",
    "Nobody was seen on any road. A band on the map is movement between cities, put on the way "
    "that takes the least time when roads are empty.",
)

REFERENCES = (
    "Arnason, A. N. (1972). Parameter estimates from mark–recapture experiments on two populations "
    "subject to migration and death. Researches on Population Ecology 13, 97–113.",
    "Arnason, A. N. (1973). The estimation of population size, migration rates and survival in a "
    "stratified population. Researches on Population Ecology 15, 1–8.",
    "Brownie, C., Hines, J. E., Nichols, J. D., Pollock, K. H. and Hestbeck, J. B. (1993). "
    "Capture–recapture studies for multiple strata including non-Markovian transitions. Biometrics "
    "49(4), 1173–1187.",
    "Schwarz, C. J. and Arnason, A. N. (1996). A general methodology for the analysis of "
    "capture–recapture experiments in open populations. Biometrics 52(3), 860–873.",
    "Schwarz, C. J., Schweigert, J. F. and Arnason, A. N. (1993). Estimating migration rates using "
    "tag-recovery data. Biometrics 49(1), 177–193.",
    "Worthington, H., McCrea, R., King, R. and Griffiths, R. (2019). Estimating abundance from "
    "multiple sampling capture–recapture data via a multi-state multi-period stopover model. "
    "Annals of Applied Statistics 13(4), 2043–2064.",
)
GRAVITY = (
    "Wilson, A. G. (1971). A family of spatial interaction models, and associated developments. "
    "Environment and Planning 3(1), 1–32."
)


class Table(NamedTuple):
    """A table of the method section."""

    name: str
    title: str
    header: list[str]
    rows: list[list[str]]


def assumed(told: Told) -> list[Caveat]:
    """When not to believe it."""
    found = [UNREACHED, UNWATCHED, ALIKE, CHANGED, MATCHED, ROUNDED]
    return [*found, DRIVEN] if told["corridors"] else found


def speaks_against(told: Told) -> list[Caveat]:
    """What of these data or of this fit calls for care."""
    found = []
    failed = _failed(told)
    if failed:
        found.append(
            Caveat(
                f"The data do not look as the model says: {listed(failed)}.",
                "A test came out as it would less than once in twenty times if the model were "
                "true. Ranges are then too narrow, and numbers may be off.",
            )
        )
    fit = told["fit"]
    for key, what, why in (
        ("not_estimable", "cannot be told from these data", "They have no number on this page."),
        ("at_boundary", "came out as never or always", "Of these there is no range."),
    ):
        names = fit.get(key) or []
        if names:
            some = listed(names) if len(names) <= 4 else f"{counted(len(names))} rates"
            found.append(Caveat(opened(f"{some} {what}."), why))
    sentences = dict.fromkeys([*told["warnings"], *(fit.get("warnings") or [])])
    return [*found, *(Caveat(opened(each), "") for each in sentences)]


def in_favour(told: Told) -> list[Caveat]:
    """What was checked and holds."""
    tests = [test for test in told["goodness"] or () if test["verdict"] != UNTESTED]
    if not tests or _failed(told):
        return []
    return [
        Caveat(
            f"{opened(counted(len(tests)))} {'test' if len(tests) == 1 else 'tests'} of whether "
            "the model fits found nothing against it.",
            "That is no proof: with few people hardly any test finds anything.",
        )
    ]


def held_back(told: Told) -> list[str]:
    """What is not shown, and why, each said once."""
    corridors = told["corridors"] or {}
    every = [*told["hidden"], *(told["fit"].get("hidden") or []), *(corridors.get("hidden") or [])]
    return list(dict.fromkeys(opened(each) for each in every))


def method_text(told: Told) -> list[str]:
    """What was done, in paragraphs."""
    said = [
        "Sightings are taken to follow a multistate capture–recapture model (Arnason 1972, 1973; "
        "Schwarz, Schweigert and Arnason 1993; Brownie and others 1993): survival is staying in "
        "the watched cities from one occasion to the next, movement where those who stay are then, "
        "and detection whether they are seen there. The likelihood is summed over all ways that "
        "somebody can have gone unseen, and was climbed from many starts.",
        "People enter on an unknown occasion in an unknown city, out of a superpopulation (Schwarz "
        "and Arnason 1996; for states Worthington and others 2019). Stock is the number present on "
        "an occasion, its mean over the occasions that can be told; flow the number ever present. "
        "Limits are log-normal in the number unseen, so that none is below the number seen.",
    ]
    if told.get("to_nearest", 1) > 1:
        said.append(
            f"Counts of people on record are to the nearest {counted(told['to_nearest'])}, and all "
            "else to two digits: of exact ones sums and differences could tell of a few people."
        )
    if told["corridors"]:
        said.append(
            "Expected moves between cities, the mean over the steps between occasions"
            f"{_length(told['occasion'], ' ({} each)')}, are put on the legs of the fastest way; "
            "limits are by the delta method on the scale of logarithms."
        )
    if told["gravity"]:
        said.append(
            "The gravity model takes the logarithm of movement as linear in the logarithms of the "
            "hours by road and of the inhabitants (Wilson 1971); its coefficients are elasticities."
        )
    return said


def _length(occasion: str, form: str) -> str:
    """How long an occasion is, where that is known."""
    return "" if occasion == "occasion" else form.format(in_a(occasion).removeprefix("in "))


def references(told: Told) -> list[str]:
    """Where the methods come from."""
    return [*REFERENCES, *([GRAVITY] if told["gravity"] else [])]


def facts(told: Told) -> list[tuple[str, str]]:
    """What a statistician wants to know of the fit, by name."""
    fit = told["fit"]
    occasions = told["occasions"]
    span = f"{occasions[0]} to {occasions[-1]}, {len(occasions)} in all" if occasions else ""
    length = _length(told["occasion"], ", of {} each")
    found = [
        ("Occasions", span and f"{span}{length}"),
        *((kind.capitalize(), str(fit.get(kind) or "")) for kind in _KINDS),
        ("People seen", exactly(fit["people"]) if fit.get("people") else ""),
        ("Parameters", str(fit.get("parameters") or "")),
        ("-2 log L", _criterion(fit.get("minus2loglik"))),
        ("AIC", _criterion(fit.get("aic"))),
        ("Starts", str(fit.get("starts") or "")),
        ("Level", f"{told['level']:g}"),
        ("Seed", str(fit["seed"]) if fit.get("seed") is not None else ""),
    ]
    gravity = told["gravity"]
    if gravity and gravity["explained"] is not None:
        found.append(("Movement that gravity explains", f"{100 * gravity['explained']:.0f}\u00a0%"))
    return [(name, value) for name, value in found if value]


def method_tables(told: Told) -> list[Table]:
    """Models, tests, elasticities and estimates, each as a table, where there are any."""
    fit, gravity = told["fit"], told["gravity"]
    head = ["Estimate", "Standard error", "Lower", "Upper"]
    tables = [
        Table(
            "models-table",
            "Models by Akaike's criterion",
            ["Model", "Parameters", "AIC", "Difference"],
            [
                [
                    each["model"],
                    str(each["parameters"]),
                    *(_criterion(each[key]) for key in ("aic", "difference")),
                ]
                for each in told["models"] or ()
            ],
        ),
        Table(
            "goodness-table",
            "Does the model fit?",
            ["Test", "Statistic", "Degrees of freedom", "p", "In words"],
            [[each["name"], *_tested(each), each["verdict"]] for each in told["goodness"] or ()],
        ),
        Table(
            "gravity-table",
            "What movement goes with: elasticities",
            ["With", "Elasticity and limits"],
            [[each["name"], in_full(each)] for each in (gravity or {}).get("elasticities", ())],
        ),
        Table(
            "coefficients-table",
            "Coefficients on the logit scale",
            ["Coefficient", *head],
            [
                [f"{each['parameter']} by {each['covariate']}", *_cells(each)]
                for each in fit.get("coefficients") or ()
            ],
        ),
    ]
    for kind in _KINDS:
        rows = fit["estimates"].get(kind) or []
        title = f"{kind.capitalize()}, for each step from one occasion to the next"
        if kind in ("detection", "entry"):
            title = {"detection": "Detection, on each occasion", "entry": "Entry"}[kind]
        if len(rows) > MOST_ROWS:
            rows, title = [], ""
        tables.append(
            Table(f"{kind}-table", title, [_WHERE, *head], [[_place(r), *_cells(r)] for r in rows])
        )
    together = fit.get("movement_together") or []
    tables.append(
        Table(
            "together-table",
            "Movement that is only shown added up",
            [_WHERE, "Estimate"],
            [
                [_place({**each, "to": listed(each["to"])}), exactly(each["estimate"])]
                for each in together[:MOST_ROWS]
            ],
        )
    )
    return [table for table in tables if table.rows]


UNTESTED = "too few people to tell"

_KINDS = ("survival", "detection", "movement", "entry")
_WHERE = "Where and when"


def _failed(told: Told) -> list[str]:
    return [
        str(test["name"]) for test in told["goodness"] or () if test["verdict"] == "does not fit"
    ]


def _tested(test: Mapping[str, Any]) -> list[str]:
    """The numbers of a test, where they may be told."""
    if test["p"] is None:
        return ["not shown"] * 3
    return [exactly(test["statistic"]), str(test["df"]), _p(test["p"])]


def _place(each: Mapping[str, Any]) -> str:
    city, to = each.get("city"), each.get("to")
    where = f"{city} to {to}" if city and to else city or "all cities"
    return f"{where}, {each['occasion']}" if each.get("occasion") else str(where)


def _cells(each: Mapping[str, Any]) -> list[str]:
    if each.get("hidden"):
        return ["not shown", "", "", ""]
    if each["estimate"] is None:
        return ["cannot be told", "", "", ""]
    return [
        "none" if each[key] is None else f"{each[key]:.4g}"
        for key in ("estimate", "standard_error", "lower", "upper")
    ]


def _criterion(value: float | None) -> str:
    return "not shown" if value is None else f"{value:,.2f}"


def _p(value: float | None) -> str:
    if value is None:
        return "not known"
    return "under 0.001" if value < 0.001 else f"{value:.3f}"
