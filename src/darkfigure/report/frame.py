"""What every page has: the help line, the frame, who made it from what, and tables in files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2
from markupsafe import Markup


class Help(Protocol):
    """Whom a reader of the page can call; what there is not is empty."""

    @property
    def name(self) -> str: ...
    @property
    def phone(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tty(self) -> str: ...


class About(Protocol):
    """Who did it, and from what."""

    @property
    def who(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def contact(self) -> str: ...
    @property
    def citation(self) -> str: ...
    @property
    def data_status(self) -> str: ...


def framed(
    template: str, *, title: str, answer: str, help: Help, synthetic: bool = False, **parts: Any
) -> str:
    """A template beside this file, filled in; whatever is no drawing of ours is escaped.

    Parameters
    ----------
    template : str
        Its name; it extends `base.html.jinja`.
    title, answer : str
        What was asked, and the answer as one sentence.
    help : Help
    synthetic : bool
        Whether the data are made up, which the page then says.
    **parts
        What else the template needs, `origin` among it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["dial"] = dial
    environment.filters["drawing"] = Markup  # our own drawings; every text in them is escaped
    return environment.get_template(template).render(
        title=title,
        answer=answer,
        help=help,
        synthetic=synthetic,
        print_line=css_string(help_line(help)),
        **parts,
    )


def origin(
    about: About, provenance: Mapping[str, Any], input_hash: str = ""
) -> list[tuple[str, str]]:
    """Who made the page from what, and how to do it again; nothing is said twice.

    Parameters
    ----------
    about : About
    provenance : mapping
        `version`, `command` and `source`, as far as they are known.
    input_hash : str
        The hash of the counts, where it may be told.
    """
    lines = [
        ("Made by", about.who),
        ("Data", about.data_status),
        ("Source", str(provenance.get("source") or about.citation)),
        ("Cite as", about.citation),
        ("Note", about.note),
        ("Contact", about.contact),
        ("Command", str(provenance.get("command") or "")),
        ("Version", f"darkfigure {provenance['version']}" if provenance.get("version") else ""),
        ("Hash of the input", input_hash),
    ]
    kept: list[tuple[str, str]] = []
    for name, value in lines:
        if value and value not in {said for _, said in kept}:
            kept.append((name, value))
    return kept


def csv_text(header: Sequence[str], rows: Sequence[Sequence[Any]], synthetic: bool = False) -> str:
    """A table as CSV text; made-up data say so on every line.

    Examples
    --------
    >>> print(csv_text(("city", "people"), [("Reno", 40)], synthetic=True), end="")
    city,people,SYNTHETIC
    Reno,40,made up
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*header, "SYNTHETIC"] if synthetic else header)
    writer.writerows([*row, "made up"] if synthetic else row for row in rows)
    return text.getvalue()


def css_string(text: str) -> str:
    r"""A text as a string of CSS that nothing can break out of.

    Examples
    --------
    >>> print(css_string('Help: 1-888 "x"</style>'))
    "Help\3a  1\2d 888 \22 x\22 \3c \2f style\3e "
    """
    escaped = "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text)
    return Markup(f'"{escaped}"')


def dial(number: str) -> str:
    """The digits of a telephone number, for a link that dials it.

    Examples
    --------
    >>> dial("1-888-373-7888"), dial("+44 (0) 8000 121 700")
    ('18883737888', '+4408000121700')
    """
    return re.sub(r"[^0-9+*#]", "", number)


def help_line(help: Help) -> str:
    """The help line in one line of text.

    Examples
    --------
    >>> from types import SimpleNamespace as Line
    >>> help_line(Line(name="Helpline", phone="08000 121 700", text="", tty="711"))
    'Helpline: 08000 121 700, TTY 711'
    """
    ways = [help.phone]
    ways += [f"text {help.text}"] if help.text else []
    ways += [f"TTY {help.tty}"] if help.tty else []
    return f"{help.name}: {', '.join(ways)}"
