"""Run every command that README and docs show, and write what it printed below it.

    .venv/bin/python docs/update.py            # all pages, and the schemas of results
    .venv/bin/python docs/update.py schemas    # the schemas alone
    .venv/bin/python docs/update.py README.md  # some pages
    .venv/bin/python docs/update.py examples FOLDER  # writes Python code of all pages there

A block that opens with ```console holds commands after `$ ` and their output in a pipe; one that
opens with ```console screen, what a terminal of 80 columns shows, without colours and progress.
A block that opens with ```python holds code; a block ```text right below it holds what it prints.
The code of one page shares its variables, as the cells of a notebook do; a notebook is run as well.
Between the comments `function: NAME`, `keywords` or `columns: METHOD` and `end` is what docstrings
and keywords of the code say; between `file: NAME`, `types` or `cautions` and `end`, what the JSON
schemas say.

The blocks of one page run one after another in one folder, which holds the tables of docs/data
and nothing else; figures they draw that the docs have in docs/figures are renewed there.
"""

import base64
import inspect
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from contextlib import chdir, redirect_stdout, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image
from traitlets.config import Config

import blobtransfer
from blobtransfer.api.keywords import DESCRIPTIONS, GROUPS, default_of, with_names_of_keywords
from blobtransfer.results.files.schema import SchemaName, make_schema

JsonType = dict[str, Any]
"""The JSON Schema of an object, or of a key of one."""

TOP = Path(__file__).resolve().parent.parent
PAGES = tuple(
    str(path.relative_to(TOP)) for path in [TOP / "README.md", *sorted(TOP.glob("docs/*.md"))]
)
NOTEBOOKS = tuple(str(path.relative_to(TOP)) for path in sorted(TOP.glob("docs/*.ipynb")))
BLOCK = re.compile(
    r"^```console(?P<screen> screen)?\n(?P<body>.*?)(?=^```$)", re.MULTILINE | re.DOTALL
)
PYTHON = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?P<output>\n\n```text\n.*?^```$)?", re.MULTILINE | re.DOTALL
)
REFERENCE = re.compile(
    r"^<!-- (?P<kind>function|keywords|columns|file|types|cautions)(: (?P<name>\w+))? -->\n"
    r".*?^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)


def main(pages: list[str]) -> None:
    """Write the schemas, and the outputs of some pages."""
    for name, schema in json_schemas().items():
        path = TOP / "blobtransfer" / "results" / "files" / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=1) + "\n")
    for page in pages:
        path = TOP / page
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder))
            if path.suffix == ".ipynb":
                nbformat.write(run_notebook(path, Path(folder)), path)
                continue
            text = BLOCK.sub(lambda block: run_block(block, Path(folder)), path.read_text())
            text = REFERENCE.sub(reference, text)
            text = PYTHON.sub(partial(run_python, folder=Path(folder), variables={}), text)
            path.write_text(text)
            for figure in Path(folder).glob("*.png"):
                if (TOP / "docs" / "figures" / figure.name).exists():
                    shutil.copy(figure, TOP / "docs" / "figures")


def write_examples(folder: Path) -> None:
    """Write the Python code of each page and notebook as a file, for a type checker."""
    for name in (*PAGES, *NOTEBOOKS):
        path = TOP / name
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            blocks = [cell.source + "\n" for cell in cells if cell.cell_type == "code"]
        else:
            blocks = [block["code"] for block in PYTHON.finditer(path.read_text())]
        if blocks:
            (folder / f"{path.stem}_examples.py").write_text("".join(blocks))


def lay_out(folder: Path) -> None:
    """Put the tables that the docs ship into a folder."""
    for table in (TOP / "docs" / "data").glob("*.csv"):
        shutil.copy(table, folder)


def run_block(block: re.Match[str], folder: Path) -> str:
    """Return the block with the output that the commands print now."""
    run = on_screen if block["screen"] else in_pipe
    commands = [line for line in block["body"].splitlines() if line.startswith("$ ")]
    texts = [f"{command}\n{run(command[2:], folder)}" for command in commands]
    return f"```console{block['screen'] or ''}\n{''.join(texts)}"


def run_python(block: re.Match[str], folder: Path, variables: dict[str, object]) -> str:
    """Return the block with the output that the code prints now, if it shows any.

    Args:
        block: The code, and its output.
        folder: Folder to run it in.
        variables: Variables of earlier blocks, to which it adds its own.
    """
    with chdir(folder), redirect_stdout(io.StringIO()) as printed:
        exec(block["code"], variables)
    output = f"\n\n```text\n{trimmed(printed.getvalue())}```" if block["output"] else ""
    return f"```python\n{block['code']}```{output}"


def run_notebook(path: Path, folder: Path) -> NotebookNode:
    """Return a notebook with the outputs of a new run.

    Args:
        path: The notebook.
        folder: Folder to run it in.
    """
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    # A kernel on sockets in files needs no ports, and no keys.
    config = Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "kernel")}})
    NotebookClient(notebook, record_timing=False, resources=where, config=config).execute()
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # TensorFlow logs to standard error, with times; a removed progress bar is empty.
            cell.outputs = [
                output
                for output in cell.outputs
                if output.get("name") != "stderr" and output.get("data", {}).get("text/plain") != ""
            ]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = with_few_colours(output.data["image/png"])
    return notebook


def with_few_colours(png: str) -> str:
    """Return a PNG image, encoded by base 64, with 256 colours, which takes half of the space."""
    image, small = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    image.convert("RGB").quantize(256).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def reference(block: re.Match[str]) -> str:
    """Return a part of a reference with what the code says."""
    match block["kind"]:
        case "function":
            text = function_reference(getattr(blobtransfer, block["name"]))
        case "columns":
            text = section_of(getattr(blobtransfer.Result, block["name"]), "Returns")
        case "keywords":
            text = "\n\n".join(map(keyword_reference, GROUPS))
        case "file":
            text = key_table(json_schemas()[block["name"]])
        case "types":
            text = "\n\n".join(type_reference(name, json_types()[name]) for name in type_names())
        case "cautions":
            text = caution_table()
    head = block[0].partition("\n")[0]
    return f"{head}\n{text.rstrip()}\n\n<!-- end -->"


def function_reference(function: Callable[..., object]) -> str:
    """Return signature, summary, arguments and groups of keywords of a function."""
    rows = re.split(r"^(\w+): ", section_of(function, "Args"), flags=re.MULTILINE)[1:]
    arguments = dict(zip(rows[::2], rows[1::2], strict=True))
    parameters = inspect.signature(function).parameters
    groups = [
        link_to(group)
        for group in GROUPS
        if parameters.keys() - arguments.keys() >= get_type_hints(group).keys()
    ]
    shown = [parameters[name].replace(annotation=inspect.Parameter.empty) for name in arguments]
    signature = str(inspect.Signature(shown)).removesuffix(")") + (", ...)" if groups else ")")
    lines = [
        f"```text\n{wrapped(f'bt.{function.__name__}{signature}')}\n```\n",
        f"{inspect.getdoc(function)}".partition("\n")[0] + "\n",
        "| argument | meaning |\n| --- | --- |",
        *(f"| `{name}` | {' '.join(text.split())} |" for name, text in arguments.items()),
    ]
    if groups:
        lines += ["", wrapped(f"Further keywords: {', '.join(groups)}.")]
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """Return a text in lines of at most 100 characters."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def keyword_reference(group: type) -> str:
    """Return the table of a group of keywords."""
    lines = [
        f"### {title_of(group)}\n",
        "| keyword | values | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name in get_type_hints(group):
        default, description = default_of(name), DESCRIPTIONS[name]
        shown = f"`{default!r}`" if default is not None else description.default or "None"
        cells = (f"`{name}`", description.type.replace(" | ", ", "), shown, description.text)
        lines.append(with_names_of_keywords(f"| {' | '.join(cells)} |"))
    return "\n".join(lines)


def link_to(group: type) -> str:
    """Return a link to the table of a group of keywords."""
    title = title_of(group)
    return f"[{title}](#{title.lower().replace(',', '').replace(' ', '-')})"


def title_of(group: type) -> str:
    """Return the title of a group of keywords."""
    return (group.__doc__ or "").rstrip(".")


def section_of(thing: object, title: str) -> str:
    """Return a section of a docstring, without its indentation."""
    doc = inspect.getdoc(thing) or ""
    section = re.search(rf"^{title}:\n(.*?)(?=^\S|\Z)", doc, re.MULTILINE | re.DOTALL)
    assert section is not None, (thing, title)
    return textwrap.dedent(section[1])


@cache
def json_schemas() -> dict[str, JsonType]:
    """Return the JSON Schema of each kind of file, by name."""
    return {name: make_schema(name) for name in get_args(SchemaName)}


@cache
def json_types() -> dict[str, JsonType]:
    """Return the JSON Schema of each type in the files, by name."""
    schemas = reversed(json_schemas().values())  # in `results` a caution has its text
    return {name: json_type for schema in schemas for name, json_type in schema["$defs"].items()}


def is_caution(json_type: JsonType) -> bool:
    """Return whether a type is one kind of caution, which has a `text` for people."""
    keys = json_type["properties"]
    return "text" in keys and "const" in keys.get("kind", {})


def type_names() -> list[str]:
    """Return the names of the types that have a section of their own, in alphabetical order."""
    return sorted(name for name, json_type in json_types().items() if not is_caution(json_type))


def type_reference(name: str, json_type: JsonType) -> str:
    """Return the section of a type: its summary and the table of its keys."""
    summary = json_type.get("description", "").partition("\n")[0]
    return "\n\n".join(filter(None, [f"### {name}", summary, key_table(json_type)]))


def key_table(json_type: JsonType) -> str:
    """Return the table of the keys of an object: name, type and meaning."""
    rows = [
        f"| `{name}` | {type_text(key)} | {key.get('description', '')} |"
        for name, key in json_type["properties"].items()
    ]
    return "\n".join(["| key | type | meaning |", "| --- | --- | --- |", *rows])


def caution_table() -> str:
    """Return the table of the cautions: kind, further keys and meaning."""
    lines = ["| `kind` | further keys | meaning |", "| --- | --- | --- |"]
    for json_type in filter(is_caution, json_types().values()):
        keys = [name for name in json_type["properties"] if name not in ("kind", "text")]
        summary = json_type.get("description", "").partition("\n")[0]
        shown = ", ".join(f"`{name}`" for name in keys)
        lines.append(f"| `{json_type['properties']['kind']['const']}` | {shown} | {summary} |")
    return "\n".join(lines)


def type_text(key: JsonType) -> str:
    """Return the type of a key in words, with links to the types of objects."""
    match key:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            return (
                "[caution](#cautions)"
                if is_caution(json_types()[name])
                else f"[{name}](#{name.lower()})"
            )
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(dict.fromkeys(map(type_text, kinds)))
        case {"const": value}:
            return f"`{value}`"
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items}:
            text = type_text(items)
            return f"list of ({text})" if " or " in text else f"list of {text}"
        case {"type": "array", "prefixItems": items}:
            return f"[{', '.join(map(type_text, items))}]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {type_text(values)}"
        case {"type": name}:
            return str(name)
    return "any"


def in_pipe(command: str, folder: Path) -> str:
    """Run one command and return what it printed on both streams."""
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment(), check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return trimmed(done.stdout)


def on_screen(command: str, folder: Path) -> str:
    """Run one command on a terminal and return what it printed there, then its notes."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, shell=True, cwd=folder, env=environment() | {"TERM": "dumb"}, text=True,
        stdout=follower, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    with suppress(OSError):  # the terminal is closed
        while chunk := os.read(leader, 65_536):
            shown += chunk
    os.close(leader)
    _, notes = process.communicate()
    return trimmed(shown.decode()) + trimmed(notes)


def environment() -> dict[str, str]:
    """Return the environment of a command: this Python first, 80 columns."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "COLUMNS": "80", "TERMINAL_WIDTH": "80"}


def trimmed(text: str) -> str:
    """Remove trailing blanks, and the line of the estimated duration, which slow machines print."""
    lines = [line for line in text.splitlines() if not line.startswith("this will take ")]
    return "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["examples"]:
        write_examples(Path(sys.argv[2]))
    else:
        main([] if sys.argv[1:] == ["schemas"] else sys.argv[1:] or [*PAGES, *NOTEBOOKS])
