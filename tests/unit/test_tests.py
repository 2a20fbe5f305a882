"""Rules of the tests themselves."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]


def imported_modules(path):
    """Return the modules that a file imports, in whatever place of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_file_imports_another():
    """What tests share is in `tests/helpers/`."""
    test_files = list(TESTS.rglob("test_*.py"))
    assert len(test_files) > 50
    names = {path.stem for path in test_files}
    imports = {
        (path.name, module)
        for path in TESTS.rglob("*.py")
        for module in imported_modules(path)
        if names & set(module.split("."))
    }
    assert imports == set()
