"""What the reference of the forecaster needs besides autodoc.

The parameters stand under headings. Methods that come from sktime have entries of ours, written below the directive
that names the method, in place of the docstring of sktime. `{inherited}` is the table of all others.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from sktime_lstm import LSTMForecaster

METHODS = Path(__file__).parents[1] / "reference" / "methods"
BASE = "sktime.forecasting.base.BaseForecaster"
SKTIME = f"https://www.sktime.net/en/stable/api_reference/auto_generated/{BASE}.html"

# The first parameter of each group, in the order of the signature.
GROUPS = {
    "window_length": "Window and season",
    "cell": "Network",
    "scaler": "Data",
    "max_epochs": "Training",
    "pretrained": "Pretraining",
    "time_budget": "Run",
}


def leave_sktimes_docstring_out(_: Any, what: str, name: str, obj: Any, __: Any, lines: list[str]) -> None:
    """Keep the signature of an inherited method, but not its docstring, in place of which the page has its own."""
    if what == "method" and obj.__module__.startswith(("sktime.", "skbase.")):
        lines.clear()


def group_parameters(_: Any, what: str, name: str, obj: Any, __: Any, lines: list[str]) -> None:
    """Put a heading before the first parameter of each group, in what numpydoc has made of the docstring."""
    if obj is LSTMForecaster:
        lines[:] = _with_headings(lines)


def _with_headings(lines: list[str]) -> Iterator[str]:
    for line in lines:
        entry = re.match(r"( +)\*\*(\w+)\*\* :", line)
        if entry and entry[2] in GROUPS:
            yield from (f"{entry[1]}.. rubric:: {GROUPS[entry[2]]}", "")
        yield line


class Inherited(Directive):
    """The directive."""

    def run(self) -> list[nodes.Node]:
        """Make a table with a row for each name."""
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (30, 70)), cols=2)
        group += nodes.thead("", _row(nodes.Text("name"), nodes.Text("what sktime says of it")))
        group += nodes.tbody("", *(_row(_link(name), nodes.Text(_first_sentence(name))) for name in inherited()))
        return [nodes.table("", group, width="100%")]


def inherited() -> list[str]:
    """Return the public names that come from sktime and have no page."""
    public = [name for name in dir(LSTMForecaster) if name[0].islower() and name != "get_test_params"]
    return [name for name in public if name not in vars(LSTMForecaster) and not (METHODS / f"{name}.md").exists()]


def _link(name: str) -> nodes.Node:
    return nodes.reference("", "", nodes.literal("", name), refuri=f"{SKTIME}#{BASE}.{name}")


def _first_sentence(name: str) -> str:
    paragraph = inspect.getdoc(inspect.getattr_static(LSTMForecaster, name)).split("\n\n")[0]
    return re.sub(r"[`*]+", "", " ".join(paragraph.split()))


def _row(*cells: nodes.Node) -> nodes.Node:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app: Any) -> dict[str, bool]:
    """Connect the two, before and after numpydoc, and add the directive."""
    app.add_directive("inherited", Inherited)
    app.connect("autodoc-process-docstring", leave_sktimes_docstring_out, priority=400)
    app.connect("autodoc-process-docstring", group_parameters, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
