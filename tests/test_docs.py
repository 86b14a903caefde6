"""What the documentation says is so: code runs, links lead somewhere, commands exist."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from benchmarks import measured

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
EXECUTED = [page for page in PAGES if page.parent != ROOT or page.name == "README.md"]

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s[^)]*)?\)")
INLINE = re.compile(r"`([^`\n]+)`")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

named = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


@pytest.mark.parametrize("page", EXECUTED, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_on_a_page_runs_and_says_what_the_page_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = [match for match in FENCE.finditer(text) if match[1] == "python"]
    if not blocks:
        pytest.skip("no Python on this page")
    namespace: dict[str, object] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for block in blocks:
        line = text.count("\n", 0, block.start()) + 1
        if ">>>" not in block[2]:
            code = "\n" * line + block[2]  # so that a traceback names the page's line
            exec(compile(code, str(page), "exec"), namespace)
            continue
        test = doctest.DocTestParser().get_doctest(block[2], namespace, page.name, str(page), line)
        said: list[str] = []
        failed = runner.run(test, out=said.append, clear_globs=False).failed
        namespace = test.globs
        assert not failed, "".join(said)


@named
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name} links to {target}, which does not exist"
        if anchor and file.suffix == ".md":
            assert anchor in headings(file), f"{page.name} links to {target}: no such heading"


@named
def test_commands_and_their_options_exist(page: Path) -> None:
    for name, options in commands(page):
        usage = help_of(name)
        for option in options:
            assert re.search(rf"{option}\b", usage), f"`darkfigure {name}` has no {option}"


@named
def test_make_knows_the_words_that_are_mentioned(page: Path) -> None:
    known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for code in snippets(page):
        match = re.match(r"make ([a-z]+)", code)
        assert match is None or match[1] in known, f"{page.name}: `{code}`"


def snippets(page: Path) -> list[str]:
    """The lines of shell code on a page, and its inline code."""
    text = page.read_text(encoding="utf-8")
    shell = [m[2] for m in FENCE.finditer(text) if m[1] in {"console", "bash", "sh"}]
    lines = [line.removeprefix("$ ") for block in shell for line in block.splitlines()]
    return lines + INLINE.findall(FENCE.sub("", text))


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """Each `darkfigure NAME ...` on a page, with the options given to it."""
    found = []
    for code in snippets(page):
        match = re.match(r"(?:\.venv/bin/)?darkfigure (demand [a-z]+|[a-z]+)(.*)", code)
        if match:
            found.append((match[1], re.findall(r"(?<!\S)--[a-z-]+", match[2])))
    return found


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as mkdocs and code hosts make them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@cache
def help_of(command: str) -> str:
    """What `darkfigure COMMAND --help` prints; fails the test when there is no such command."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from darkfigure.cli import main; main()"),
            *(*command.split(), "--help"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert done.returncode == 0, f"`darkfigure {command} --help` failed: {done.stderr[-500:]}"
    return done.stdout


def test_measured_times_on_the_page_are_the_newest() -> None:
    assert measured.section(measured.newest()) in measured.PAGE.read_text(encoding="utf-8")
