"""What is said on standard output and standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from darkfigure.engine import Progress


MOST_TOLD = 20


def note(text: str) -> None:
    print(text, file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def announce_compilation(name: str) -> None:
    from darkfigure.size.methods import compiled

    if not compiled(name):
        note("Compiling the estimators for this machine, once; it takes half a minute.")


def counter(what: str) -> Callable[[int], None] | None:
    """A running number on standard error, if somebody is looking at it."""
    if not sys.stderr.isatty():
        return None
    return lambda done: print(f"\r{what}: {done:,} ", end="", file=sys.stderr, flush=True)


def bar(what: str) -> Progress | None:
    """A progress bar on standard error, if somebody is looking at it."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, of: int) -> None:
        filled = 30 * done // of
        end = "\n" if done == of else ""
        bar = "#" * filled + "." * (30 - filled)
        print(f"\r{what} [{bar}] {100 * done // of} %", end=end, file=sys.stderr, flush=True)

    return show
