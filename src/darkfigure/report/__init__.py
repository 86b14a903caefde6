"""What we tell people: one page that anybody can read, with the help line on it."""

from darkfigure.report.page import page

__all__ = ["page"]
