"""How many people does no record show? Multiple systems estimation from overlapping lists."""

__version__ = "0.1.0"

from darkfigure.errors import DarkfigureError, InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories

__all__ = ["CaptureHistories", "DarkfigureError", "Estimate", "InputError", "NoEstimateError"]
