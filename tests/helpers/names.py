"""Hostile names for every output format, and results with such a name in every text."""

import copy
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Axis
from blobtransfer.specs.table import Column, TableSpec

MARKUP_NAMES = (
    # HTML and what ends a context in it
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</title></svg><b>x</b>",
    "<!-- -->", "]]>", "<![CDATA[x]]>", "&lt;b&gt;&#60;i&#62;", "\"'><x y=\"z\">", "a--b--",
    "<?x y?>",
    # Markdown
    "[x](javascript:alert(1))", "![x](http://a.example/p.png)", "[x][y]", "[y]: http://a.example",
    "[[x](y)](z)", "![a][b]", "<http://a.example>", "http://a.example/?q=1", "www.a.example",
    "a@b.example",
    "**bold**", "_a_", "__a__", "snake_case_", "*a", "`code`", "``` code", "~~gone~~", "a|b",
    "a\\|b", "a\\",
    "# a", "- a", "+ a", "* a", "1. a", "12) a", "> a", "---", "===", "    code", "~~~",
    "| a | b |",
    "$$x^2$$", "$`x`$", "[^1]", "{: onclick=x}", "{{ x }}", "- [ ] a", "[ ] a", "&nbsp;",
    "\\[x](y)",
    # LaTeX
    "\\input{/etc/passwd}", "%", "a & b \\\\ c", "$x_{$", "^^5cinput", "[1cm]", "*[1cm]", "{", "~",
)  # fmt: skip
"""Printable names that some format takes for markup."""

FORMULAS = (
    "=HYPERLINK(1)&A1", "+1+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "\t=1+1", "\r=1+1",
    "\n=1+1", " =1+1",
    "\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)", '"=1+1', "x;=1+1", "x;-1+1", "=1,2",
    "-", "--1", "+-1",
)  # fmt: skip
"""Names that a spreadsheet takes for a formula, or might."""

UNPRINTABLE_NAMES = (
    "\x1b]0;x\x07\x1b[2J", "a\x00b", "a\x08b", "a\nb", "a\r\nb", "\u202egnp.exe", "\u2066a\u2069",
    "\ufffe", "\uffff",
    "\udcff\udc80", "\ud800", "\x7f", "\x85", "\u2028", "\ufeff", "\U000e0041", "\u200b",
)  # fmt: skip
"""Names that act on a terminal, that XML forbids, or that UTF-8 cannot hold."""

LARGE_NAMES = (
    "x" * 4_000, "W" * 300, "a b " * 1_000, "\u0301" * 2_000, "a" + "\u0301" * 50,
    "a\u0323\u0301" * 900,
    "\u4e2d" * 500, "\ufdfd" * 100, "\u0915\u093f" * 500, "\u0610" * 300,
    "\U0001f469\u200d\U0001f467" * 90,
    "\u0645\u0631\u062d\u0628\u0627 " * 80, "$" * 101, "\\$" * 50,
)  # fmt: skip
"""Names that are wide, or as tall as many lines."""

HOSTILE_NAMES = MARKUP_NAMES + FORMULAS + UNPRINTABLE_NAMES + LARGE_NAMES


def table_called(name: str, like: DataSpec) -> TableSpec:
    """Return a table in the shape of another problem, with every text derived from a name."""
    return TableSpec(
        name=name,
        origin=name,
        sha256="0" * 64,
        label=f"{name}l",
        columns=tuple(Column(f"{name}{i}") for i in range(like.n_features)),
        class_names=tuple(f"{name}{k}" for k in range(like.n_classes)),
        n_rows=like.n_train + like.n_test_rows,
        n_train=like.n_train,
        n_test=like.n_test_rows,
        where=(name, name),
        group=name,
        split=name,
    )


def renamed(results: Any, *names: str) -> Any:
    """Return results in which every text begins with a hostile name, except for enumerated words.

    Equal texts stay equal, and different texts stay different. Nothing is validated: files and
    stores may come from anybody.

    Args:
        results: The results of any command.
        names: The names, used in turn.
    """
    return _renamed(copy.deepcopy(results), names, {})


def _renamed(value: Any, names: tuple[str, ...], known: dict[str, str]) -> Any:
    if isinstance(value, str):
        n = len(known)
        return known.setdefault(value, f"{names[n % len(names)]}{n or ''}")
    if isinstance(value, tuple | list):
        return type(value)(_renamed(item, names, known) for item in value)
    if not is_dataclass(value) or isinstance(value, MLPSpec):
        return value
    hints = get_type_hints(type(value))
    for field in fields(value):
        old = getattr(value, field.name)
        if isinstance(old, str | tuple) and "Literal" in str(hints[field.name]):
            continue  # an enumerated word
        if isinstance(value, Axis) and field.name == "name":
            continue
        if field.name in ("source", "target") and hasattr(old, "n_features"):
            new: Any = table_called(_renamed(field.name, names, known), old)
        else:
            new = _renamed(old, names, known)
        object.__setattr__(value, field.name, new)
    return value
