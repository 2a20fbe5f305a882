"""Figures of Python programs, which notebooks show without pyplot."""

import io
import warnings
from typing import Any

from matplotlib.figure import Figure

from blobtransfer.report.figures.canvas import matplotlib_settings, strict_layout

INLINE_DPI, SHOWN_DPI = 144, 72
"""Resolution of a figure in a notebook, and the dots per inch at which it is shown."""


class InlineFigure(Figure):
    """A figure that a notebook shows as the value of a cell, once.

    If pyplot has set the notebook up for figures, that setting shows it in place of this method.
    """

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Write the figure; characters that the fonts lack are boxes, without a warning for each.

        Args:
            *arguments: As of `Figure.savefig`.
            **options: As of `Figure.savefig`.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            super().savefig(*arguments, **options)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return the figure as PNG, and the size in which it is shown."""
        png = io.BytesIO()
        with matplotlib_settings(), strict_layout():
            self.savefig(png, format="png", dpi=INLINE_DPI)
        width, height = (round(SHOWN_DPI * side) for side in self.get_size_inches())
        return png.getvalue(), {"width": width, "height": height}
