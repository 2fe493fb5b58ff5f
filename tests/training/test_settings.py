"""The parameters: written down once, and everything that repeats them agrees."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

from sktime_lstm import LSTMForecaster
from sktime_lstm.training.settings import RULES, Settings

NAMES = [name for name in inspect.signature(LSTMForecaster.__init__).parameters if name != "self"]
DEFAULTS = LSTMForecaster.get_param_defaults()


def test_the_settings_are_the_parameters_of_the_constructor_in_its_order():
    assert [field.name for field in fields(Settings)] == NAMES


def test_every_parameter_has_its_rule():
    assert list(RULES) == NAMES
    for field in fields(Settings):
        assert RULES[field.name] is field.metadata["rule"]


def test_the_docstring_describes_the_parameters_in_the_order_of_the_constructor():
    section = inspect.getdoc(LSTMForecaster).split("Parameters\n----------\n")[1].split("\nAttributes\n")[0]
    assert re.findall(r"^(\w+) : ", section, flags=re.MULTILINE) == NAMES


def test_the_docstring_names_every_choice():
    section = inspect.getdoc(LSTMForecaster).split("Parameters\n----------\n")[1].split("\nAttributes\n")[0]
    for name, described in re.findall(r"^(\w+) : (.*)$", section, flags=re.MULTILINE):
        choices = re.search(r"\{(.*)\}", described)
        if choices is not None:
            allowed = re.findall(r"'(\w+)'", RULES[name].expected)
            assert re.findall(r'"(\w+)"', choices.group(1)) == allowed, name


@pytest.mark.parametrize("name", NAMES)
def test_every_default_keeps_its_rule(name):
    assert RULES[name].holds(DEFAULTS[name])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("window_length", 0),
        ("output_length", 1.5),
        ("sp", -1),
        ("cell", "layernorm_lstm"),
        ("hidden_size", True),
        ("num_layers", None),
        ("dropout", 1.0),
        ("anchored", 1),
        ("scaler", "log"),
        ("loss", "student_t"),
        ("lower_bound", float("inf")),
        ("past_covariates", "price"),
        ("max_epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("weight_decay", -0.1),
        ("patience", 0),
        ("pretrained", 3),
        ("fine_tune", "head"),
        ("time_budget", -1.0),
        ("device", 0),
        ("random_state", -1),
        ("verbose", -1),
    ],
)
def test_what_breaks_a_rule_is_refused_and_named(name, wrong):
    with pytest.raises(ValueError, match=f"LSTMForecaster: {name} must be .* but {name}="):
        LSTMForecaster(**{name: wrong})


def test_the_refusals_above_cover_every_parameter():
    marks = test_what_breaks_a_rule_is_refused_and_named.pytestmark
    assert [name for name, _ in marks[0].args[1]] == NAMES
