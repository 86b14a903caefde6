"""A study file is read whole or refused with every error at once, each with its line."""

from pathlib import Path

import pytest

from darkfigure.errors import InputError
from darkfigure.study import load

GOOD = """\
title = "How many?"
people = "people"
place = "A county"
period = "2020"
[data]
table = "uk-2013"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(InputError) as refused:
        load(written(folder, text))
    return [(p.line, p.message) for p in refused.value.problems]


def test_what_is_left_out_has_a_safe_default(tmp_path: Path) -> None:
    study = load(written(tmp_path, GOOD))
    assert study.smallest_count == 5
    assert (study.method.name, study.method.bootstrap) == ("auto", None)
    assert study.help.phone == "1-888-373-7888"


def test_every_error_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace('title = "How many?"', "title = 3").replace(
        "[data]", 'populaton = 5\n[method]\nlevel = 1.5\nseed = "x"\n[data]'
    )
    problems = refusal(tmp_path, text)
    assert [line for line, _ in problems] == [1, 7, 8, 5]
    assert "Did you mean 'population'?" in problems[-1][1]


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("place =", "# place ="), 1, "'place' is missing"),
        (('table = "uk-2013"', ""), 5, "give either 'file'"),
        (('table = "uk-2013"', 'table = "uk-2013"\nfile = "x.csv"'), 5, "give either 'file'"),
        (('table = "uk-2013"', 'file = "x.csv"'), 6, "no data file 'x.csv'"),
        (('period = "2020"', "period = 2020"), 4, "'period' does not fit"),
        (('period = "2020"', "period = "), 4, "not TOML"),
        (("[data]", "[data"), 5, "not TOML"),
        (("[data]", "population = -4\n[data]"), 5, "'population' does not fit"),
        (("[data]", '[method]\nby = "sex"\n[data]'), 6, "it must be a list"),
        (("[data]", '[help]\ncountry = "ZZ"\n[data]'), 5, "No help line is known"),
        (("[data]", "[disclosure]\nsmallest_count = 0\n[data]"), 6, "smallest_count"),
    ],
)
def test_a_wrong_setting_is_refused_on_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, says: str
) -> None:
    problems = refusal(tmp_path, GOOD.replace(*change))
    assert any(says in message and at == line for at, message in problems), problems


def test_ones_own_help_line_is_used(tmp_path: Path) -> None:
    study = load(written(tmp_path, GOOD + '[help]\nname = "Line"\nphone = "123"\n'))
    assert (study.help.name, study.help.phone) == ("Line", "123")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", b"\x80\x81"])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "study.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match="not text in UTF-8"):
        load(file)


def test_a_missing_study_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="This is a folder"):
        load(tmp_path)
