"""Cards with the pictures that pages have drawn, each linked to its page.

    ```{gallery}
    tutorials/index < tutorials/first_forecast: Learn by doing.
    explanation/rollout
    ```

A line names the page to go to, after `<` the page whose first picture is shown (default: the same), and after a colon
what the card says below its title. Pictures are looked up when all pages have been read, so none is kept twice.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

LINE = re.compile(r"(?P<page>[\w/]+)(?: < (?P<source>[\w/]+))?(?:: (?P<text>.+))?")


class gallery(nodes.General, nodes.Element):  # noqa: N801  docutils names nodes so
    """Place of the cards until all pages have been read."""


class Gallery(Directive):
    """The directive."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Keep the lines."""
        found = [LINE.fullmatch(line.strip()) for line in self.content if line.strip()]
        if not all(found):
            raise self.error("gallery: a line is `page < page with the picture: text`")
        return [gallery("", cards=[line.groupdict() for line in found if line])]


def draw(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the cards in their place."""
    for place in list(doctree.findall(gallery)):
        cards = [_card(app, docname, **line) for line in place["cards"]]
        place.replace_self(nodes.container("", *cards, classes=["gallery"]))


def _card(app: Any, docname: str, page: str, source: str | None, text: str | None) -> nodes.Element:
    address = app.builder.get_relative_uri(docname, page)
    title = nodes.inline("", app.env.titles[page].astext(), classes=["gallery-title"])
    link = nodes.reference("", "", *_picture(app, docname, source or page), title, refuri=address, internal=True)
    body = [nodes.paragraph("", text)] if text else []
    return nodes.container("", nodes.paragraph("", "", link), *body, classes=["gallery-card"])


def _picture(app: Any, docname: str, source: str) -> list[nodes.Node]:
    for picture in app.env.get_doctree(source).findall(nodes.image):
        app.env.images.add_file(docname, picture["uri"])
        candidates = {"*": picture["uri"]}
        return [nodes.image("", uri=picture["uri"], candidates=candidates, alt=picture.get("alt", ""))]
    raise ValueError(f"gallery: {source} has no picture")


def setup(app: Any) -> dict[str, bool]:
    """Add directive and node."""
    app.add_node(gallery)
    app.add_directive("gallery", Gallery)
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
