"""The page of people who move as a reader meets it, and what it must never tell."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from darkfigure.report.circuit_concluded import answer
from darkfigure.report.circuit_method import facts, in_favour, method_tables, speaks_against
from darkfigure.report.circuit_page import circuit_page
from darkfigure.report.circuit_tables import files, shown
from darkfigure.report.counted_twice import order
from darkfigure.report.road_map import road_map
from darkfigure.report.stock_and_flow import over_time, stock_and_flow
from tests.circuit_told import NONE, SECRET, amount, study, told

MADE_BY = {"version": "0.1.0", "command": "darkfigure circuit study.toml"}
CHARTS = ["map", "stock", "twice", "order", "time"]


def first_lines(html: str) -> str:
    """The answer and the paragraph under it, as text."""
    start = html.index('<h1 id="answer">')
    return as_text(html[start : html.index("</p>", start)])


def as_text(html: str) -> str:
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]
    parser.feed(html)
    return " ".join("".join(seen).split())


def page(some: dict[str, Any] | None = None, **changes: Any) -> str:
    return circuit_page(study(**changes), some or told(), MADE_BY)


def without(**cities: dict[str, Any]) -> dict[str, Any]:
    """What is told, with changes to some cities."""
    some = told()
    for city in some["cities"]:
        city |= cities.get(city["name"], {})
    return some


@pytest.fixture(scope="module")
def html() -> str:
    return page()


@pytest.fixture(scope="module")
def file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("circuit") / "report.html"
    path.write_text(html, "utf-8")
    return path


def test_who_reads_only_the_first_lines_is_not_misled(html: str) -> None:
    said = first_lines(html)
    assert said.startswith(
        "Between 94 and 160 exploited people are in Sacramento on a given day; between 410 and "
        "680 were there at some time in 2024; about one in three of them (28 to 41 %) was in "
        "another of the six cities too."
    )
    for needed in (
        "There are three answers.",
        "212 people are on record in Sacramento, and 871 different ones in all six cities",
        "between 700 and 890 are there on a given day, and between 1,600 and 2,100 were there",
        "Six cities that each count their own add up to about 1,143; they are about 871 different",
        "add up to between 550 and 800 more than there are people",
        "People whom no agency could ever come across are in none of these numbers.",
        "Whoever goes to a place outside the six cities looks as if they had got free",
        "where they differ, there are more than this says",
        "Some numbers are not shown",
    ):
        assert needed in said
    assert "1-888-373-7888" in html[: html.index("<h1")]
    assert "accurate" not in html
    assert "prostitut" not in html.lower()
    assert len(html.encode()) < 1_500_000


def test_without_a_city_in_question_the_region_answers() -> None:
    assert answer(study(focus=None), shown(told())) == (
        "Between 700 and 890 exploited people are in six cities of northern California and Nevada "
        "on a given day; between 1,600 and 2,100 were there at some time in 2024; about one in "
        "four of them (23 to 32\u00a0%) was in more than one of the six cities."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"hidden": True},
            "How many exploited people are in Sacramento may not be shown; between 700 and 890 "
            "exploited people are in six cities",
        ),
        (
            {"stock": NONE, "flow": NONE},
            "How many exploited people are in Sacramento cannot be told; between 700 and 890 ",
        ),
        (
            {"flow": NONE},
            "Between 94 and 160 exploited people are in Sacramento on a given day; how many "
            "different people were there at some time in 2024 cannot be told.",
        ),
        (
            {"stock": NONE},
            "Between 410 and 680 exploited people were in Sacramento at some time in 2024; how "
            "many are there on a given day cannot be told; about one in three of those in 2024 ",
        ),
        (
            {"stock": {"estimate": 120.0, "lower": 94.0, "upper": None}, "elsewhere": NONE},
            "At least 94 exploited people are in Sacramento on a given day; between 410 and 680 "
            "were there at some time in 2024.",
        ),
        (
            {"stock": {"estimate": 120.0, "lower": None, "upper": None}},
            "Between 410 and 680 exploited people were in Sacramento at some time in 2024; ",
        ),
    ],
    ids=["hidden", "unknown", "no flow", "no stock", "no upper limit", "no range"],
)
def test_what_is_hidden_or_cannot_be_told_leaves_a_true_sentence(
    change: dict[str, Any], said: str
) -> None:
    found = answer(study(), shown(without(Sacramento=change)))
    assert found.startswith(said)
    assert found.endswith(".")
    assert "None" not in found


def test_where_nothing_can_be_told_that_is_said_and_the_page_stands() -> None:
    silent = {"stock": NONE, "flow": NONE, "elsewhere": NONE, "stay": NONE} | dict.fromkeys(
        ("seen", "elsewhere_seen"), None
    )
    names = [city["name"] for city in told()["cities"]]
    some = without(**dict.fromkeys(names, silent)) | {
        "network": None,
        "corridors": None,
        "gravity": None,
        "comparison": None,
        "models": None,
        "goodness": None,
        "stock_by_occasion": [],
    }
    some["region"] |= dict.fromkeys(
        ("stock", "flow", "counted_more_than_once", "share_in_several", "stay"), NONE
    ) | {"naive": None}
    html = page(some, focus=None)
    assert first_lines(html).startswith(
        "How many exploited people are in six cities of northern California and Nevada cannot be "
        "told from these data."
    )
    assert "What they add up to is not shown" in first_lines(html)
    assert "<figure" not in html
    assert "None" not in as_text(html)
    assert "Wilson" not in html


def test_what_is_hidden_is_nowhere(html: str) -> None:
    digits = f"{SECRET:.0f}"
    for text in (html, *files(told(), synthetic=True).values()):
        plain = text.replace(",", "")
        assert digits[:4] not in plain
    assert "Fresno: not shown, there are too few people" in html
    assert "Modesto – Stockton" not in html
    assert "Fresno to Stockton</th><td>not shown</td>" in html
    for sentence in (
        "How many people were seen in Fresno is not shown",
        "Detection in Fresno is not shown",
        "Movement from Fresno to Stockton is not shown",
    ):
        assert sentence in html[html.index('id="hidden"') :]
    safe = json.dumps(shown(told()))
    assert digits not in safe


def test_a_hidden_road_is_drawn_like_one_that_nobody_goes_over() -> None:
    some = told()
    with_hidden = road_map(shown(some), "Sacramento")
    some["corridors"]["legs"] = [leg for leg in some["corridors"]["legs"] if not leg["hidden"]]
    without_it = road_map(shown(some), "Sacramento")
    assert with_hidden == without_it
    assert with_hidden is not None
    assert "Modesto" in with_hidden.wide_svg


def test_the_map_needs_roads_and_two_places() -> None:
    some = told()
    assert road_map(shown(some | {"network": None}), None) is None
    for city in [*some["cities"], *some["network"]["cities"]]:
        city |= {"latitude": None, "longitude": None}
    assert road_map(shown(some), None) is None
    drawn = road_map(shown(told(corridors=None)), "Sacramento")
    assert drawn is not None
    assert drawn.title.endswith("how many people go where is not shown")
    assert not drawn.rows


def test_names_on_the_map_meet_no_other_and_stay_on_it() -> None:
    some = told()
    every = some["network"]["cities"]
    some["cities"] = [some["cities"][0] | city for city in every]
    drawn = road_map(shown(some), None)
    assert drawn is not None
    names = {city["name"] for city in every}
    for svg, width, named in ((drawn.wide_svg, 640, 30), (drawn.narrow_svg, 328, 22)):
        found = re.findall(r'transform="translate\(([\d.]+),([\d.]+)\)"[^>]*>([^<]+)</text>', svg)
        boxes = {(float(x), float(y), 3.4 * len(name)) for x, y, name in found if name in names}
        assert len(boxes) >= named
        assert all(x - half >= 0 and x + half <= width for x, _, half in boxes)
        assert not [
            (a, b)
            for a, b in itertools.combinations(boxes, 2)
            if abs(a[0] - b[0]) < a[2] + b[2] and abs(a[1] - b[1]) < 11
        ]


def test_charts_say_what_they_show(html: str) -> None:
    titles = [as_text(t) for t in re.findall(r'<p class="title">(.*?)</p>', html)]
    assert titles == [
        "Which road the most people go over cannot be told; it may be that between Oakland and "
        "San Jose: 29 to 49 people a month",
        "In 2024 at least twice as many people were in Sacramento as are there on a given day",
        "The cities' own counts add up to about 1,143, and are of 871 people",
        "Reno and San Jose stand elsewhere by the people there than by records",
        "If agencies looked alike all the time, there were more people in six cities of northern "
        "California and Nevada in November 2024 than in February 2024",
    ]
    alts = re.findall(r'role="img" aria-label="([^"]+)"', html)
    assert len(alts) == 2 * len(CHARTS)
    assert all(len(alt) > 40 for alt in alts)
    assert "Oakland to San Jose 29 to 49" in alts[0]


def test_cities_that_cannot_be_ranked_are_not() -> None:
    some = told()
    for row in some["comparison"]:
        row |= {"rank_lower": 1, "rank_upper": 5}
    drawn = order(some, "Sacramento")
    assert drawn is not None
    assert drawn.title == "By the people there on a given day the cities cannot be ranked"
    assert "Reno 2, and 1\u00a0to\u00a05" in drawn.alt


def test_a_change_that_cannot_be_told_is_none() -> None:
    quarters = [{"occasion": f"2024 Q{i}", "stock": amount(800 + 9 * i, 1.3)} for i in range(1, 5)]
    drawn = over_time(told(stock_by_occasion=quarters), "the region")
    assert drawn is not None
    assert drawn.title.endswith("came to be more people in the region, or fewer, cannot be told")
    assert over_time(told(stock_by_occasion=quarters[:1]), "the region") is None


def test_bad_fit_and_what_has_no_number_are_told(html: str) -> None:
    assert "Two tests of whether the model fits found nothing against it." in html
    assert "Movement from Fresno to Reno cannot be told from these data." in html
    bad = {"name": "M.ITEC", "statistic": 40.0, "df": 6, "p": 4e-7, "verdict": "does not fit"}
    some = told(goodness=[bad])
    assert speaks_against(some)[0].sentence == "The data do not look as the model says: M.ITEC."
    assert not in_favour(some)
    assert method_tables(some)[1].rows[0][-2:] == ["under 0.001", "does not fit"]
    assert method_tables(told())[1].rows[1][1:4] == ["not shown"] * 3
    for author in ("Arnason", "Schweigert", "Brownie", "Worthington", "Wilson"):
        assert author in html
    assert "<dt>AIC</dt><dd>not shown</dd>" in html


def test_other_occasions_are_called_by_their_length() -> None:
    some = shown(told(occasion="30 days"))
    roads, stays = road_map(some, None), stock_and_flow(some, None, "2024")
    assert roads is not None
    assert stays is not None
    assert roads.title.endswith("29 to 49 people in 30 days")
    assert "63 to 100 days" in stays.wide_svg  # Sacramento's stay of 2.1 to 3.5 times 30 days
    assert dict(facts(some))["Occasions"].endswith("of 30 days each")


def test_made_up_data_say_so_everywhere(html: str) -> None:
    assert "SYNTHETIC" in html[: html.index("<h1")]
    for text in files(told(), synthetic=True).values():
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0][-1] == "SYNTHETIC"
        assert {row[-1] for row in rows[1:]} == {"made up"}
    assert "SYNTHETIC" not in "".join(files(told()).values())


def test_tables_hold_what_the_page_shows() -> None:
    tables = files(told())
    assert set(tables) == {
        *("cities", "region", "estimates", "flows", "legs", "comparison", "models"),
    }
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in tables.items()}
    assert [row["city"] for row in rows["cities"]][-1] == "Fresno"
    assert rows["cities"][0]["stock"] == "310"
    assert rows["cities"][-1]["stock"] == rows["cities"][-1]["seen"] == ""
    assert rows["cities"][-1]["hidden"] == "True"
    assert len(rows["legs"]) == 9
    assert rows["legs"][0]["there_lower"]
    bare = files(told(corridors=None, comparison=None, models=None))
    assert set(bare) == {"cities", "region", "estimates"}


def test_ids_are_unique_and_nothing_is_fetched(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert [name for name in CHARTS if f'<figure id="{name}"' in html] == CHARTS
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!#|tel:|sms:)[^"]*"', html)
    assert not re.search(r"url\((?!#)", html)


def test_what_the_user_writes_cannot_become_markup() -> None:
    evil = '</style><script>alert("x")</script>'
    some = json.loads(json.dumps(told()).replace('"Sacramento"', json.dumps(evil)))
    some |= {"warnings": [evil], "hidden": [evil], "sources": [evil]}
    about = dict.fromkeys(("who", "note", "contact", "citation", "data_status"), evil)
    texts = dict.fromkeys(("title", "people", "region", "period", "focus"), evil)
    html = page(some, about=SimpleNamespace(**about), **texts)
    assert "<script" not in html
    assert html.count("</style>") == 1
    assert html.count("&lt;script&gt;") > 20


@pytest.mark.parametrize(
    ("size", "scheme"), [((390, 844), "dark"), ((1280, 900), "light")], ids=["phone", "desk"]
)
def test_in_a_browser(browser: Browser, file: Path, size: tuple[int, int], scheme: Any) -> None:
    tab = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=1
    )
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert said == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    number = tab.locator("aside.help a").first.bounding_box()
    assert number is not None
    assert number["y"] + number["height"] < 120
    headings = tab.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    drawn = [d.evaluate("d => d.offsetWidth > 0") for d in tab.locator(".narrow").all()]
    assert drawn == [size[0] < 700] * len(CHARTS)
    beyond = tab.evaluate(
        "[...document.querySelectorAll('figure svg')].filter(s => s.clientWidth > 0).flatMap(s => "
        "[...s.querySelectorAll('text')].filter(t => { const a = t.getBoundingClientRect(), b = "
        "s.getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1 || "
        "a.bottom > b.bottom + 1; }).map(t => t.textContent))"
    )
    assert beyond == []
    links = tab.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].every(a => "
        "document.getElementById(a.getAttribute('href').slice(1)))"
    )
    assert links
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(tab, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    tab.close()


def test_a_way_of_which_nothing_is_told_is_no_zero() -> None:
    some = told()
    leg = some["corridors"]["legs"][0]
    leg["there"] = {"moves": 0.0, "standard_error": None, "lower": None, "upper": None}
    drawn = road_map(shown(some), None)
    assert drawn is not None
    assert drawn.rows[0][1] == "not shown"
    row = next(csv.DictReader(io.StringIO(files(some)["legs"])))
    assert row["there_moves"] == ""
    leg |= {"moves": 90.0, "lower": 70.0, "upper": 120.0}
    drawn = road_map(shown(some), None)
    assert drawn is not None
    assert drawn.title.startswith("Of those shown, most people go between Oakland and San Jose")
