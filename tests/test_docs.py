"""The pages: every link leads somewhere, every public name has its place, every example of the API runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import sktime_lstm
from sktime_lstm import LSTMForecaster
from sktime_lstm.__main__ import _parser

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = re.DOTALL | re.MULTILINE
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
MODULES = [module.name for module in pkgutil.walk_packages(sktime_lstm.__path__, prefix="sktime_lstm.")]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)


def code_cells(page: Path) -> str:
    blocks = re.findall(r"^```\{code-cell\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return "\n".join(map(without_options, blocks))


def without_options(block: str) -> str:
    """A cell may begin with options, in lines of their own or between dashes."""
    return re.sub(r"\A(:tags:[^\n]*\n|---\n.*?^---\n)", "", block, flags=OPTIONS)


def listed_in_a_toctree() -> set[Path]:
    found = set()
    for page in PAGES:
        trees = re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        lines = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
        found |= {(page.parent / f"{line}.md").resolve() for line in lines}
    return found


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name_of)
def test_a_relative_link_leads_to_a_file(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", without_code(page.read_text(encoding="utf-8")))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_index():
    assert {page.resolve() for page in PAGES} - listed_in_a_toctree() == {DOCS / "index.md"}


@pytest.mark.parametrize("page", [page for page in PAGES if code_cells(page)], ids=name_of)
def test_code_that_is_run_at_build_has_a_kernel_and_no_syntax_error(page):
    assert "file_format: mystnb" in page.read_text(encoding="utf-8")
    compile(code_cells(page), name_of(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_fits_beside_the_navigation(page):
    kinds = r"(?:\{code-cell\}|python|bash|text)"
    blocks = re.findall(rf"^```{kinds}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [line for block in blocks for line in without_options(block).splitlines() if len(line) > 79] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_formula_can_be_written_as_mathml(page):
    latex2mathml = pytest.importorskip("docutils.utils.math.latex2mathml")
    text = without_code(page.read_text(encoding="utf-8"))
    formulas = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL) + re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", text)
    assert all("</math>" in latex2mathml.tex2mathml(formula) for formula in formulas)


@pytest.mark.parametrize("name", sktime_lstm.__all__)
def test_every_public_name_stands_in_the_reference(name):
    assert f"sktime_lstm.{name}" in REFERENCE


def test_every_method_that_the_reference_lists_exists():
    listed = re.findall(r"^\| `(\w+)\(", (DOCS / "reference" / "forecaster.md").read_text("utf-8"), re.MULTILINE)
    assert listed
    assert [name for name in listed if not callable(getattr(LSTMForecaster, name, None))] == []


@pytest.mark.parametrize("parameter", inspect.signature(LSTMForecaster).parameters.values(), ids=lambda each: each.name)
def test_every_parameter_is_described_with_its_default(parameter):
    described = inspect.getdoc(LSTMForecaster).split("Parameters\n")[1].split("Attributes\n")[0]
    kind = re.search(rf"^{parameter.name} : (.*)$", described, flags=re.MULTILINE).group(1)
    default = f'default="{parameter.default}"' if isinstance(parameter.default, str) else f"default={parameter.default}"
    assert default in kind or (parameter.default is None and "optional" in kind)


def test_a_parameter_of_the_table_of_costs_exists():
    table = (DOCS / "reference" / "forecaster.md").read_text("utf-8").split("## What the parameters cost")[1]
    names = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert names
    assert names <= set(inspect.signature(LSTMForecaster).parameters)


def test_pages_name_only_options_that_the_command_line_has():
    known = {option for action in _parser()._actions for option in action.option_strings}
    page = (DOCS / "reference" / "command_line.md").read_text(encoding="utf-8").split("```")[-1]
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= known


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_api_run(module):
    assert doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
