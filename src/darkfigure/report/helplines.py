"""Where somebody who reads the page can call. No page goes out without such a line."""

from __future__ import annotations

from dataclasses import dataclass

from darkfigure.errors import InputError


@dataclass(frozen=True)
class Helpline:
    """A help line: whom to call, and the other ways to reach them, empty where there are none."""

    name: str
    phone: str
    text: str = ""
    tty: str = ""
    web: str = ""


HELPLINES = {
    "US": Helpline(
        "National Human Trafficking Hotline",
        phone="1-888-373-7888",
        text="233733",
        tty="711",
        web="https://humantraffickinghotline.org",
    ),
    "GB": Helpline(
        "Modern Slavery & Exploitation Helpline",
        phone="08000 121 700",
        web="https://www.modernslaveryhelpline.org",
    ),
}


def helpline(country: str) -> Helpline:
    """The help line of a country.

    Parameters
    ----------
    country : str
        Its two letters by ISO 3166, in either case.

    Raises
    ------
    InputError
        If none is known for that country.

    Examples
    --------
    >>> helpline("us").phone
    '1-888-373-7888'
    """
    found = HELPLINES.get(country.strip().upper())
    if found is None:
        raise InputError(
            f"No help line is known for the country '{country}' (known: "
            f"{', '.join(sorted(HELPLINES))}). Give its name and phone under [help] in the study."
        )
    return found
