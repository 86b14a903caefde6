"""The page of a scenario as a council meets it: its first lines, and what is always on it."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from darkfigure.report.scenario_charts import helps, matters, over_years
from darkfigure.report.scenario_concluded import answer, outcome, ranged, signed
from darkfigure.report.scenario_evidence import SPEAKS_AGAINST, SPEAKS_FOR
from darkfigure.report.scenario_page import scenario_page
from darkfigure.weighing import Weighed, weigh
from tests.test_scenario import text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Weighed:
    folder = tmp_path_factory.mktemp("demand")
    (folder / "scenario.toml").write_text(text(), "utf-8")
    return weigh(folder / "scenario.toml", folder / "out")


@pytest.fixture(scope="module")
def html(made: Weighed) -> str:
    return (made.folder / "report.html").read_text("utf-8")


def as_text(html: str) -> str:
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]
    parser.feed(html[html.index("<body>") :])
    return " ".join("".join(seen).split())


def changed(told: dict[str, Any], **differences: tuple[float, float]) -> dict[str, Any]:
    """What is told, with other limits of some differences."""
    some: dict[str, Any] = json.loads(json.dumps(told))
    for name, (lower, upper) in differences.items():
        outcome(some, name)["difference"] |= {"lower": lower, "upper": upper}
    return some


def test_the_first_line_says_that_it_is_no_forecast_and_what_contradicts_it(html: str) -> None:
    said = as_text("<body>" + html[html.index('<h1 id="answer">') :])
    assert said.startswith("This is a scenario, not a forecast")
    first = said[:1500]
    for place in ("Northern Ireland", "Sweden", "Vancouver", "Arrested buyers were caught again"):
        assert place in first


def test_the_help_line_is_the_first_thing_on_the_page(html: str) -> None:
    assert html.index("1-888-373-7888") < html.index('<h1 id="answer">')


def test_both_sides_stand_on_the_page_with_their_grades(html: str) -> None:
    said = as_text(html)
    for each in (*SPEAKS_FOR, *SPEAKS_AGAINST):
        assert " ".join(each.sentence.split()) in said
        assert "Grade" in each.why or "not found" in each.why
    assert len(SPEAKS_AGAINST) >= len(SPEAKS_FOR)


def test_nobody_is_called_what_the_law_calls_them(html: str) -> None:
    assert "prostitute" not in as_text(html).replace("for patronizing a prostitute", "")


def test_every_number_that_goes_in_stands_there_with_its_source_and_grade(
    made: Weighed, html: str
) -> None:
    said = as_text(html)
    for each in made.told["assumptions"]:
        assert " ".join(each["source"].split()) in said
    assert "Assumption." in said
    assert "Grade A." in said
    for each in made.told["hours"]:
        assert each["source"] in said


def test_the_answer_never_says_more_than_the_ranges(made: Weighed) -> None:
    told = made.told
    fewer = changed(told, exploited_person_years=(-900.0, -200.0), harm=(-3.0, -1.0))
    assert "between 200 and 900 fewer years of exploitation" in answer(fewer)
    assert "less harm to exploited people" in answer(fewer)
    assert "cannot be told" not in answer(fewer)
    worse = changed(told, exploited_person_years=(200.0, 900.0), harm=(-3.0, 1.0))
    assert "between 200 and 900 more years of exploitation" in answer(worse)
    assert "whether they would come to less harm cannot be told" in answer(worse)
    nothing = changed(told, exploited_person_years=(0, 0), harm=(0, 0), arrests_exploited=(0, 0))
    assert answer(nothing).count("cannot be told") == 1
    for each in (fewer, worse, nothing):
        assert answer(each).startswith("This is a scenario, not a forecast: ")


def test_titles_of_pictures_say_what_they_show(made: Weighed) -> None:
    told: dict[str, Any] = json.loads(json.dumps(made.told))
    last = told["path"][-1]["difference"]
    last |= {"lower": -50.0, "upper": -5.0}
    assert over_years(told).title == "In the end there would be fewer exploited people"
    last |= {"lower": -50.0, "upper": 5.0}
    assert "cannot be told" in over_years(told).title
    bars = matters(told, "harm")
    assert bars is not None
    best = max((e for e in told["sobol"] if e["outcome"] == "harm"), key=lambda e: e["total"])
    assert bars.title.endswith(best["words"])
    assert matters({**told, "sobol": []}, "harm") is None
    assert len(helps(told).rows) == 3


def test_a_page_without_unknowns_or_other_cities_can_be_made(made: Weighed) -> None:
    told = {**made.told, "sobol": [], "break_even": [], "movement": None}
    told |= {"by_city": told["by_city"][:8], "hours": told["hours"][:1]}
    page = scenario_page(made.scenario, told, {})
    assert "What to measure next" not in page
    assert 'id="cities-table"' not in page


def test_what_is_in_the_title_is_escaped(made: Weighed) -> None:
    scenario = made.scenario.model_copy(update={"title": "<script>alert(1)</script>"})
    assert "<script>" not in scenario_page(scenario, made.told, {})


def test_tables_say_the_same_as_the_numbers_told(made: Weighed) -> None:
    rows = list(csv.DictReader(io.StringIO((made.folder / "tables/outcomes.csv").read_text())))
    for row, each in zip(rows, made.told["outcomes"], strict=True):
        assert row["outcome"] == each["name"]
        assert float(row["difference_lower"]) == each["difference"]["lower"]
    names = {file.stem for file in (made.folder / "tables").iterdir()}
    assert names == {
        "outcomes", "cities", "years", "break_even", "sobol", "assumptions", "hours",
    }  # fmt: skip
    turns = list(csv.DictReader(io.StringIO((made.folder / "tables/break_even.csv").read_text())))
    assert any(row["break_even"] == "none within its range" for row in turns)


def test_what_has_not_changed_is_not_done_again(made: Weighed) -> None:
    path = made.folder.parent / "scenario.toml"
    again = weigh(path, made.folder)
    assert "scenario.json" in again.skipped
    assert "report.html" in again.skipped
    assert again.told == made.told


def test_numbers_have_a_true_minus_and_no_minus_zero() -> None:
    assert signed(-0.2) == "0"
    assert ranged({"estimate": -8.4e6, "lower": -55e6, "upper": 2.9e6}, "US dollars") == (
        "−8.4 (−55.0\xa0to\xa02.9) million"
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_anybody_can_read_it(made: Weighed, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((made.folder / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Axe().run(page).violations_count == 0
    top = page.locator("aside.help").bounding_box()
    assert top is not None
    assert top["y"] < 100
    page.close()
