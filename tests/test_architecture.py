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

# The way of the data: a folder imports only from those before it, and from the two files that know nothing of ours.
FOLDERS = ("data", "anchors", "network", "forecasting", "training", "storage", "inspection")
BEFORE_ALL = ("runtime.py", "validation.py")
# Behind all folders: the sktime interface, and then what users run around it.
AFTER_ALL = ("forecaster.py", "backtesting.py", "csv_files.py", "__init__.py", "__main__.py")
# pandas ends here; the network and what trains it see arrays and tensors.
PANDAS_IN = ("data", "storage", "inspection", *BEFORE_ALL[1:], *AFTER_ALL)

TOP_LEVEL = {"sktime_lstm", "docs", "tests", "pyproject.toml", "README.md", "LICENSE"}
ADDED_TO_A_RELEASE = {"PKG-INFO"}
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
            assert not node.level, "imports are absolute, so that a file can be moved"
            found |= {file_of(f"{node.module}.{alias.name}") for alias in node.names}
    return found - {None}


def file_of(dotted: str) -> str | None:
    """The file a dotted name comes from: the submodule of that name, else the package that holds the name."""
    parts = dotted.split(".")
    if parts[0] != "sktime_lstm":
        return None
    for length in range(len(parts), 0, -1):
        place = PACKAGE.joinpath(*parts[1:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return name_of(file)
    return None


def rank_of(name: str) -> int:
    """Place of the folder of a file, or of a file outside the folders, in the way of the data."""
    order = (*BEFORE_ALL, *FOLDERS, *AFTER_ALL)
    return order.index(name.split("/")[0])


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
def test_a_file_imports_only_from_its_own_folder_and_those_before_it(file):
    rank = rank_of(name_of(file))
    assert {other for other in imported_files(parse(file)) if rank_of(other) > rank} == set()


def test_no_file_imports_itself_through_others():
    imports = {name_of(file): imported_files(parse(file)) for file in FILES}
    while leaves := {name for name, others in imports.items() if not others & imports.keys()}:
        imports = {name: others for name, others in imports.items() if name not in leaves}
    assert imports == {}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_pandas_is_imported_only_where_labels_are_read_or_shown(file):
    names = {alias.name for node in ast.walk(parse(file)) if isinstance(node, ast.Import) for alias in node.names}
    assert "pandas" not in names or name_of(file).split("/")[0] in PANDAS_IN


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("import sktime_lstm", "__init__.py"),
        ("import sktime_lstm.network.cells", "network/cells.py"),
        ("from sktime_lstm.network.cells import CELLS", "network/cells.py"),
        ("from sktime_lstm.network import cells", "network/cells.py"),
        ("from sktime_lstm import LSTMForecaster", "__init__.py"),
        ("from sktime_lstm.inspection import plot_gates", "inspection/__init__.py"),
        ("def f():\n    import sktime_lstm.runtime", "runtime.py"),
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
def test_no_function_body_is_longer_than_forty_lines(file):
    assert {name: length for name, length in body_lengths(parse(file)).items() if length > 40} == {}


def test_nine_in_ten_function_bodies_have_at_most_15_lines_and_half_of_them_at_most_6():
    lengths = [length for file in FILES for length in body_lengths(parse(file)).values()]
    assert sum(length <= 15 for length in lengths) >= 0.9 * len(lengths)
    assert statistics.median(lengths) <= 6


def test_a_body_is_measured_without_its_signature_and_docstring():
    source = 'def f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    b = a\n\n    return b\n'
    assert body_lengths(ast.parse(source)) == {"f, line 1": 3}


def test_nothing_new_at_the_top_of_the_repository():
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.strip()]
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert {
        name for name in visible - TOP_LEVEL - ADDED_TO_A_RELEASE if not any(fnmatch(name, rule) for rule in ignored)
    } == set()


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
