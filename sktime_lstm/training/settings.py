"""The parameters of the forecaster: type and rule of each, written down once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any

from sktime_lstm.data.scaling import GLOBAL_SCALERS
from sktime_lstm.network.cells import CELLS
from sktime_lstm.network.losses import LOSSES
from sktime_lstm.validation import (
    Rule,
    boolean,
    bound,
    column_names,
    integer,
    name_or_transformer,
    number,
    one_of,
    one_or_several,
    optional,
    seed,
    text,
)

SHIPPED = "simulated"
"""Name of the network that comes with the package."""


def _checked(rule: Rule) -> Any:
    """Field of a parameter with the rule for its values."""
    return field(metadata={"rule": rule})


def _pretrained() -> Rule:
    """Rule of a forecaster to start from."""
    return Rule(
        lambda value: value is None or isinstance(value, str | PathLike) or hasattr(value, "pretrain_stream"),
        f"{SHIPPED!r}, the path of a file written by save_model, a pretrained or fitted LSTMForecaster, or None",
    )


@dataclass(frozen=True)
class Settings:
    """The parameters of `LSTMForecaster`, in the order of its constructor; None leaves the choice to the data."""

    window_length: int | None = _checked(optional(integer(1)))
    output_length: int | None = _checked(optional(integer(1)))
    sp: int | Sequence[int] | None = _checked(optional(one_or_several(integer(1))))
    cell: str = _checked(one_of(*CELLS))
    hidden_size: int | None = _checked(optional(integer(1)))
    num_layers: int = _checked(integer(1))
    dropout: float = _checked(number(0.0, 1.0, closed=True))
    anchored: bool = _checked(boolean())
    scaler: Any = _checked(name_or_transformer("window", *(name for name in GLOBAL_SCALERS if name != "window")))
    loss: str = _checked(one_of(*LOSSES))
    lower_bound: float | None = _checked(bound())
    past_covariates: Sequence[Any] | None = _checked(column_names())
    max_epochs: int | None = _checked(optional(integer(1)))
    batch_size: int | None = _checked(optional(integer(1)))
    learning_rate: float | None = _checked(optional(number(0.0)))
    weight_decay: float = _checked(number(0.0, closed=True))
    patience: int | None = _checked(optional(integer(1)))
    pretrained: Any = _checked(_pretrained())
    fine_tune: str = _checked(one_of("auto", "none", "full", "scratch"))
    time_budget: float | None = _checked(optional(number(0.0, closed=True)))
    device: str = _checked(text())
    random_state: Any = _checked(seed())
    verbose: int = _checked(integer(0))

    @property
    def say_how_to_train(self) -> bool:
        """Whether one of the parameters is given that only a training needs."""
        how = (self.max_epochs, self.batch_size, self.learning_rate, self.patience)
        return any(value is not None for value in how)

    @property
    def periods(self) -> tuple[int, ...] | None:
        """Seasonal periods asked for, in ascending order, () for none at all; None to find them."""
        if self.sp is None:
            return None
        periods = self.sp if isinstance(self.sp, Sequence) else [self.sp]
        return tuple(sorted({int(period) for period in periods} - {1}))


RULES: dict[str, Rule] = {parameter.name: parameter.metadata["rule"] for parameter in fields(Settings)}
"""What may be passed for each parameter."""
