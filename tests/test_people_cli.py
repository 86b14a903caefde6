"""`darkfigure demand people`: what it prints, and how it refuses."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

import pytest

from darkfigure.cli import main


def command(*args: str) -> CompletedProcess[str]:
    """The command in this process: the many starts of another would take most of the time."""
    out, said = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["darkfigure", "demand", "people", *args]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return CompletedProcess(args, int(ended.value.code or 0), out.getvalue(), said.getvalue())


def test_the_answer_is_a_sentence_a_table_and_the_families() -> None:
    done = command("edinburgh-taxicabs", "--deterrence", "1,0.5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("About 393 people in all, between 364 and 433")
    assert "family: ztpoisson (Poisson, nobody met zero times)" in done.stdout
    assert "chao" in done.stdout
    assert "How much an arrest deters cannot be told from these counts" in done.stdout


def test_json_has_what_others_script_against() -> None:
    done = command("netherlands-immigrants-1995", "--family", "ztpoisson",
                   "--formula", "y ~ gender + age + nation", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"family", "total", "lower", "upper", "se", "loglik", "observed", "usable", "warnings",
            "aic", "coefficients"} <= found.keys()  # fmt: skip
    assert found["family"] == "ztpoisson"
    assert round(found["total"]) == 12690
    assert found["usable"] is True
    assert found["coefficients"]["gendermale"]["estimate"] == pytest.approx(0.3972, abs=1e-4)


def test_replicates_repeat_for_a_seed() -> None:
    args = ("edinburgh-taxicabs", "--family", "chao", "--bootstrap", "60", "--json", "--seed", "4")
    one, two = (json.loads(command(*args).stdout) for _ in range(2))
    assert (one["lower"], one["upper"]) == (two["lower"], two["upper"])
    assert one["lower_bound"] is True
    assert "60 semiparametric replicates" in one["interval"]


def test_a_refusal_says_why_and_gives_a_bound() -> None:
    done = command("netherlands-immigrants-1995", "--family", "ztnegbin", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["usable"] is False
    assert "diverged" in told["refused"][0]["reason"]
    assert round(told["lower_bound"]["total"]) == 9274
    assert "diverged" in done.stderr


@pytest.mark.parametrize(
    ("text", "args", "code", "sentence"),
    [
        ("count,freq\n1,40\n", [], 1, "Nobody was met more than once"),
        ("count,freq\n0,40\n1,3\n", [], 2, "line 2, column 'count': The count is 0"),
        ("count,freq\n1,40\n6+,3\n", [], 2, "line 3, column 'count': '6+' is a class"),
        ("count,freq\n1,40\n2,9\n", ["--formula", "y ~ sex"], 2, "'sex', which is not there"),
        ("count,freq\n1,40\n2,9\n", ["--variance", "guess"], 2, "--variance is"),
        ("count,freq\n1,40\n2,9\n", ["--deterrence", "much"], 2, "--deterrence needs a number"),
        ("count,freq\n1,40\n2,1\n", [], 1, "One person only was met more than once, on whom all"),
        ("count,freq\n1,40\n2,9\n", ["--count", "freq", "--freq", "freq"], 2, "cannot be both"),
        ("count,freq\n1,40\n2,9\n", ["--inflation", "~ sex"], 2, "'sex', which is not there"),
        ("count,sex\n" + "1,m\n2,f\n" * 9, ["--inflation", "~ sex"], 2, "'auto' takes none"),
        ("count,freq\n1,40\n2,9\n", ["--omega-link", "log"], 2, "link of omega is logit or"),
        (
            "count,sex\n" + "1,m\n2,f\n" * 9,
            ["--formula", "y ~ sex", "--deterrence", "1,0.5"],
            2,
            "without covariates",
        ),
        (
            "count,freq\n1,40\n2,9\n",
            ["--variance", "analytic", "--bootstrap", "50"],
            2,
            "leave out --bootstrap",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    tmp_path: Path, text: str, args: list[str], code: int, sentence: str
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(text, encoding="utf-8")
    done = command(str(file), *args)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_answer_is_not_lost_where_deterrence_has_none() -> None:
    done = command("accident-policies", "--family", "ztgeom", "--deterrence", "0.001")
    assert done.returncode == 0, done.stderr
    assert "people in all" in done.stdout
    assert "With deterrence" in done.stderr


def test_no_row_of_one_s_own_file_tells_of_very_few_people(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("count,freq\n1,60\n2,14\n3,4\n4,2\n7,1\n")
    for family in ("auto", "ztpoisson", "oiztgeom"):
        rows = json.loads(command(str(own), "--family", family, "--json").stdout)["fit"][
            "rootogram"
        ]
        assert [(row["count"], row["or_more"], row["observed"]) for row in rows] == [
            (1, False, 60),
            (2, False, 14),
            (3, True, 7),
        ]
    assert "\n3+                   7 " in command(str(own)).stdout
    own.write_text("count,freq\n1,60\n2,14\n3,4\n")  # too few in the tail: one row more goes in
    rows = json.loads(command(str(own), "--family", "ztpoisson", "--json").stdout)["fit"][
        "rootogram"
    ]
    assert [(row["count"], row["observed"]) for row in rows] == [(1, 60), (2, 18)]
    shipped = json.loads(command("golf-tees", "--family", "ztpoisson", "--json").stdout)
    assert min(row["observed"] for row in shipped["fit"]["rootogram"]) < 5  # as it was published
