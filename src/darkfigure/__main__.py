"""`python -m darkfigure` is the command line."""

from darkfigure.cli import main

if __name__ == "__main__":
    main()
