"""How the documentation is built: sphinx-build -W --keep-going -n docs docs/_build/html."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import tomllib
from docutils import nodes

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

import sktime_lstm  # noqa: E402 (the checkout is documented, not an installed version)

project = "sktime-lstm"
author = copyright = "sktime-lstm developers"
release = version = sktime_lstm.__version__

extensions = [
    "gallery",
    "llms",
    "mathml",
    "myst_nb",
    "notebooks",
    "numpydoc",
    "reference",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "_ext", "jupyter_execute"]
smartquotes = False  # Curly quotes in types and code cannot be copied.
html_math_renderer = "mathml"
nitpicky = True
default_role = "literal"  # `fh` in a docstring is code, whatever it refers to.

# Pages are text; those with a kernel in their head are run at every build, and any warning they print fails it.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "error"
nb_merge_streams = True  # What a cell prints is one block, in however many pieces it arrives.
# Pages run side by side; libraries that compute with several threads each would wait for one another.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Whatever the caller has set: with another one the pages have no pictures.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(DOCS.parent), os.environ.get("PYTHONPATH")]))
os.environ["MATPLOTLIBRC"] = str(DOCS / "_static" / "matplotlibrc")
# IPython keeps its history where its profile is, so the profile lives in a temporary place.
_profile = tempfile.TemporaryDirectory()
os.environ["IPYTHONDIR"] = _profile.name
shutil.copytree(DOCS / "_kernel", Path(_profile.name, "profile_default", "startup"))

# Prompts and what is printed stay behind when an example is copied; outputs of cells have no button.
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div:not(.output) > div.highlight pre"

autodoc_typehints = "none"  # The docstrings name the types.
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "get_test_params"}
numpydoc_show_class_members = False  # autodoc lists them.
numpydoc_validation_checks = {"GL08", "PR02", "PR03", "RT03"}

INVENTORIES = {
    "pandas": "https://pandas.pydata.org/docs/",
    "sktime": "https://www.sktime.net/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}


def reachable(address: str) -> bool:
    """Whether the inventory can be had now: a build without the network must not fail."""
    try:
        with urlopen(f"{address}objects.inv", timeout=3):
            return True
    except (URLError, OSError):
        return False


intersphinx_mapping = {name: (address, None) for name, address in INVENTORIES.items() if reachable(address)}
intersphinx_timeout = 10
nitpick_ignore_regex = [
    (r"py:.*", r"(numpy|np|pandas|pd|sktime|sklearn|torch|nn|matplotlib)\..*"),
    (r"py:.*", r"sktime_lstm\.(?!LSTMForecaster|backtest).*"),  # Internals have no page.
]

with open(DOCS.parent / "pyproject.toml", "rb") as metadata:
    URLS = tomllib.load(metadata)["project"]["urls"]

html_theme = "furo"
html_title = f"sktime-lstm {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sphinx = False
html_baseurl = f"{URLS['Documentation']}/en/latest/"
html_theme_options = {
    # "View this page" and "Edit this page" at the top, the repository at the bottom of each page.
    "source_repository": f"{URLS['Source']}/",
    "source_branch": "main",
    "source_directory": "docs/",
    "footer_icons": [
        {"name": "Source", "url": URLS["Source"], "html": "Source", "class": "footer-link"},
        {"name": "Issues", "url": URLS["Issues"], "html": "Issues", "class": "footer-link"},
    ],
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}


def setup(app: Any) -> None:
    """Connect what numpydoc leaves undone: it makes the citations of a docstring unique, and keeps those names."""
    app.connect("doctree-resolved", _short_citations)


def _short_citations(app: Any, doctree: Any, docname: str) -> None:
    for text in [text for text in doctree.findall(nodes.Text) if re.fullmatch(r"\[?R[0-9a-f]{8,}-\d+\]?", text)]:
        text.parent.replace(text, nodes.Text(re.sub(r"R[0-9a-f]+-", "", text)))
