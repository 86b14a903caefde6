"""The command line: parse, call, print."""

from __future__ import annotations  # noqa: I001  (the commands stand in the order of --help)

import os
import sys

from typer._click.exceptions import UsageError

from darkfigure.cli import studies, size, compare, circuit, demand, tables  # noqa: F401
from darkfigure.cli.app import app
from darkfigure.errors import InputError, NoEstimateError

__all__ = ["app", "main"]

INTERRUPTED = 130  # what the shell expects of a program that Ctrl-C ended


def main() -> None:
    """Run the command line; every refusal is a sentence on standard error and an exit code."""
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code)
    except UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except InputError as error:
        _fail(error, 2)
    except NoEstimateError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        said = "Interrupted. Nothing was left half written; a study goes on where it stopped."
        print(f"darkfigure: {said}", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)  # at once, without waiting for what other threads are in the midst of
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}.", 2)


def _fail(what: object, code: int) -> None:
    for line in str(what).splitlines():
        print(f"darkfigure: {line}", file=sys.stderr)
    sys.exit(code)
