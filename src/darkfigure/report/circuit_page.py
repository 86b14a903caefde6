"""The page of a study of people who move: who lives here, and who is passing through?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from darkfigure.report.amounts import in_a, in_full, in_percent, in_units
from darkfigure.report.circuit_concluded import Asked, answer, cannot, meant, twice
from darkfigure.report.circuit_method import (
    assumed,
    facts,
    held_back,
    in_favour,
    method_tables,
    method_text,
    references,
    speaks_against,
)
from darkfigure.report.circuit_tables import shown
from darkfigure.report.counted_twice import counted_twice, order, order_text
from darkfigure.report.frame import About, Help, framed, origin
from darkfigure.report.road_map import road_map
from darkfigure.report.stock_and_flow import over_time, stock_and_flow
from darkfigure.report.words import how_often_wrong

MOST_FLOWS = 60
"""More flows than this stand in the files of the study only."""


class Described(Asked, Protocol):
    """What the page needs to know of a study of people who move."""

    @property
    def title(self) -> str: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def about(self) -> About: ...
    @property
    def help(self) -> Help: ...


def circuit_page(study: Described, told: Mapping[str, Any], made_by: Mapping[str, Any]) -> str:
    """The whole page as one HTML text.

    Parameters
    ----------
    study : CircuitStudy
        Its title, people, region, period and focus, credits and help line.
    told : mapping
        What may be published. An amount is a mapping of `estimate`, `lower` and `upper`, each of
        which may be None; whatever has a true `hidden` loses its numbers here once more.

        - `occasion`, what an occasion is called, `occasions` and `level`;
        - `region`: `seen`, `naive` (the sum of the cities' own counts), and the amounts `stock`,
          `flow`, `counted_more_than_once`, `share_in_several` and `stay` (in occasions);
        - `stock_by_occasion`: `occasion` and `stock`;
        - `cities`: `name`, `latitude`, `longitude`, `population`, `seen`, `elsewhere_seen`,
          `at_least`, `hidden`, and the amounts `stock`, `flow`, `elsewhere` (a share of the flow),
          `stay`, `entries` and `moves_in`;
        - `network` or None: `cities`, and `legs` with `a`, `b` and `highway`;
        - `corridors`, as `darkfigure.circuit.shown.published_corridors` gives it, or None;
        - `gravity` (`elasticities`, `explained`), `models` and `goodness`, or None each;
        - `comparison` or None: `city`, `recorded_rate`, `recorded_rank`, the amounts `flow_rate`
          and `stock_rate` per 100,000 inhabitants, `rank_lower` and `rank_upper`;
        - `fit`, as `darkfigure.circuit.shown.published` gives it;
        - `warnings`, `hidden` and `sources`: sentences.
    made_by : mapping
        `version` and `command`, as far as they are known.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> line = Some(name="Help", phone="08000 121 700", text="", tty="")
    >>> about = Some(who="", note="", contact="", citation="", data_status="")
    >>> study = Some(title="Who is here?", people="people", region="the valley", period="2024")
    >>> vars(study).update(focus=None, synthetic=True, about=about, help=line)
    >>> region = dict.fromkeys(("stock", "flow", "counted_more_than_once", "stay", "naive"))
    >>> region |= {"share_in_several": None, "seen": 41}
    >>> kinds = ("network", "corridors", "gravity", "comparison", "models", "goodness")
    >>> lists = ("occasions", "stock_by_occasion", "cities", "warnings", "hidden", "sources")
    >>> told = dict.fromkeys(kinds) | {name: [] for name in lists}
    >>> told |= {"occasion": "month", "level": 0.95, "region": region, "fit": {"estimates": {}}}
    >>> "How many people are in the valley cannot be told" in circuit_page(study, told, {})
    True
    """
    safe = shown(told)
    focus = study.focus
    over_roads = road_map(safe, focus)
    here = stock_and_flow(safe, focus, study.period)
    double = counted_twice(safe, focus, study.period) if len(safe["cities"]) > 1 else None
    ranks = order(safe, focus)
    each = told["occasion"]
    time = over_time(safe, study.region)
    return framed(
        "circuit.html.jinja",
        title=study.title,
        answer=answer(study, safe),
        help=study.help,
        synthetic=study.synthetic,
        period=study.period,
        meant=meant(study, safe),
        twice=twice(study, safe),
        cannot=cannot(study, safe),
        errs=how_often_wrong(told["level"]),
        map=over_roads,
        here=here,
        double=double,
        ranks=ranks,
        ranks_text=order_text(safe, focus),
        time=time,
        against=speaks_against(safe),
        in_favour=in_favour(safe),
        hidden=held_back(safe),
        assumed=assumed(safe),
        method=method_text(safe),
        facts=facts(safe),
        tables=method_tables(safe),
        references=references(safe),
        charts=[chart for chart in (over_roads, here, double, ranks, time) if chart],
        flow_rows=_flow_rows(safe),
        stay_head=[
            f"Stay, {in_units(each)}",
            f"From outside {in_a(each)}",
            f"From another {in_a(each)}",
        ],
        stay_rows=_stay_rows(safe),
        region_rows=_region_rows(safe, study.period),
        sources=told["sources"],
        origin=origin(study.about, made_by),
    )


def _flow_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """From city to city, those that may be shown."""
    corridors = told["corridors"]
    flows = corridors["flows"] if corridors else []
    some = [flow for flow in flows if flow["moves"] is not None]
    share = {"estimate": "share", "lower": "share_lower", "upper": "share_upper"}
    return [
        [
            f"{flow['city']} to {flow['to']}",
            f"{flow['hours']:.1f}",
            in_full({"estimate": flow["moves"], "lower": flow["lower"], "upper": flow["upper"]}),
            in_percent({key: flow.get(name) for key, name in share.items()}),
        ]
        for flow in some[:MOST_FLOWS]
    ]


def _stay_rows(told: Mapping[str, Any]) -> list[list[str]]:
    """How long people stay in each city, and from where its people come, per head of the stock."""
    kinds = ("stay", "entries", "moves_in")
    return [
        [city["name"], *(in_full(city[kind], hidden=city["hidden"]) for kind in kinds)]
        for city in told["cities"]
    ]


def _region_rows(told: Mapping[str, Any], period: str) -> list[list[str]]:
    region = told["region"]
    naive = "not shown" if region["naive"] is None else f"{region['naive']:,}"
    return [
        ["Different people on record", f"{region['seen']:,}"],
        ["The cities' own counts added up", naive],
        ["On a given day", in_full(region["stock"])],
        [f"Different people in {period}", in_full(region["flow"])],
        [
            "Counted more than once if the cities' flows are added up",
            in_full(region["counted_more_than_once"]),
        ],
        ["Share who were in several of the cities", in_percent(region["share_in_several"])],
        [f"Mean stay in the region, {in_units(told['occasion'])}", in_full(region["stay"])],
    ]
