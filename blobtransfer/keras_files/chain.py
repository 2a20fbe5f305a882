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
        """Name of the layer."""
        return self.path[-1]

    @property
    def top(self) -> str:
        """Name of the layer of the outermost model that is this layer or contains it."""
        return self.path[0]


@dataclass
class DenseChain:
    """A model in its normal form.

    Args:
        layers: Input side first.
        notes: Names of layers by the note about them; `{}` in a note stands for the names.
    """

    layers: list[DenseLayer] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, text: str, layer: str = "") -> None:
        """Add a note, and the layer that it is about, if any."""
        self.notes.setdefault(text, []).extend([layer] if layer else [])

    def notes_text(self) -> list[str]:
        """Return one line per note."""
        return [text.format(list_some(layers, ", ")) for text, layers in self.notes.items()]
