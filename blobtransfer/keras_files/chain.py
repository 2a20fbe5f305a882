"""A model in its normal form: a chain of dense layers with activation and bias."""

from dataclasses import dataclass, field

from blobtransfer.keras_files.refusal import list_some


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer of the chain; see `LayerConfig`."""

    path: tuple[str, ...]
    fan_in: int | None
    units: int
    activation: str
    has_bias: bool
    group: tuple[str, ...]
    is_trainable: bool

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]

    @property
    def top(self) -> str:
        """Name of the layer of the outermost model that it is, or is inside of."""
        return self.path[0]


@dataclass
class DenseChain:
    """A model in its normal form.

    Args:
        layers: Input side first.
        notes: Names of layers by the note about them.
    """

    layers: list[DenseLayer] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, text: str, what: str = "") -> None:
        """Add a note, about one more layer if it is named."""
        self.notes.setdefault(text, []).extend([what] if what else [])

    def notes_text(self) -> list[str]:
        """Return one line per note."""
        return [text.format(list_some(named, ", ")) for text, named in self.notes.items()]
