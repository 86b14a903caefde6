"""The page of a comparison as a reader meets it, and what its first lines must and must not say."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pypdf import PdfReader

from darkfigure.compare.comparison import compare
from darkfigure.compare.footing import Footing
from darkfigure.compare.place import Place, published
from darkfigure.comparing import compare_study
from darkfigure.comparison_study import Source, load
from darkfigure.report.comparison_page import comparison_page
from darkfigure.report.comparison_tables import files
from darkfigure.report.tiles import GRID, STATES, letters, tiles

EXAMPLE = Path(__file__).parents[1] / "examples" / "second-worst" / "study.toml"
PROVENANCE = {"version": "0.1.0", "command": "darkfigure compare study.toml"}
NAMES = [name for name in STATES if name != "Washington, D.C."]


def places() -> list[Place]:
    return [
        Place(
            "the county",
            1_514_460,
            6.0,
            published(13_079, None, None, observed=1_308, within=2.0),
            people="people trafficked at some point",
        ),
        Place("A", 16_778_798, 6.0, published(None, 58_000, 190_000, observed=8_234), people="p"),
        Place("B", 64_139_000, 1.0, published(None, 9_600, 24_000, observed=2_744), people="p"),
        Place("C", 400_000, 1.0, None, 31, why="its lists share nobody"),
    ]


def compared(*some: Place) -> dict[str, Any]:
    return compare(some or places(), Footing(1.0, (0.5, 5.0))).to_dict()


def alike() -> dict[str, Any]:
    return compared(
        Place("A", 500_000, 1.0, published(900, 300, 2_700, observed=200)),
        Place("B", 500_000, 1.0, published(1_000, 300, 3_000, observed=40)),
    )


def study(**changes: Any) -> Any:
    described = {
        "title": "Is it the second worst here?",
        "people": "victims of human trafficking",
        "in_focus": ["the county"],
        "caveats": ["The county was not drawn by lot."],
        "sources": [
            Source("the county", "a county study", "verified", 2.0),
            Source("A", "a table", "verified", None, "6,250, people a year (verified)"),
            Source("B", "hearsay", "secondary", None),
        ],
        "about": SimpleNamespace(
            who="A coalition", note="", contact="", citation="Its study", data_status="published"
        ),
        "help": SimpleNamespace(
            name="National Human Trafficking Hotline",
            phone="1-888-373-7888",
            text="233733",
            tty="711",
        ),
    }
    return SimpleNamespace(**(described | changes))


def reported(names: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    """Made up, of the form in which a model of places with one count only tells what it found."""
    rng = np.random.default_rng(1)
    names = names or NAMES
    n = len(names)
    recorded = np.exp(rng.normal(0.5, 0.6, n))
    recorded[names.index("Nevada")] = 6.0
    order = (np.argsort(np.argsort(-recorded)) + 1).tolist()

    def at(part: float) -> tuple[Any, Any, list[dict[str, Any]]]:
        middle = (recorded / np.median(recorded)) ** (1 - 0.75 * part)
        draws = middle * np.exp((0.2 + 0.3 * part) * rng.standard_normal((500, n)))
        ranks = np.argsort(np.argsort(-draws, axis=1), axis=1) + 1
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf").astype(int)
        rows = [
            {
                "name": name,
                "rank_expected": float(ranks[:, i].mean()),
                "rank_lower": int(low[i]),
                "rank_upper": int(high[i]),
                "simultaneous_lower": 1,
                "simultaneous_upper": n,
                "probability_highest": float((ranks[:, i] == 1).mean()),
            }
            for i, name in enumerate(names)
        ]
        return middle, np.quantile(draws, [0.025, 0.975], axis=0), rows

    middle, limits, rows = at(1.0)
    return {
        "title": "The fifty states and Washington, D.C.",
        "people": "victims of human trafficking",
        "systems": {"hotline": "cases reported to the hotline"},
        "years": [2012, 2013, 2014, 2015, 2016],
        "focus": [name for name in ("California", "Nevada") if name in names],
        "share": {"lower": 0.01, "median": 0.05, "upper": 0.2},
        "level": 0.95,
        "per": 100_000,
        "places": [
            {
                **row,
                "population": 1_000_000.0 * (i + 1),
                "few": False,
                "recorded_rate": float(recorded[i]),
                "recorded_rank": order[i],
                "rate_ratio": float(middle[i]),
                "rate_ratio_lower": float(limits[0, i]),
                "rate_ratio_upper": float(limits[1, i]),
                "share_ratio": 1.0,
                "probability_second": 0.03,
            }
            for i, row in enumerate(rows)
        ],
        "grid": [{"part": part, "places": at(part)[2]} for part in (0.0, 0.5, 1.0)],
        "overlap": [
            {"what": "the national level", "overlap": 0.98},
            {"what": "the effect of awareness", "overlap": 0.31},
        ],
        "told_apart_lower": 0.02,
        "told_apart_upper": 0.14,
        "convergence": {"rhat": 1.004, "ess": 812.0, "divergences": 0},
        "warnings": ["The counts of 2012 are not complete."],
        "source": "the hotline's reports",
        "status": "verified",
        "note": "made up",
        **changes,
    }


def first_lines(html: str) -> str:
    """The answer and the paragraph under it, as text."""
    start = html.index('<h1 id="answer">')
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]
    parser.feed(html[start : html.index("</p>", start)])
    return " ".join("".join(seen).split())


@pytest.fixture(scope="module")
def html() -> str:
    return comparison_page(study(), compared(), reported(), PROVENANCE)


@pytest.fixture(scope="module")
def file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "report.html"
    path.write_text(html, "utf-8")
    return path


def test_who_reads_only_the_first_lines_is_not_misled(html: str) -> None:
    said = first_lines(html)
    for needed in (
        "The county may be first or second of three places, with 130 to ",
        "cannot be ranked from reports alone",
        "If the numbers mean the same everywhere and what is assumed holds, the county has more "
        "people per head than B",
        "Whether the county has more than A cannot be told.",
        "The places do not count the same people.",
        "No range was published for the county; one is assumed here, a factor of 2 up or down.",
        "assuming that people stay in this situation for 0.5 to 5 years",
        "The totals of A are worked out anew from published lists, and are not those of their",
        "The numbers of B are second hand, not fact.",
        "Of C there is no estimate, and no rank.",
        "One count for each place cannot tell more people from more reports",
        "and 2 to 14 % of all pairs, as is assumed, can be told apart; even this hangs on",
        "These three places are those that have an estimate; of all others nothing is said.",
        "in a year, if what is assumed holds",
        "The county was not drawn by lot.",
    ):
        assert needed in said
    assert "accurate" not in html
    assert "prostitut" not in html.lower()
    assert "<script" not in html
    assert len(html.encode()) < 3_000_000


def test_places_that_cannot_be_told_apart_are_not_ranked() -> None:
    html = comparison_page(study(in_focus=["B"]), alike(), None, PROVENANCE)
    said = first_lines(html)
    assert said.startswith(
        "These two places cannot be told apart, so they are not ranked: B has 61 to 590 victims of "
        "human trafficking in every 100,000 inhabitants in a year, if what is assumed holds."
    )
    assert "first" not in said.split("What cannot.")[0]
    assert "none may be called the worst" in said
    assert "No place can be told from another, so they are not ranked" in html


def test_without_a_place_in_question_the_candidates_are_named_with_their_ranges() -> None:
    said = first_lines(comparison_page(study(in_focus=[]), compared(), None, PROVENANCE))
    assert said.startswith(
        "Which of three places has the most victims of human trafficking per head cannot be told: "
        "the county has 130 to "
    )


def test_an_order_is_as_sure_in_the_headline_as_in_the_text() -> None:
    """First with a probability of 96 %, which is not enough for a pair to be told apart."""
    some = [
        Place("A", 500_000, 1.0, published(1_080, 900, 1_296, observed=200)),
        Place("B", 500_000, 1.0, published(900, 760, 1_066, observed=200)),
        Place("C", 500_000, 1.0, published(90, 60, 130, observed=40)),
    ]
    told = compare(some).to_dict()
    assert 0.9 < told["places"][0]["probability_highest"] < told["sure"]
    told["level"] = 0.9  # below that probability, and `sure` is what counts
    html = comparison_page(study(in_focus=[], sources=[]), told, None, PROVENANCE)
    assert first_lines(html).startswith("Which of three places has the most")
    assert "Whether A has more than B cannot be told." in first_lines(html)
    assert "A is first with a probability of 9" in html
    assert ", and second with" in html


def test_nothing_is_sure_against_a_place_whose_numbers_are_in_doubt() -> None:
    doubt = "Worked out otherwise, B would have more."
    sources = [Source("B", "hearsay", "secondary", None, "", doubt)]
    said = first_lines(comparison_page(study(sources=sources), compared(), None, PROVENANCE))
    assert "more people per head than B" not in said
    assert doubt in said


def test_without_a_link_nothing_is_said_of_it_and_the_middle_is_that_of_the_rates() -> None:
    told = reported(["Nevada", "Utah", "Ohio", "Iowa"], focus=["Nevada"], grid=[])
    html = comparison_page(study(), None, told, PROVENANCE)
    assert "all of the link" not in html
    told = reported(["Nevada", "Utah", "Ohio", "Iowa"], focus=["Nevada"])
    html = comparison_page(study(), None, told, PROVENANCE)
    assert "hold the middle one, if all of the link between awareness and records is" in html
    assert "can be told from the middle one, if all of the link" in html
    assert "All at once" in html


def test_a_place_without_estimate_is_kept_marked_and_not_ranked(html: str) -> None:
    assert "C, no estimate: its lists share nobody." in html
    assert "<td>no estimate</td>" in html
    ranks = html[html.index('id="ranks-table"') :]
    assert '<th scope="row">C</th>' not in ranks[: ranks.index("</table>")]
    told = first_lines(comparison_page(study(in_focus=["C"]), compared(), None, PROVENANCE))
    assert "of C there is no estimate" in told


def test_sources_stand_with_their_status(html: str) -> None:
    listed = html[html.index('id="sources"') :]
    assert '<strong>B</strong> <span class="status">secondary</span> hearsay' in listed
    assert "Its authors&#39; own total: 6,250, people a year (verified)." in listed
    assert "neither is to be taken as fact" in html


def test_small_counts_do_not_reach_the_page_nor_what_gives_them_away() -> None:
    some = [Place("D", 90_000, 1.0, published(40, 20, 97, observed=3)), *places()]
    told = compared(*some)
    html = comparison_page(study(), told, None, PROVENANCE)
    assert "fewer than 5" in html
    assert not re.search("[ (>]7.5", html)  # 3 of 40
    assert "D records" not in html
    rows = list(csv.reader(io.StringIO(files(told)["places"])))
    at = {name: rows[1][i] for i, name in enumerate(rows[0])}
    assert (at["name"], at["observed"], at["coverage"]) == ("D", "fewer than 5", "")
    pairs = list(csv.DictReader(io.StringIO(files(told)["pairs"])))
    assert all(not row["recorded_ratio"] for row in pairs if "D" in (row["a"], row["b"]))

    few = reported(["California", "Nevada", "Utah"])
    few["places"][2] |= {"few": True, "recorded_rate": None, "recorded_rank": None}
    html = comparison_page(study(), None, few, PROVENANCE)
    assert "<td>fewer than 5 cases</td><td>not shown</td>" in html


def test_of_reports_alone_nobody_is_said_to_be_the_worst() -> None:
    html = comparison_page(study(in_focus=[]), None, reported(), PROVENANCE)
    said = first_lines(html)
    assert said.startswith("From reports alone it cannot be told which of 51 places has the most")
    assert "Nevada may be anywhere from" in said
    assert "By cases reported to the hotline per head, California is" in said
    assert "The data say next to nothing on the national level" in html
    assert 'id="rates"' not in html


def test_states_are_tiles_and_other_places_have_no_map() -> None:
    drawn = sorted(state for state in GRID.split() if state != ".")
    assert drawn == sorted(set(STATES.values()))
    assert len(drawn) == 51
    assert {letters(name) for name in NAMES} == set(drawn)
    some = reported(["California", "Nevada"])
    some["places"][0]["name"] = "Bavaria"
    assert tiles(some) is None
    assert 'id="states"' not in comparison_page(
        study(), None, some | {"focus": ["Nevada"], "grid": [], "overlap": []}, PROVENANCE
    )


def test_many_places_without_limits_or_counts_still_make_a_page() -> None:
    some = [
        Place(f"Place {i}", 100_000.0 * (i + 1), 0.0, published(90 * i + 50, None, None, within=3))
        for i in range(14)
    ]
    told = compare(some, Footing(0.0)).to_dict()
    told["places"][3] |= {"rate_upper": None, "upper": None}
    told["pairs"][2] |= {"prevalence_ratio_upper": None}
    html = comparison_page(study(in_focus=["Place 3"], sources=[]), told, None, {})
    assert "or more victims of human trafficking in every 100,000 inhabitants at any one" in html
    assert "Recorded" in html
    assert "not known" in html
    few = reported(["Nevada", "Utah"], focus=[], grid=[], overlap=[], convergence={})
    few["places"][0] |= {"rate_ratio_upper": None}
    html = comparison_page(study(in_focus=[], sources=[]), None, few, {})
    assert "it cannot be told which of two places has the most" in html


@pytest.mark.parametrize("field", ["title", "people", "about", "help", "places", "reports"])
def test_what_the_user_writes_cannot_become_markup(field: str) -> None:
    evil = '</style><script>alert("x")</script>'
    nested = {
        "help": SimpleNamespace(name=evil, phone=evil, text=evil, tty=evil),
        "about": SimpleNamespace(
            who=evil, note=evil + "n", contact=evil + "c", citation=evil + "d", data_status=evil
        ),
    }
    changes: dict[str, Any] = {}
    told, counts = alike(), None
    if field == "places":
        told = json.loads(json.dumps(told).replace('"A"', json.dumps(evil)))
        changes = {"in_focus": [evil], "sources": [Source(evil, evil, "verified", None)]}
        told["warnings"] = [evil]
    elif field == "reports":
        counts = reported(["Nevada", "Utah", "Ohio"], title=evil, source=evil, note=evil)
        counts = json.loads(json.dumps(counts).replace("Nevada", "<script>'\\\"&"))
    else:
        changes = {field: nested.get(field, evil)}
    html = comparison_page(study(**changes), told, counts, PROVENANCE)
    assert "<script" not in html
    assert html.count("</style>") == 1
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.extend(name for name, _ in attrs)  # type: ignore[method-assign]
    parser.feed(html)
    assert not [name for name in seen if name.startswith("on")]


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
    tab.on("pageerror", lambda error: said.append(str(error)))
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
    assert drawn == [size[0] < 700] * 7
    links = tab.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].every(a => "
        "document.getElementById(a.getAttribute('href').slice(1)))"
    )
    assert links
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(tab, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    tab.close()


def test_on_paper(browser: Browser, file: Path, tmp_path: Path) -> None:
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    sheets = [sheet.extract_text() for sheet in PdfReader(tmp_path / "page.pdf").pages]
    assert all("1-888-373-7888" in sheet for sheet in sheets)
    together = unicodedata.normalize("NFKC", " ".join(" ".join(sheets).split()))  # ligatures
    cells = tab.evaluate(
        "[...document.querySelectorAll('table th, table td')].map(c => c.innerText)"
    )
    lost = [c for c in cells if unicodedata.normalize("NFKC", " ".join(c.split())) not in together]
    assert not lost
    tab.close()


def test_the_example_writes_its_page_and_tables(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")  # the states are fitted by docs/compare/awareness.md
    study = tmp_path / "study.toml"
    study.write_text(text[: text.index("# The states")] + text[text.index("[method]") :], "utf-8")
    outcome = compare_study(study, tmp_path)
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "Sacramento County may be first or second of six places" in html
    assert "how many people live there is not known" in html
    for name in ("places", "pairs", "ranks"):
        assert (tmp_path / "tables" / f"{name}.csv").stat().st_size > 100
    assert outcome.comparison is not None
    again = compare_study(study, tmp_path)
    assert "report.html" in again.skipped
    whole = load(EXAMPLE)
    assert whole.in_focus == ["Sacramento County"]
    assert whole.reports is not None
    assert whole.reports.focus == ["California", "Nevada"]
