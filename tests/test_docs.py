"""The pages: every link leads somewhere, every public name has its place, every example of the API runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from sktime.utils._testing.panel import _make_panel

import sktime_lstm
from sktime_lstm import LSTMForecaster
from sktime_lstm.__main__ import _parser

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = re.DOTALL | re.MULTILINE
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").rglob("*.md")))
METHODS = {page.stem: page for page in sorted((DOCS / "reference" / "methods").glob("*.md"))}
MODULES = [module.name for module in pkgutil.walk_packages(sktime_lstm.__path__, prefix="sktime_lstm.")]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)


def code_cells(page: Path) -> str:
    blocks = re.findall(r"^```\{code-cell\}\n(.*?)^```", page.read_text(encoding="utf-8"), OPTIONS)
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
    kinds = r"(?:\{code-cell\}|python|pycon|bash|text)"
    blocks = re.findall(rf"^```{kinds}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [line for block in blocks for line in without_options(block).splitlines() if len(line) > 79] == []


def test_no_two_pages_have_the_same_title():
    titles = [re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE).group(1) for page in PAGES]
    assert sorted(titles) == sorted(set(titles))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_picture_has_an_alternative_text(page):
    cells = re.findall(r"^```\{code-cell\}\n(.*?)^```", page.read_text(encoding="utf-8"), OPTIONS)
    draws = re.compile(r"\bplot_\w+\(|plt\.subplots\(|^gallery\(|\.plot\(\n", re.MULTILINE)
    assert [cell for cell in cells if draws.search(cell) and "    alt: " not in cell] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_formula_can_be_written_as_mathml(page):
    latex2mathml = pytest.importorskip("docutils.utils.math.latex2mathml")
    text = without_code(page.read_text(encoding="utf-8"))
    formulas = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL) + re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", text)
    assert all("</math>" in latex2mathml.tex2mathml(formula) for formula in formulas)


@pytest.mark.parametrize("name", sktime_lstm.__all__)
def test_every_public_name_stands_in_the_reference(name):
    assert f"sktime_lstm.{name}" in REFERENCE


def test_every_public_function_of_a_public_module_stands_in_the_reference():
    modules = ["backtesting", "inspection", "data.simulation"]
    public = [f"sktime_lstm.{module}.{name}" for module in modules for name in exported(f"sktime_lstm.{module}")]
    assert [name for name in public if name not in REFERENCE and name.split(".")[-1] not in sktime_lstm.__all__] == []


def exported(module: str) -> list[str]:
    """Names that a module offers: those it lists, or else the public functions and classes that it defines."""
    there = importlib.import_module(module)
    made = [(name, each) for name, each in vars(there).items() if inspect.isfunction(each) or inspect.isclass(each)]
    own = [name for name, each in made if each.__module__ == module]
    return getattr(there, "__all__", [name for name in own if name[0] != "_"])


def test_every_method_of_ours_has_a_page_and_every_page_a_method():
    public = {name for name in vars(LSTMForecaster) if name[0] != "_"} - {"get_test_params"}
    assert public - set(METHODS) == set()
    assert [name for name in METHODS if not callable(getattr(LSTMForecaster, name, None))] == []


@pytest.mark.parametrize("name", METHODS)
def test_the_page_of_a_method_describes_all_its_parameters(name):
    method = getattr(LSTMForecaster, name)
    page = METHODS[name].read_text("utf-8")
    assert f".. automethod:: sktime_lstm.LSTMForecaster.{name}\n" in page
    described = re.findall(r"\*\*(\w+)\*\* :", page)
    if name in vars(LSTMForecaster):
        lines = re.findall(r"^([\w, ]+?)(?: :.*)?$", section(inspect.getdoc(method), "Parameters"), re.MULTILINE)
        described = [parameter for line in lines for parameter in line.split(", ")]
    assert described == [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]


def section(docstring: str, title: str) -> str:
    """The lines below a heading that are not indented, up to the next heading."""
    body = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n---|\Z)", docstring, OPTIONS)
    return body.group(1) if body else ""


def test_what_fit_and_pretrain_make_readable_is_described():
    panel = _make_panel(n_instances=2, n_timepoints=20, random_state=0)
    forecaster = LSTMForecaster(max_epochs=1, random_state=0).pretrain(panel).fit(panel)
    readable = {name for name in vars(forecaster) if name[0] != "_" and name[-1] == "_"}
    described = re.findall(r"\w+_\b", section(inspect.getdoc(LSTMForecaster), "Attributes"))
    assert readable - set(described) == set()


@pytest.mark.parametrize("name", METHODS)
def test_the_overview_links_the_page_of_a_method(name):
    assert f"| [`{name}`](methods/{name}.md) |" in (DOCS / "reference" / "forecaster.md").read_text("utf-8")


@pytest.mark.parametrize("page", METHODS.values(), ids=name_of)
def test_the_example_of_a_method_runs(page):
    examples = "\n".join(re.findall(r"^```pycon\n(.*?)^```", page.read_text("utf-8"), OPTIONS))
    assert examples or page.stem in vars(LSTMForecaster)
    test = doctest.DocTestParser().get_doctest(examples, {}, page.stem, str(page), 0)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("parameter", inspect.signature(LSTMForecaster).parameters.values(), ids=lambda each: each.name)
def test_every_parameter_is_described_with_its_default(parameter):
    described = inspect.getdoc(LSTMForecaster).split("Parameters\n")[1].split("Attributes\n")[0]
    kind = re.search(rf"^{parameter.name} : (.*)$", described, flags=re.MULTILINE).group(1)
    default = f'default="{parameter.default}"' if isinstance(parameter.default, str) else f"default={parameter.default}"
    assert default in kind or (parameter.default is None and "optional" in kind)


def test_a_parameter_of_the_table_of_costs_exists():
    table = (DOCS / "reference" / "parameters.md").read_text("utf-8")
    names = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert names
    assert names == set(inspect.signature(LSTMForecaster).parameters)


def test_pages_name_only_options_that_the_command_line_has():
    known = {option for action in _parser()._actions for option in action.option_strings}
    page = (DOCS / "reference" / "command_line.md").read_text(encoding="utf-8").split("```")[-1]
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= known


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_api_run(module):
    assert doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_the_api_fit_beside_the_navigation(module):
    tests = doctest.DocTestFinder().find(importlib.import_module(module))
    lines = [line.strip() for test in tests if test.examples for line in test.docstring.splitlines()]
    assert [line for line in lines if line.startswith((">>> ", "... ")) and len(line) > 79] == []


def test_a_page_is_listed_for_programs_with_its_first_sentence(monkeypatch):
    core = pytest.importorskip("docutils.core")
    monkeypatch.syspath_prepend(DOCS / "_ext")
    llms = importlib.import_module("llms")
    page = core.publish_doctree("Title\n=====\n\nOne sentence: on two\nlines. Another one.\n\n* A list.")
    assert llms.first_sentence(page) == "One sentence: on two lines."
    assert llms.first_sentence(core.publish_doctree("Title\n=====\n\n* A list.")) == ""
