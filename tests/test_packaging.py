"""What the package says of itself: one version, tested requirements, a README that can be followed."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pathspec import GitIgnoreSpec
from sktime.datasets import load_airline

import sktime_lstm

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOML = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = TOML["project"]
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


def test_the_citation_agrees_with_the_metadata():
    citation = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == sktime_lstm.__version__
    assert citation["repository-code"] == PROJECT["urls"]["Source"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]


def test_the_record_at_zenodo_agrees_with_citation_and_metadata():
    citation = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text("utf-8"))
    record = json.loads((ROOT / ".zenodo.json").read_text("utf-8"))
    assert record["title"] == citation["title"]
    assert record["description"] == PROJECT["description"]
    assert record["creators"] == PROJECT["authors"]
    assert record["license"] == PROJECT["license"]
    assert record["keywords"] == PROJECT["keywords"]
    assert record["related_identifiers"][0]["identifier"] == PROJECT["urls"]["Source"]
    assert "version" not in record, "Zenodo takes the version from the tag"


def test_the_conda_recipe_agrees_with_the_metadata():
    recipe = yaml.safe_load((ROOT / ".github" / "conda" / "recipe.yaml").read_text("utf-8"))
    assert recipe["context"]["name"] == PROJECT["name"]
    assert recipe["context"]["version"] == sktime_lstm.__version__
    assert f">={recipe['context']['python_min']}" == PROJECT["requires-python"]
    scripts = [f"{name} = {place}" for name, place in PROJECT["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    required = recipe["requirements"]
    assert conda_names(TOML["build-system"]["requires"]) == set(required["host"][2:])
    assert conda_names(PROJECT["dependencies"]) == set(required["run"][1:])
    about = recipe["about"]
    assert about["repository"] == PROJECT["urls"]["Source"]
    assert about["homepage"] == PROJECT["urls"]["Documentation"]
    assert about["license"] == PROJECT["license"]
    assert about["summary"] == PROJECT["description"]


def conda_names(requirements):
    """Write requirements as conda does, where torch has another name."""
    return {line.replace(">=", " >=").replace("torch", "pytorch") for line in requirements}


def test_dependabot_looks_where_the_versions_are():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))["updates"]
    places = {each["package-ecosystem"]: ROOT / each["directory"].strip("/") for each in updates}
    assert (places["pip"] / "constraints.txt").exists()
    assert (places["github-actions"] / ".github" / "workflows").exists()


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """What the commands of the release workflow make of a copy of the source; all that comes from a network is here."""
    folder = tmp_path_factory.mktemp("release")
    checkout, runner = folder / "checkout", folder / "runner"
    unwanted = shutil.ignore_patterns("_build", "__pycache__", "jupyter_execute")
    for part in TOML["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]:
        source, target = ROOT / part[1:], checkout / part[1:]
        shutil.copytree(source, target, ignore=unwanted) if source.is_dir() else shutil.copy(source, target)
    # Behind its own, the fresh environment sees the packages of this one, and pip installs nothing but the wheel.
    subprocess.run([sys.executable, "-m", "venv", str(runner / "fresh")], check=True)
    (site_packages,) = runner.glob("fresh/lib/*/site-packages")
    (site_packages / "outer.pth").write_text(sysconfig.get_path("purelib"))
    run_steps("build", checkout, runner)
    return checkout / "dist"


def run_steps(job, checkout, runner):
    """Run the commands of a job of the release workflow in a checkout, as GitHub does."""
    steps = yaml.safe_load((checkout / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"][job][
        "steps"
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_FORCE_REINSTALL": "1",
        "RUNNER_TEMP": str(runner),
        "GITHUB_REF_NAME": f"v{sktime_lstm.__version__}",
    }
    for command in [step["run"] for step in steps if not step.get("run", "pip").startswith("pip")]:
        run = subprocess.run(
            ["bash", "-e", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"


@pytest.mark.slow
def test_the_release_workflow_makes_a_wheel_that_runs_the_example(release):
    version = sktime_lstm.__version__
    names = {f"sktime_lstm-{version}.tar.gz", f"sktime_lstm-{version}-py3-none-any.whl"}
    assert {file.name for file in release.iterdir()} == names
    (module,) = (release.parents[1] / "runner").glob("fresh/lib/*/site-packages/sktime_lstm/__init__.py")
    assert version in module.read_text("utf-8")


@pytest.mark.slow
def test_links_of_the_description_on_the_index_lead_to_the_repository(release):
    (file,) = release.glob("*.whl")
    with zipfile.ZipFile(file) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        description = message_from_string(wheel.read(name).decode("utf-8")).get_payload()
    targets = re.findall(r"\]\(([^)]+)\)", description)
    assert len(targets) == len(re.findall(r"\]\(", README))
    assert [target for target in targets if not target.startswith("https://")] == []
    source = PROJECT["urls"]["Source"]
    assert f"]({source}/blob/main/LICENSE)" in description
    assert f"]({source}/raw/main/docs/benchmarks/airline.svg)" in description


@pytest.mark.slow
def test_the_source_distribution_is_the_repository(release):
    (file,) = release.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        packed = {name.split("/", 1)[1] for name in archive.getnames()}
    # The tests also run in copies of the checkout, of which git knows nothing, and in the unpacked distribution.
    ignored = GitIgnoreSpec.from_lines([".git", *(ROOT / ".gitignore").read_text("utf-8").splitlines()])
    assert packed - {"PKG-INFO"} == set(ignored.match_tree_files(ROOT, negate=True)) - {"PKG-INFO"}


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
