"""A notebook that is run and saved: what its cells show, and what is left of progress."""

import asyncio
import json
import re
from typing import Any

import pytest
from nbclient import NotebookClient
from nbformat import validate
from nbformat.v4 import new_code_cell, new_notebook

MANY = (
    "compare(repeats=100_000, hidden=[200, 200], samples=60, train_samples=40, epochs=1, fixed=0)"
)
"""Many repeats in blocks of few, which nobody waits for."""

CELLS = {
    "setup": (
        "import sys\n"
        "from blobtransfer.api import progress\n"
        "from blobtransfer.api.functions import compare\n"
        "progress.LATE_S = progress.REFRESH_S = 0.0"
    ),
    "result": "r = compare(repeats=20, epochs=2)\nr",
    "figure": "r.plot(style='paper')",
    "interrupted": f"r = {MANY}\nprint(r.is_interrupted, 0 < len(r.runs()) < 500_000)",
    "command": "!{sys.executable} -m blobtransfer compare --repeats 20 --epochs 2 --no-plot",
    "figure of pyplot": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); None",
    "figure after pyplot": "r.plot(style='paper')",
}


class Client(NotebookClient):  # type: ignore[misc]
    """Runs a notebook; interrupts a cell as soon as its bar shows a hundred repeats."""

    interrupt: Any = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.bars: list[str] = []

    def process_message(self, message: Any, cell: Any, cell_index: int) -> Any:
        text = message["content"].get("data", {}).get("text/plain", "")
        if message["msg_type"] == "update_display_data":
            self.bars.append(text)
            done = re.search(r"(\d+) of 100,000 repeats", text)
            if done and int(done[1]) > 100 and self.interrupt is None:
                self.interrupt = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(message, cell, cell_index)


def run_notebook() -> tuple[dict[str, Any], list[str]]:
    """Return the outputs of each cell, and the states of the bars."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS.values()])
    client = Client(notebook, timeout=120)
    client.execute()
    validate(notebook)
    outputs = {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}
    return outputs, client.bars


def pictures(outputs):
    return [output for output in outputs if "image/png" in output.get("data", {})]


@pytest.mark.slow
def test_a_saved_notebook_has_results_and_nothing_of_progress():
    cells, bars = run_notebook()
    assert any("of 20 repeats" in text for text in bars)  # it was shown, and taken back
    bar, page = cells["result"]
    assert bar["data"] == {"text/plain": ""}
    assert {"text/html", "text/plain"} <= set(page["data"])
    texts = json.dumps(cells)
    assert "comparing" not in texts and "<progress" not in texts and "Live" not in texts
    for name, saved in cells.items():
        assert name == "command" or "\\u001b" not in json.dumps(saved)
    # an interrupt of the kernel
    assert cells["interrupted"][-1]["text"] == "True True\n"
    # a command in a cell: colours, which notebooks show, but no cursor moves
    screen = "".join(output["text"] for output in cells["command"])
    assert "20 repeats" in screen
    codes = set(re.findall(r"\x1b\[[\d;?]*([A-Za-z])", screen))
    assert codes <= {"m"}
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in screen.split("\r\n")) <= 80
    # every figure once, and those of pyplot too
    for name in ("figure", "figure of pyplot", "figure after pyplot"):
        assert len(pictures(cells[name])) == 1
