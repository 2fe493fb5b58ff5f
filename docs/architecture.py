"""Draw the folders of the package and which of them import from which: docs/architecture.svg.

    python docs/architecture.py

Nothing is imported: names, first sentences and arrows are read from the source. A folder has one line to the right with
a dot for each folder that it imports from; the lines with the dots lead up to these. `tests/test_architecture.py` keeps
the picture equal to what this script draws.
"""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

PACKAGE = Path(__file__).resolve().parents[1] / "sktime_lstm"
PICTURE = Path(__file__).with_suffix(".svg")

FOLDERS = ("data", "anchors", "network", "forecasting", "training", "storage", "inspection")
BEFORE = ("runtime.py", "validation.py")
AFTER = (("forecaster.py",), ("backtesting.py", "csv_files.py", "__main__.py"))
SAYS_BEFORE = "Device, threads and seeds; rules and messages"
SAYS_AFTER = ("The sktime interface, and the order of the steps", "What users run around it")

LEFT, WIDTH, LANE, EDGE = 12, 600, 30, 18
FILES_HEIGHT, LINE_HEIGHT, GAP = 48, 14, 14
LETTERS = 95  # As many of the small ones as a line has room for, whatever the font.
TOP, ARRIVES, LEAVES = 12, 18, 44

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .name { font-weight: 600; font-size: 15px; }
  .quiet { font-size: 12px; fill: #59636e; }
  .paper { fill: #ffffff; }
  .folder { fill: #eef4fa; stroke: #0072b2; stroke-width: 1.2; }
  .files { fill: none; stroke: #818b98; stroke-width: 1.2; stroke-dasharray: 4 3; }
  .arrow { fill: none; stroke: #0072b2; stroke-width: 1.5; }
  .dot { fill: #0072b2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #a9b3be; }
    .paper { fill: #15191f; }
    .folder { fill: #1c2733; stroke: #56b4e9; }
    .files { stroke: #7d8590; }
    .arrow { stroke: #56b4e9; }
    .dot { fill: #56b4e9; }
  }
"""


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """Text of the SVG file."""
    _check_complete()
    imports = {folder: imported_folders(folder) for folder in FOLDERS}
    lanes = [folder for folder in reversed(FOLDERS) if any(folder in others for others in imports.values())]
    places = _places()
    width = LEFT + WIDTH + LANE * len(lanes) + EDGE
    height = max(places.values()) + FILES_HEIGHT + TOP
    boxes = [_box(places[BEFORE], "files", ", ".join(BEFORE), SAYS_BEFORE)]
    boxes += [_folder(folder, places[folder]) for folder in FOLDERS]
    boxes += [
        _box(places[names], "files", ", ".join(names), says) for names, says in zip(AFTER, SAYS_AFTER, strict=True)
    ]
    lines = _arrows(imports, lanes, places)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    title = "<title>The folders of the package, from top to bottom; arrows lead to what a folder imports from</title>"
    paper = f'<rect class="paper" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([head, title, f"<style>{STYLE}</style>", paper, *boxes, *lines, "</svg>", ""])


def imported_folders(folder: str) -> set[str]:
    """Other folders that the files of a folder import from, in functions and under TYPE_CHECKING too."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((PACKAGE / folder).rglob("*.py"))]
    names = [name for tree in trees for node in ast.walk(tree) for name in _imported_names(node)]
    places = {name.split(".")[1] for name in names if name.startswith("sktime_lstm.")}
    return places.intersection(FOLDERS) - {folder}


def _imported_names(node: ast.AST) -> list[str]:
    """Dotted names that a statement imports; none for other statements."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def _check_complete() -> None:
    """Every folder of the package must be in the picture."""
    found = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    if found != set(FOLDERS):
        raise ValueError(f"The picture knows the folders {sorted(FOLDERS)}, the package has {sorted(found)}.")


def _places() -> dict[str | tuple[str, ...], int]:
    """Upper edge of every box."""
    names: list[str | tuple[str, ...]] = [BEFORE, *FOLDERS, *AFTER]
    places = {names[0]: TOP}
    for above, name in pairwise(names):
        lines = _file_names(above) if isinstance(above, str) else []
        places[name] = places[above] + _height(lines) + GAP
    return places


def _height(lines: list[str]) -> int:
    """Height of a box with this many lines of file names."""
    return FILES_HEIGHT + LINE_HEIGHT * len(lines)


def _file_names(folder: str) -> list[str]:
    """The files of a folder, in lines that the box has room for."""
    files = sorted(file.stem for file in (PACKAGE / folder).glob("*.py") if file.stem != "__init__")
    return wrap(", ".join(files), LETTERS)


def _folder(folder: str, top: int) -> str:
    """Box of a folder: its name, the start of its docstring, and its files."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    says = docstring.splitlines()[0].split(":")[0].rstrip(".")
    return _box(top, "folder", f"{folder}/", says, _file_names(folder))


def _box(top: int, kind: str, name: str, says: str, files: list[str] | None = None) -> str:
    """Box with two lines, and below them the names of files."""
    lines = files or []
    x, first = LEFT + 12, top + 54
    return "\n".join(
        [
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{WIDTH}" height="{_height(lines)}" rx="6"/>',
            f'<text class="name" x="{x}" y="{top + 20}">{name}</text>',
            f'<text x="{x}" y="{top + 37}">{says}</text>',
            *(
                f'<text class="quiet" x="{x}" y="{first + LINE_HEIGHT * number}">{line}</text>'
                for number, line in enumerate(lines)
            ),
        ]
    )


def _arrows(imports: dict[str, set[str]], lanes: list[str], places: dict[str | tuple[str, ...], int]) -> list[str]:
    """One line from each folder that imports, with dots, and one to each folder that is imported from."""
    edge = LEFT + WIDTH
    x = {folder: edge + LANE * (number + 1) for number, folder in enumerate(lanes)}
    drawn = []
    for folder, others in imports.items():
        if others:
            y = places[folder] + LEAVES
            drawn.append(f'<path class="arrow" d="M{edge} {y}H{max(x[other] for other in others)}"/>')
            drawn += [f'<circle class="dot" cx="{place}" cy="{y}" r="3.5"/>' for place in sorted(map(x.get, others))]
    for folder, place in x.items():
        last = max(places[other] for other, others in imports.items() if folder in others)
        y = places[folder] + ARRIVES
        path = f"M{place} {last + LEAVES}V{y}H{edge + 2}m7 -4l-7 4l7 4"
        drawn.append(f'<path class="arrow" d="{path}"/>')
    return drawn


if __name__ == "__main__":
    main()
