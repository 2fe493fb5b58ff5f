"""Formulas as MathML, which browsers draw themselves: no script, no font and no server is needed to read a page."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def as_mathml(latex: str, *, block: bool) -> str:
    """Return the formula as an element of its own line, or of the text."""
    formula = tex2mathml(latex, as_block=block)
    return f'<div class="math">{formula}</div>' if block else formula


def visit_math(writer: Any, node: nodes.Element) -> None:
    """Write a formula within a line."""
    _write(writer, node, block=False)


def visit_math_block(writer: Any, node: nodes.Element) -> None:
    """Write a formula between two paragraphs."""
    _write(writer, node, block=True)


def _write(writer: Any, node: nodes.Element, *, block: bool) -> None:
    writer.body.append(as_mathml(node.astext(), block=block))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Make this the way in which formulas are written."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
