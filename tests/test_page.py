"""The page as a reader meets it: on a phone, at a desk, in the dark, on paper, and read aloud."""

from __future__ import annotations

import dataclasses
import itertools
import math
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pypdf import PdfReader

from darkfigure.disclosure import publishable_estimate
from darkfigure.errors import InputError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report import page
from darkfigure.report.charts import overlaps, people_per_dot
from darkfigure.report.spread import replicates
from darkfigure.report.trust import findings, verdict
from darkfigure.size.sensitivity import sensitivity

LISTS = ("LA", "NG", "PF", "GO", "GP", "NCA")
UK = {
    "LA": 54,
    "NG": 463,
    "PF": 907,
    "GO": 695,
    "GP": 316,
    "NCA": 57,
    "LA NG": 15,
    "LA PF": 19,
    "LA GO": 3,
    "NG PF": 56,
    "NG GO": 19,
    "NG GP": 1,
    "NG NCA": 3,
    "PF GO": 69,
    "PF GP": 10,
    "PF NCA": 31,
    "GO GP": 8,
    "GO NCA": 6,
    "GP NCA": 1,
    "LA NG PF": 1,
    "LA NG GO": 1,
    "NG PF GO": 4,
    "NG PF NCA": 3,
    "PF GO NCA": 1,
    "LA NG PF GO": 1,
}


def uk() -> CaptureHistories:
    patterns = [[int(name in names.split()) for name in LISTS] for names in UK]
    return CaptureHistories.from_patterns(LISTS, patterns, list(UK.values()))


def uk_estimate(**changes: Any) -> Estimate:
    draws = np.random.default_rng(1).lognormal(math.log(11_400), 0.09, 1000)
    return dataclasses.replace(
        Estimate(
            total=11_313.0,
            lower=9_871.0,
            upper=13_540.0,
            level=0.95,
            observed=2_744,
            method="bic",
            lists=LISTS,
            settings={"seed": 1},
            details={
                "model": "[12,13,23,24,34,36,5]",
                "bic": 310.4,
                "models": 32_768,
                "models_fitted": 412,
                "certified": True,
                "bias": 0.031,
                "acceleration": 0.014,
            },
            draws=draws,
        ),
        **changes,
    )


def uk_alternatives() -> list[Estimate]:
    def one(label: str, total: float, lower: float, upper: float, **details: Any) -> Estimate:
        return uk_estimate(
            total=total,
            lower=lower,
            upper=upper,
            draws=None,
            details={"label": label, **details},
        )

    return [
        one("The second-best model by the same measure", 11_002, 9_610, 13_120),
        one("The third-best model by the same measure", 11_870, 10_020, 14_290),
        one("Lists do not lead to one another at all", 14_040, 12_960, 15_260),
        one("Every pair of lists may lead to one another", 12_950, 8_400, math.inf),
        one("Without LA", 10_670, 9_200, 12_900, without="LA"),
        one("Without NG", 12_330, 10_100, 15_900, without="NG"),
        one("Without PF", 9_120, 6_540, 14_300, without="PF"),
    ]


def study(**changes: Any) -> Any:
    described = {
        "title": "The size of modern slavery in the United Kingdom",
        "people": "potential victims of human trafficking",
        "place": "the United Kingdom",
        "period": "2013",
        "population": 64_100_000.0,
        "synthetic": False,
        "truth": None,
        "smallest_count": 1,
        "about": SimpleNamespace(
            who="The coalition of the six lists",
            note="The six lists are those of the published table.",
            contact="office@example.org",
            citation="Silverman, B. W. (2014). Modern Slavery: an application of multiple systems "
            "estimation. Home Office, London.",
            data_status="published table",
        ),
        "help": SimpleNamespace(
            name="National Human Trafficking Hotline",
            phone="1-888-373-7888",
            text="233733",
            tty="711",
        ),
        "method": SimpleNamespace(name="bic", seed=1, bootstrap=1000),
    }
    return SimpleNamespace(**(described | changes))


PROVENANCE = {
    "version": "0.1.0",
    "command": "darkfigure size uk-2013 --method bic --bootstrap 1000 --seed 1",
    "input_hash": uk().fingerprint,
}


LINKAGE = {
    "hide": False,
    "records": 3_912,
    "protected": False,
    "pairs": 2_000,
    "levels": [
        {"field": field, "level": level, "m": m, "u": u, "weight": math.log2(m / u)}
        for field in ("given name", "birth date", "telephone number")
        for level, m, u in (
            ("same", 0.9, 0.0001),
            ("given and family name swapped", 0.05, 0.00001),
            ("different", 0.05, 0.9998),
        )
    ],
    "rules": [
        {"words": "day of birth", "pairs": 4_321, "used": True},
        {"words": "e-mail", "pairs": 0, "used": False},
        {"words": "place and given name", "pairs": 99_999_999, "used": False},
    ],
    "lists": [
        {"list": name, "used": 612, "filled": {"birth_year": 600, "phone": 13}} for name in LISTS
    ],
}


def uk_unknowable(estimate: Estimate, **changes: Any) -> dict[str, Any]:
    """As `darkfigure.size.sensitivity` gives it, in which `report` does not look."""
    return sensitivity(estimate, **changes).to_dict()


def uk_page(linkage: dict[str, Any] | None = None, **changes: Any) -> str:
    drawn = {"draws": 20, "share": 0.21, "observed": [2_701, 2_766]}
    estimate = uk_estimate()
    if linkage:
        estimate = replace(estimate, details={**estimate.details, "linkage": drawn})
    told = uk_unknowable(estimate)
    return page(study(**changes), uk(), estimate, uk_alternatives(), PROVENANCE, linkage, told)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(uk_page(LINKAGE, synthetic=True, truth=13_000), "utf-8")
    return path


def test_the_answer_is_one_sentence_with_its_range() -> None:
    html = uk_page()
    assert (
        "Between 9,800 and 14,000 people were potential victims of human trafficking in the United "
        "Kingdom in 2013; 2,744 of them are on somebody&#39;s list, the others on nobody&#39;s."
    ) in html
    assert "That is 15 to 21 in every 100,000 inhabitants" in html.replace("\n", " ")
    assert len(html.encode()) < 3_000_000


def test_the_page_says_how_much_of_the_doubt_is_about_who_is_who() -> None:
    html = uk_page(LINKAGE)
    assert "About one in five parts of the doubt are about who is who" in html
    assert "They were compared by given name, birth date and telephone number." in html
    assert "between 2,700 and 2,800 different people" in html
    assert "about 3,900 records" in html  # never the number itself, which would give sizes away
    assert "no, too many" in html
    assert "Who is who" not in uk_page()


def test_beside_hidden_counts_no_number_of_records_or_pairs_is_told() -> None:
    """Most agencies have one row for each person: their number of rows is the hidden margin."""
    shown, hidden = uk_page(LINKAGE), uk_page(LINKAGE | {"hide": True})
    for number in ("about 3,900 records", "about 4,300", "about 610"):
        assert number in shown
        assert number not in hidden
    other = {
        **LINKAGE,
        "hide": True,
        "records": 17,
        "pairs": 3,
        "rules": [rule | {"pairs": 1} for rule in LINKAGE["rules"]],
        "lists": [each | {"used": 5, "filled": {"birth_year": 5}} for each in LINKAGE["lists"]],
    }
    for telling in (">17<", "about 17", "about 1<", "about 5<"):
        assert telling not in uk_page(other)


def test_a_page_of_protected_lists_says_that_no_name_was_given_out() -> None:
    encoded = [{**level, "field": f"{level['field']}, encoded"} for level in LINKAGE["levels"]]
    html = uk_page(LINKAGE | {"protected": True, "levels": encoded})
    assert "No agency gave out a name" in html
    assert "<td>encoded</td>" in html


@pytest.mark.parametrize(
    ("truth", "said"), [(13_000, "holds that number"), (40_000, "misses that")]
)
def test_made_up_data_are_held_against_the_truth(truth: int, said: str) -> None:
    assert f"There are {truth:,} of these made-up people. The range {said}" in uk_page(
        synthetic=True, truth=truth
    ).replace("\n", " ")


def test_the_page_says_what_no_data_can_tell() -> None:
    html = uk_page()
    assert "If twice as many are on no list as the lists suggest, there are 20,000 people" in html
    assert "once 0.83 or 1.3 times as many people are on no list" in html
    assert "With this doubt in it the range would be between 3,900 and 63,000" in html
    assert 'id="unknowable-table"' in html
    assert "Aleshin-Guendel" in html


def test_what_no_data_can_tell_cannot_betray_what_is_held_back() -> None:
    histories = CaptureHistories(["a", "b", "c"], [0, 3021, 2517, 1203, 4013, 3, 7, 4])
    exact = Estimate(30_123.0, 21_456.0, 40_789.0, 0.95, histories.observed, "bic", "abc")
    shown = publishable_estimate(exact)
    for telling in (
        uk_unknowable(exact),
        uk_unknowable(shown, histories=histories),
        uk_unknowable(replace(shown, lower=exact.lower)),
    ):
        with pytest.raises(InputError, match="held back"):
            page(study(smallest_count=10), histories, exact, [], {}, None, telling)
    told = uk_unknowable(shown)
    html = page(study(smallest_count=10), histories, exact, [], {}, None, told)
    assert "What no data can tell" in html
    assert "30,123" not in html


def test_the_page_never_says_what_it_must_not() -> None:
    text = uk_page().lower()
    words = text[text.index("<body") :]
    assert "accurate" not in words
    assert "prostitut" not in words
    assert "!" not in words
    assert "<script" not in text


@pytest.mark.parametrize(
    "field", ["title", "people", "place", "period", "help", "about"], ids=lambda name: str(name)
)
def test_what_the_user_writes_cannot_become_markup(field: str) -> None:
    evil = '</style><script>alert("x")</script>'
    nested = {
        "help": SimpleNamespace(name=evil, phone=evil, text=evil, tty=evil),
        "about": SimpleNamespace(
            who=evil, note=evil + "n", contact=evil + "c", citation=evil + "d", data_status=evil
        ),
    }
    html = uk_page(**{field: nested.get(field, evil)})
    assert "<script" not in html
    assert html.count("</style>") == 1


def test_list_names_cannot_become_markup_in_the_drawings() -> None:
    evil = ["<script>a</script>", 'b"onload="x', "c&d"]
    histories = CaptureHistories(evil, [0, 90, 80, 20, 70, 30, 12, 11])
    estimate = Estimate(500.0, 400.0, 700.0, 0.95, histories.observed, "bic", tuple(evil))
    html = page(study(), histories, estimate, [], {})
    assert "<script" not in html
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.extend(name for name, _ in attrs)  # type: ignore[method-assign]
    parser.feed(html)
    assert "fill" in seen
    assert not [name for name in seen if name.startswith("on")]


def test_small_counts_do_not_reach_the_page() -> None:
    histories = CaptureHistories(["a", "b", "c"], [0, 3021, 2517, 1203, 4013, 3, 7, 4])
    chart = overlaps(histories, 10)
    assert chart.rows[-1] == ["all other combinations together", "14"]
    estimate = Estimate(
        30_000.0, 21_000.0, 40_000.0, 0.95, histories.observed, "bic", ("a", "b", "c")
    )
    html = page(study(smallest_count=10), histories, estimate, [], PROVENANCE)
    assert PROVENANCE["input_hash"] not in html
    assert "a + c" not in html
    assert f"{histories.size_of('c'):,}" not in html
    assert "at least 4,013" in html


@pytest.mark.parametrize("people", [1, 99, 250, 251, 2_744, 15_000, 10**7])
def test_there_are_never_too_many_dots(people: int) -> None:
    one = people_per_dot(people)
    assert people / one <= 250
    assert people / one >= 100 or one == 1


def test_the_verdict_falls_with_what_is_found() -> None:
    found = [f.sentence for f in findings(uk(), uk_estimate(), []) if f.serious]
    assert found == ["Two of 15 pairs of lists share nobody: LA and GP; LA and NCA."]
    assert verdict([]).grade == "a sound guide to the size"
    unlimited = findings(uk(), uk_estimate(upper=math.inf), [])
    assert verdict(findings(uk(), uk_estimate(), [])).grade == "a rough guide to the size"
    assert verdict(unlimited).grade == "an order of magnitude at best"
    doubtful = findings(uk(), uk_estimate(), uk_alternatives())
    assert any("outside the range" in f.sentence for f in doubtful)
    assert any("Leaving out" in f.sentence and "PF" in f.sentence for f in doubtful)
    failed = uk_estimate(draws=np.r_[np.full(50, np.inf), np.full(950, 11_000.0)])
    assert any("gave no number" in f.sentence for f in findings(uk(), failed, []))


@pytest.mark.parametrize("upper", [math.inf, 400_000.0, 11_400.0])
def test_a_page_can_be_made_of_any_interval(upper: float) -> None:
    estimate = uk_estimate(upper=upper, draws=None)
    assert "</html>" in page(study(population=None), uk(), estimate, [], {})


def test_a_page_with_every_combination_held_back() -> None:
    histories = CaptureHistories(["a", "b"], [0, 30, 4, 3])
    estimate = Estimate(80.0, 50.0, 130.0, 0.95, 37, "independent", ("a", "b"))
    html = page(study(smallest_count=30), histories, estimate, [], {})
    assert "all other combinations together" in html


def test_one_person_per_dot() -> None:
    histories = CaptureHistories(["a", "b"], [0, 12, 9, 5])
    estimate = Estimate(47.6, 30.0, 120.0, 0.95, 26, "independent", ("a", "b"))
    assert "Each dot is one person" in page(study(), histories, estimate, [], {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 740), (1280, 900)], ids=["phone", "desk"])
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
    for cell in [cell.inner_text() for cell in tab.locator("table th, table td").all()]:
        assert " ".join(cell.split()) in together
    tab.close()


def test_a_suppressed_page_has_nothing_to_try_guesses_at_hidden_counts_with() -> None:
    estimate = uk_estimate(
        method="averaged",
        settings={"seed": 1, "weights": "bic"},
        details={
            "models": 7_785_061,
            "models_weighed": 1_004,
            "models_fitted": 528,
            "mass_proven": 0.9953,
            "interval": "posterior, over models and within them",
        },
        warnings=(
            "37 of 1000 bootstrap replicates had no estimate at all.",
            "In 13 of 1000 replicates the best model was not proven.",
            "The search was ended early. One with a BIC up to 109 lower has not been ruled out.",
            "Only 77 % is proven to lie on the 53,317 models that were weighed.",
            "Fewer than 20 people are on more than one list; the total hangs on these few.",
            "In 1 of 3 strata: Only 8 people are on two lists or more, fewer than 10.",
            "Only one person is on two lists or more, fewer than 10.",
            "Shapes that fit as well or better give totals from 7,049 to 12,413.",
        ),
        draws=np.append(np.random.default_rng(1).lognormal(9.3, 0.2, 990), [np.inf] * 10),
    )
    shown = publishable_estimate(estimate)
    told = " ".join(shown.warnings) + str(dict(shown.details))
    assert not any(
        number in told for number in ("37", "13 of", "109", "53,317", "1004", "528", "0.99")
    )
    assert "Some bootstrap replicates had no estimate" in told
    assert "on two lists" not in told
    assert "on more than one list" not in told
    assert "totals from 7,000 to 12,000." in told
    assert shown.draws is not None
    assert shown.draws.size == 1000
    values, counts = np.unique(shown.draws, return_counts=True)
    assert (counts % 20 == 0).all()
    assert (values % 100 == 0).all()


def test_rounded_draws_leave_no_gaps_between_the_bars() -> None:
    draws = np.repeat(np.arange(9_000.0, 27_000.0, 1_000.0), 40)
    chart = replicates(uk_estimate(draws=draws))
    assert chart is not None
    assert all(row[1] == "40" for row in chart.rows)


def test_pages_of_tables_that_are_published_alike_are_alike() -> None:
    pages = []
    for hidden in ([3, 7, 4], [9, 0, 5], [0, 9, 5]):
        histories = CaptureHistories(
            ["a", "b", "c"], [0, 3021, 2517, 1203, 4013, hidden[0], hidden[1], hidden[2]]
        )
        estimate = Estimate(30_000.0, 21_000.0, 40_000.0, 0.95, histories.observed, "bic", "abc")
        pages.append(page(study(smallest_count=10), histories, estimate, [], PROVENANCE))
    assert pages[0] == pages[1] == pages[2]
    assert "share nobody in any combination that is shown: a and c; b and c." in pages[0]
    assert "people in the combinations shown are on one list only" in pages[0]
