"""Docstrings of public functions say what ruff cannot check: arguments, shapes and errors."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import blobtransfer
from blobtransfer.cli.app import COMMANDS

PACKAGE = Path(blobtransfer.__file__).parent

SHAPE = re.compile(r"\(\w[^()]*,[^()]*\)")
"""A shape, such as (n,) or (n_rows, n_features)."""

REFERENCE = re.compile(r"\bsee `([\w.]+)`")
"""A reference to the docstring that describes the same arguments and errors."""

Function = tuple[str, ast.FunctionDef]
"""Where a function is defined, and its definition."""


def test_three_or_more_parameters_are_described():
    assert not [
        where
        for where, function in public_functions()
        if len(parameters(function)) >= 3 and not has_section(function, "Args")
    ]


def test_arrays_that_are_returned_have_a_shape():
    assert not [
        where
        for where, function in public_functions()
        if returns_array(function) and not SHAPE.search(docstring(function))
    ]


def test_errors_that_a_body_raises_are_described():
    assert not [
        where
        for where, function in public_functions()
        if raises(function)
        and not has_section(function, "Raises")
        and not re.match(r"Raise (an? )?`?\w+", docstring(function))
    ]


def test_references_name_what_exists():
    names = {Path(path).stem for path in modules()}
    for node in (node for tree in modules().values() for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add(node.id)
    assert not [
        (where, reference)
        for where, function in public_functions()
        for reference in REFERENCE.findall(docstring(function))
        if reference.rpartition(".")[2] not in names
    ]


@cache
def modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def public_functions() -> Iterator[Function]:
    """Yield all but the commands, whose docstrings are help pages and whose options have texts."""
    commands = {function.__name__ for function in COMMANDS.values()}
    for path, tree in modules().items():
        for function in functions_of(tree):
            if not (path.startswith("cli") and function.name in commands):
                yield f"{path}:{function.lineno} {function.name}", function


def functions_of(parent: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions_of(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def docstring(function: ast.FunctionDef) -> str:
    return ast.get_docstring(function) or ""


def has_section(function: ast.FunctionDef, section: str) -> bool:
    text = docstring(function)
    return f"\n{section}:\n" in text or REFERENCE.search(text) is not None


def parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


@cache
def array_types() -> set[str]:
    """Return the names of the types that hold arrays: those of NumPy, and the package's own."""
    assignments = [
        (target.id, ast.unparse(node.value))
        for tree in modules().values()
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    types = {"NDArray", "ndarray"}
    while more := {
        name
        for name, value in assignments
        if re.match(rf"(\w+\[.*)?\b({'|'.join(types)})\b", value) and name not in types
    }:
        types |= more
    return types


def returns_array(function: ast.FunctionDef) -> bool:
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(function.returns or ast.Pass())
        if isinstance(node, ast.Attribute | ast.Name)
    }
    return not names.isdisjoint(array_types())


def raises(parent: ast.AST) -> bool:
    """Return whether a body raises an error itself, rather than in a function inside it."""
    return any(
        (isinstance(node, ast.Raise) and node.exc is not None) or raises(node)
        for node in ast.iter_child_nodes(parent)
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef)
    )
