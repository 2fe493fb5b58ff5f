"""`llms.txt` at the root of the site: each page with its first sentence, for programs (https://llmstxt.org)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes


def write(app: Any, failure: Exception | None) -> None:
    """List the pages of the navigation, under the page that leads to them."""
    if failure is None and app.builder.name == "html":
        Path(app.outdir, "llms.txt").write_text("\n".join(lines(app.env, app.config)) + "\n", encoding="utf-8")


def lines(env: Any, config: Any) -> Iterator[str]:
    """Return the file line by line."""
    yield from (f"# {config.project}", "", f"> {first_sentence(env.get_doctree(config.root_doc))}")
    pages = env.toctree_includes[config.root_doc]
    for section in [page for page in pages if page in env.toctree_includes]:
        yield from ("", f"## {env.titles[section].astext()}", "")
        yield from (entry(env, config, page) for page in below(env, section))
    yield from ("", "## Other pages", "")
    yield from (entry(env, config, page) for page in pages if page not in env.toctree_includes)


def below(env: Any, page: str) -> Iterator[str]:
    """Return all pages below a page, in the order of the navigation."""
    for child in env.toctree_includes.get(page, []):
        yield child
        yield from below(env, child)


def entry(env: Any, config: Any, page: str) -> str:
    """Return the line of a page."""
    link = f"- [{env.titles[page].astext()}]({config.html_baseurl}{page}.html)"
    return f"{link}: {first_sentence(env.get_doctree(page))}".removesuffix(": ")


def first_sentence(doctree: nodes.document) -> str:
    """Return the first sentence below the title, or of the first docstring; a page of tables or questions has none."""
    top = doctree.next_node(nodes.title).parent
    places = [text for text in doctree.findall(nodes.paragraph) if "notebook" not in text["classes"]]
    found = [text.astext() for text in places if text.parent is top or text.parent.tagname == "desc_content"]
    text = " ".join(found[0].split()) if found else ""
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].rstrip(":")


def setup(app: Any) -> dict[str, bool]:
    """Write the file when the pages are written."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
