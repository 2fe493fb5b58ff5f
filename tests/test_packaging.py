"""What the package says of itself: one version, tested requirements, a README that can be followed."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sktime.datasets import load_airline

import sktime_lstm

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [
    Requirement(line)
    for line in (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(line)
    for line in [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    if not line.startswith("sktime-lstm")
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fenced_block(marker: str) -> str:
    """The code block of README.md that follows a marker: `<!-- ci: main -->` or the like."""
    return re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, flags=re.DOTALL).group(1)


def test_the_installed_version_is_that_of_the_source():
    assert metadata.version("sktime-lstm") == sktime_lstm.__version__


def test_the_changelog_has_a_section_for_the_version():
    changelog = (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8")
    assert f"\n## [{sktime_lstm.__version__}]" in changelog


def test_type_information_is_shipped():
    assert (ROOT / "sktime_lstm" / "py.typed").exists()


def test_the_citation_names_the_version_and_the_source():
    citation = (ROOT / ".github" / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {sktime_lstm.__version__}\n" in citation
    assert PROJECT["urls"]["Source"] in citation


@pytest.mark.slow
def test_a_consumer_is_type_checked(tmp_path):
    mypy = pytest.importorskip("mypy.api")
    consumer = tmp_path / "consumer.py"
    consumer.write_text(
        "from sktime_lstm import LSTMForecaster, backtest\n"
        "reveal_type(LSTMForecaster(num_layers=2).num_layers)\n"
        "LSTMForecaster(num_layers='two')\n"
        "backtest(folds=3)\n"
    )
    # The types of this package alone are the question, and others take minutes to read.
    options = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]
    report, _, _ = mypy.run([*options, "--cache-dir", str(tmp_path / "cache"), str(consumer)])
    assert 'consumer.py:2: note: Revealed type is "int"' in report
    assert 'consumer.py:3: error: Argument "num_layers" to "LSTMForecaster" has incompatible type "str"' in report
    assert 'consumer.py:4: error: Unexpected keyword argument "folds" for "backtest"' in report


@pytest.mark.parametrize("module", ["sktime_lstm.backtesting", "matplotlib", "sktime.forecasting.compose"])
def test_what_only_some_need_is_imported_when_they_do(module):
    code = f"import sys, sktime_lstm; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_all_there():
    assert sktime_lstm.backtest is sktime_lstm.backtesting.backtest
    with pytest.raises(AttributeError, match="has no attribute 'forecast'"):
        sktime_lstm.forecast  # noqa: B018  the access is the test


def placeholder_record():
    """The class that sktime would keep for us, as `docs/contributing.md` has it, without being replaced by ours."""
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    tree = ast.parse(re.search(r"```python\n(# copyright: sktime.*?)```", page, flags=re.DOTALL).group(1))
    record = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    record.decorator_list = []
    namespace = {"__name__": "sktime.forecasting.lstm"}
    exec(compile(tree, "contributing.md", "exec"), namespace)
    return namespace[record.name]


def test_the_placeholder_record_for_sktime_has_our_signature_and_tags():
    record, ours = placeholder_record(), sktime_lstm.LSTMForecaster
    assert record.__name__ == ours.__name__
    parameters = [inspect.signature(cls).parameters.values() for cls in (record, ours)]
    theirs, expected = ([(each.name, each.kind, each.default) for each in some] for some in parameters)
    assert theirs == expected
    assert {**record._tags, "tests:vm": None} == {**ours._tags, "tests:vm": None}


def test_the_placeholder_record_forecasts_what_we_forecast():
    y = load_airline()[:36]
    record, ours = (cls(sp=12, random_state=0).fit(y) for cls in (placeholder_record(), sktime_lstm.LSTMForecaster))
    pd.testing.assert_series_equal(record.predict(fh=[1, 2]), ours.predict(fh=[1, 2]))


def test_only_torch_and_sktime_with_what_it_needs_itself_tqdm_and_safetensors_are_needed():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names == {"numpy", "pandas", "safetensors", "scikit-learn", "scipy", "sktime", "torch", "tqdm"}


@pytest.mark.parametrize("line", PROJECT["dependencies"])
def test_a_dependency_has_a_lower_and_no_upper_bound(line):
    assert [bound.operator for bound in Requirement(line).specifier] == [">="]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_requirement_is_met_by_the_tested_versions(requirement):
    pins = [pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
    versions = [bound.version for pin in pins for bound in pin.specifier]
    assert versions
    assert all(version in requirement.specifier for version in versions)


def test_tested_versions_are_exact_and_have_no_local_suffix():
    assert [str(pin) for pin in PINS if not re.fullmatch(r"==[\d.]+(b\d+|post\d+)?", str(pin.specifier))] == []


def test_the_readme_is_at_most_120_lines():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("marker", ["ci: main", "ci: tests"])
def test_a_readme_command_is_one_line_that_installs_the_tested_versions(marker):
    (command,) = fenced_block(marker).splitlines()
    assert "pip install -c tests/constraints.txt" in command


def test_the_readme_example_runs():
    exec(fenced_block("example"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
