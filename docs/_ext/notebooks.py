"""What a page that is run gets besides its text: a link to its notebook, and words for who cannot see its pictures.

A cell describes its picture itself (`:mystnb: {image: {alt: ...}}`); a picture without a description is described by
the heading above it instead of the name of its file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes


def describe_pictures(_: Any, doctree: nodes.document) -> None:
    """Give a description to each picture without one."""
    for picture in doctree.findall(nodes.image):
        if not picture.get("alt"):
            picture["alt"] = f"Picture in the section “{_heading(picture)}”, drawn by the code above it"


def _heading(node: nodes.Node) -> str:
    while not isinstance(node, nodes.section | nodes.document):
        node = node.parent
    title = node.next_node(nodes.title)
    return title.astext() if title else ""


def link_notebook(app: Any, doctree: nodes.document) -> None:
    """Put a link to the executed notebook below the title of a page that is run."""
    env = app.env
    notebook = Path(env.mystnb_config.output_folder, f"{env.docname}.ipynb")
    title = doctree.next_node(nodes.title)
    if title is None or not notebook.is_file():
        return
    target = "/" + Path(os.path.relpath(notebook, app.srcdir)).as_posix()
    text = nodes.inline("", "Open as notebook")
    link = addnodes.download_reference("", "", text, reftarget=target, refdoc=env.docname)
    title.parent.insert(title.parent.index(title) + 1, nodes.paragraph("", "", link, classes=["notebook"]))


def setup(app: Any) -> dict[str, bool]:
    """Connect both; the link is there before Sphinx collects the files that a page offers."""
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", link_notebook, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
