"""The shape of the code base: which file may import which, how long a function is, what lies where."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sktime_lstm"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a file imports from the levels below its own, never from its own level.
LEVELS = (
    ("distributed.py", "runtime.py", "time_axis.py", "validation.py"),
    ("cells.py", "covariates.py", "losses.py", "naive.py", "recipe.py", "scaling.py", "seasonality.py", "series.py"),
    ("network.py", "request.py"),
    ("baseline.py", "windowing.py"),
    ("export.py", "intervals.py", "rollout.py", "training.py", "view.py"),
    ("model.py",),
    ("fitting.py", "inspection.py", "plotting.py"),
    ("persistence.py", "pretraining.py"),
    ("forecaster.py",),
    ("backtesting.py", "table.py"),
    ("__init__.py", "__main__.py"),
)
LEVEL_OF = {file: level for level, files in enumerate(LEVELS) for file in files}

TOP_LEVEL = {"sktime_lstm", "docs", "tests", "pyproject.toml", "README.md", "LICENSE"}
TEXT_SUFFIXES = {".cfg", ".csv", ".md", ".py", ".rst", ".svg", ".toml", ".txt", ".yaml", ".yml", ""}


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def imported_files(tree: ast.Module) -> set[str]:
    """Files of the package that a module imports, in functions and under TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {file_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["sktime_lstm" if node.level else "", node.module]))
            found |= {file_of(f"{module}.{alias.name}") for alias in node.names}
    return found - {None}


def file_of(dotted: str) -> str | None:
    """The file a dotted name comes from: the submodule of that name, else the package itself."""
    package, *rest = dotted.split(".")
    if package != "sktime_lstm":
        return None
    if rest and f"{rest[0]}.py" in LEVEL_OF.keys() | {name_of(file) for file in FILES}:
        return f"{rest[0]}.py"
    return "__init__.py"


def body_lengths(tree: ast.Module) -> dict[str, int]:
    """Lines of every function from the first statement after the docstring to the last line."""
    lengths = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = node.end_lineno - body[0].lineno + 1 if body else 0
            lengths[f"{node.name}, line {node.lineno}"] = length
    return lengths


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_file_has_a_level(file):
    assert name_of(file) in LEVEL_OF


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_imports_only_from_levels_below_its_own(file):
    level = LEVEL_OF[name_of(file)]
    assert {other for other in imported_files(parse(file)) if LEVEL_OF[other] >= level} == set()


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("import sktime_lstm", "__init__.py"),
        ("import sktime_lstm.cells", "cells.py"),
        ("from sktime_lstm.cells import CELLS", "cells.py"),
        ("from sktime_lstm import cells", "cells.py"),
        ("from sktime_lstm import LSTMForecaster", "__init__.py"),
        ("from .cells import CELLS", "cells.py"),
        ("from . import cells", "cells.py"),
        ("def f():\n    import sktime_lstm.cells", "cells.py"),
    ],
)
def test_every_form_of_import_is_seen(line, file):
    assert imported_files(ast.parse(line)) == {file}


def test_an_import_from_elsewhere_is_not_ours():
    assert imported_files(ast.parse("import sktime\nfrom sktime.base import BaseObject")) == set()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_is_named_after_a_concept(file):
    assert file.stem not in {"base", "common", "helpers", "misc", "util", "utils"}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_says_first_what_it_is_for(file):
    assert ast.get_docstring(parse(file))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_function_body_is_longer_than_fifty_lines(file):
    assert {name: length for name, length in body_lengths(parse(file)).items() if length > 50} == {}


def test_nine_in_ten_function_bodies_have_at_most_25_lines_and_half_of_them_at_most_8():
    lengths = [length for file in FILES for length in body_lengths(parse(file)).values()] or [0]
    assert sum(length <= 25 for length in lengths) >= 0.9 * len(lengths)
    assert statistics.median(lengths) <= 8


def test_a_body_is_measured_without_its_signature_and_docstring():
    source = 'def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    b = a\n\n    return b\n'
    assert body_lengths(ast.parse(source)) == {"f, line 1": 3}


def test_nothing_new_at_the_top_of_the_repository():
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.strip()]
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert {name for name in visible - TOP_LEVEL if not any(fnmatch(name, rule) for rule in ignored)} == set()


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    parts = [ROOT / name for name in (*TOP_LEVEL, ".ci", ".github", ".gitignore", ".pre-commit-config.yaml")]
    files = [file for part in parts for file in (part.rglob("*") if part.is_dir() else [part])]
    texts = [file for file in files if file.is_file() and file.suffix in TEXT_SUFFIXES]
    machine_path = "/".join(["", "work", ""])
    assert [str(file) for file in texts if machine_path in file.read_text(encoding="utf-8")] == []


def test_importing_the_package_leaves_optional_libraries_unimported():
    code = "import sys, sktime_lstm; print(*{'matplotlib', 'pmdarima', 'statsmodels'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, [], "")
