"""How figures look: colours, markers, line styles, and the sizes of each style."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.variant import Variant

Style = Literal["screen", "slide", "paper"]
STYLES: tuple[Style, ...] = get_args(Style)

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart with any colour vision (Okabe & Ito 2008); F0E442 is too pale on white."""

TRANSFER_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#AA4499", "#117733", "#CC6677")
KIND_COLOURS = {
    "standalone": "#0072B2",
    "random-frozen": "#E69F00",
    "self-transfer": "#56B4E9",
    "equal-compute": "#000000",
    "new-head": "#882255",
    "reinit": "#999933",
    "add": "#332288",
    "unfreeze": "#661100",
    "anchor": "#CC6677",
}
"""Of a variant, by the first word of its kind; a plain transfer by its frozen layers. With any
colour vision they differ (Okabe & Ito 2008; the muted colours of Tol 2021)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "*")
LINE_STYLES = ("-", "--", "-.", ":")
"""What tells classes and variants apart in grey."""

CEILING: dict[str, Any] = {"color": "0.35", "linestyle": (0, (5, 3))}
THRESHOLD: dict[str, Any] = {"color": "0.35", "linestyle": ":"}

LONGEST_NAME = 28
"""Letters of a column or a class in a figure."""


@dataclass(frozen=True)
class Look:
    """The sizes of a style.

    Args:
        font: Of most text, in points.
        small: Of numbers at the axes and of legends, in points; nothing is smaller.
        scale: Of lines and marks, 1 where the font has 10 points.
        width: Of a figure, in inches; None: as wide as what is drawn wants.
        height: The same.
    """

    font: float
    small: float
    scale: float
    width: float | None = None
    height: float | None = None

    @property
    def unit(self) -> float:
        """Inches here of what takes one inch where the font has 10 points."""
        return self.font / 10.0

    def settings(self) -> dict[str, Any]:
        """Give the sizes as matplotlib's settings."""
        lines = {
            "lines.linewidth": 1.5, "axes.linewidth": 0.8, "patch.linewidth": 1.0,
            "xtick.major.width": 0.8, "ytick.major.width": 0.8, "xtick.major.size": 3.5,
            "ytick.major.size": 3.5, "xtick.minor.width": 0.6, "ytick.minor.width": 0.6,
            "xtick.minor.size": 2.0, "ytick.minor.size": 2.0,
        }  # fmt: skip
        return {name: self.scale * value for name, value in lines.items()} | {
            "font.size": self.font,
            "axes.titlesize": self.font,
            "axes.labelsize": self.font,
            "figure.titlesize": 1.2 * self.font,
            "xtick.labelsize": self.small,
            "ytick.labelsize": self.small,
            "legend.fontsize": self.small,
        }


LOOKS: dict[Style, Look] = {
    "screen": Look(font=10.0, small=9.0, scale=1.0),
    # a page of 16:9 as slide programs have it
    "slide": Look(font=16.0, small=14.0, scale=1.6, width=40 / 3, height=7.5),
    # one column of a journal
    "paper": Look(font=8.0, small=8.0, scale=0.7, width=3.5),
}


def colour_of(variant: Variant) -> str:
    """Give the colour of a variant, the same in every figure of every command."""
    word, _ = variant.words[0]
    if variant.kind == "transfer":
        return TRANSFER_COLOURS[(variant.n_frozen or 0) % len(TRANSFER_COLOURS)]
    return KIND_COLOURS[word]


def marker_of(variant: Variant, variants: Sequence[Variant]) -> str:
    """Give the mark of a variant in a comparison of some."""
    return MARKERS[variants.index(variant) % len(MARKERS)]


def class_colours(n: int) -> list[str]:
    """Give the colours of so many classes."""
    return [COLOURS[k % len(COLOURS)] for k in range(n)]


def class_marker(k: int) -> str:
    """Give the marker of a class: every seven share their colours, and have other markers."""
    return MARKERS[(k + k // len(COLOURS)) % len(MARKERS)]


def titled(spec: TaskSpec) -> str:
    """Write the name of a problem as a title; the names of files and columns stay as they are."""
    name = spec.name
    return name if isinstance(spec, TableSpec) else name[:1].upper() + name[1:]


def shortened(text: str) -> str:
    """Cut a name of somebody's data to what an axis or a legend has room for."""
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 3] + "..."


def literal(text: str) -> str:
    """Write a text so that matplotlib reads no formula between two dollar signs."""
    return text.replace("$", r"\$")
