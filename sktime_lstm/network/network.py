"""The network: recurrent layers over a window whose future is missing, and an output anchored on naive forecasts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sktime_lstm.anchors.naive import ANCHORS, anchors_of, change_over_season
from sktime_lstm.data.windows import WindowBatch
from sktime_lstm.network.cells import CELLS, HIDDEN, RecurrentLayer, State, initialise

SHARPNESS = 6.0
MIN_LOG_ERROR, MAX_LOG_RATIO = -7.0, 6.0
UNKNOWN_ERROR = 1e-30
MAX_EMBEDDING = 16


@dataclass(frozen=True)
class NetworkSize:
    """What a network is made of; none of it depends on the horizon or the seasonal period.

    The last covariates are numbers of categories, 0 for none: `num_categories` holds how many there are of each.
    `sees_errors` shows the errors of the naive forecasts to the recurrent layers, and `corrects_by_errors` counts the
    correction in units of the smallest of them. Networks of older files do neither.
    """

    num_variables: int
    num_covariates: int
    hidden_size: int
    cell: str = "lstm"
    num_layers: int = 1
    dropout: float = 0.0
    anchored: bool = True
    num_distribution_outputs: int = 0
    sees_errors: bool = False
    corrects_by_errors: bool = False
    num_categories: tuple[int, ...] = ()

    @property
    def embedding_sizes(self) -> tuple[int, ...]:
        """Channels of each covariate of categories: the square root of their number, at most 16."""
        return tuple(min(math.isqrt(number), MAX_EMBEDDING) for number in self.num_categories)

    @property
    def inputs_per_variable(self) -> int:
        """Channels of each variable that the first layer sees."""
        anchors = len(ANCHORS) if self.anchored else 0
        return 3 + anchors + (1 + anchors if anchors and self.sees_errors else 0)


class Network(nn.Module):
    """Forecast every masked step of a window.

    Each step of the window shows the recurrent layers, for each variable, its value, whether it was observed and its
    change over a season, then the logarithm of the step ahead, the naive forecasts of that step and the covariates. A
    covariate of many categories is shown by an embedding [1]_.
    With the hidden state h of a future step, naive forecasts n of the context, their mean absolute errors r in the
    series so far, and the weights W, U of a linear output that starts at zero,

        forecast = softmax(W h - 6 log r) . n + U h

    so that an untrained network is a mixture of the naive forecasts in which the one that was half as wrong counts 64
    times as much. Without anchors the forecast is U h alone. A loss that learns the spread gets further linear outputs.
    A network of one variable forecasts several one by one. With `sees_errors` each step of the window shows log min(r)
    and log(r / min(r)) too. With `corrects_by_errors` the correction is counted in units of the smallest error, so that
    a smooth series is corrected a little and a noisy one more, and log min(r) is added to the outputs of the spread,
    which is positive.

    Parameters
    ----------
    size : NetworkSize
        Sizes and kind of the layers.
    generator : torch.Generator
        Draws the weights.

    Attributes
    ----------
    dropout_generator : torch.Generator or None
        Draws the dropout masks while the network is trained; without it nothing is dropped.

    References
    ----------
    .. [1] Guo and Berkhahn (2016), "Entity embeddings of categorical variables", arXiv 1604.06737.
    """

    def __init__(self, size: NetworkSize, generator: torch.Generator) -> None:
        super().__init__()
        self.size = size
        self.dropout_generator: torch.Generator | None = None
        width = size.num_variables * size.inputs_per_variable + size.num_covariates + 1
        width += sum(size.embedding_sizes) - len(size.embedding_sizes)
        # All categories start alike, and one that is not seen in training stays the mean of all.
        tables = zip(size.num_categories, size.embedding_sizes, strict=True)
        self.embeddings = nn.ParameterList([nn.Parameter(torch.zeros(rows + 1, columns)) for rows, columns in tables])
        self.layers = nn.ModuleList()
        for _ in range(size.num_layers):
            self.layers.append(CELLS[size.cell](width, size.hidden_size))
            width = size.hidden_size
        initialise(self.layers, size.hidden_size, generator)
        outputs = size.num_variables * (1 + (len(ANCHORS) if size.anchored else 0) + size.num_distribution_outputs)
        self.output: nn.Linear = nn.Linear(width, outputs, device="meta", dtype=torch.float32).to_empty(device="cpu")
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, window: WindowBatch) -> Tensor:
        """Forecast of shape (batch, horizon, variable), in the units of the context.

        With distribution outputs the shape is (batch, horizon, variable, 1 + num_distribution_outputs), the forecast
        first.
        """
        anchors = self._anchors(window)
        correction, logits, further = self._outputs(window, anchors)
        forecast = _mixed(anchors, correction, logits, window.anchor_errors)
        return torch.cat([forecast[..., None], further], -1) if self.size.num_distribution_outputs else forecast

    def anchor_weights(self, window: WindowBatch) -> Tensor:
        """Share of each naive forecast in the mixture, of shape (batch, horizon, variable, anchor)."""
        anchors = self._anchors(window)
        if anchors is None:
            raise ValueError("anchored=False: the network has no naive forecasts to weigh. Fit it with anchored=True.")
        return _weights(anchors, self._outputs(window, anchors)[1], window.anchor_errors)

    def shrink(self, factor: float) -> None:
        """Shrink what the output has learned of the forecast by a factor; 0 leaves the mixture by past errors."""
        forecast = self.output.out_features // self.size.num_variables - self.size.num_distribution_outputs
        with torch.no_grad():
            for parameter in (self.output.weight, self.output.bias):
                parameter.unflatten(0, (self.size.num_variables, -1))[:, :forecast].mul_(factor)

    def move_back(self, start: Network, share: float) -> None:
        """Go back towards the weights of another network, and keep a share of the way from there."""
        with torch.no_grad():
            for mine, other in zip(self.parameters(), start.parameters(), strict=True):
                mine.copy_(other.lerp(mine, share))

    def trace(self, window: WindowBatch) -> list[State]:
        """Gates and states of each layer, each of shape (batch, window_length + horizon, unit)."""
        hidden, states = self._inputs(window, self._anchors(window)), []
        for layer in self.layers:
            assert isinstance(layer, RecurrentLayer)
            states.append(layer.trace(hidden))
            hidden = states[-1][HIDDEN]
        return states

    def _anchors(self, window: WindowBatch) -> Tensor | None:
        """Naive forecasts, of shape (batch, horizon, variable, anchor), if the network is anchored."""
        return anchors_of(window) if self.size.anchored else None

    def _outputs(self, window: WindowBatch, anchors: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Correction, logits of the anchors, and further outputs, each of shape (batch, horizon, variable, outputs)."""
        if self.size.num_variables == 1 < window.num_variables:
            return self._outputs_one_by_one(window, anchors)
        hidden = self._inputs(window, anchors)
        for layer in self.layers:
            hidden = self._drop(layer(hidden))
        output: Tensor = self.output(hidden[:, -window.horizon :]).unflatten(-1, (self.size.num_variables, -1))
        logits = 0 if anchors is None else len(ANCHORS)
        correction, weights, further = output.split([1, logits, self.size.num_distribution_outputs], -1)
        if anchors is not None and self.size.corrects_by_errors:
            smallest = log_errors(window, anchors)[:, None, :, :1]
            correction, further = smallest.exp() * correction, smallest + further
        return correction, weights, further

    def _outputs_one_by_one(self, window: WindowBatch, anchors: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs of a network of one variable for several: each is forecast as if it were alone."""
        alone = [
            self._outputs(window.of_variable(number), None if anchors is None else anchors[:, :, [number]])
            for number in range(window.num_variables)
        ]
        correction, logits, further = (torch.cat(each, 2) for each in zip(*alone, strict=True))
        return correction, logits, further

    def _inputs(self, window: WindowBatch, anchors: Tensor | None) -> Tensor:
        """What the first layer sees, of shape (batch, window_length + horizon, channel)."""
        context, horizon = window.recent, window.horizon
        seen = torch.isfinite(context).to(context.dtype)
        past = torch.cat([context.nan_to_num(), seen, change_over_season(context, window.sp)], -1)
        past = nn.functional.pad(past, (0, 0, 0, horizon))
        step = torch.log1p(torch.arange(horizon, dtype=context.dtype, device=context.device))
        step = nn.functional.pad(step, (context.shape[1], 0)).expand(context.shape[0], -1)[..., None]
        known = [past, step, *self._covariates(window.covariates[:, -past.shape[1] :, : self.size.num_covariates])]
        if anchors is not None:
            flat = anchors.nan_to_num().flatten(-2)
            known.append(nn.functional.pad(flat, (0, 0, context.shape[1], 0)))
            if self.size.sees_errors:
                known.append(log_errors(window, anchors).flatten(1)[:, None].expand(-1, past.shape[1], -1))
        return torch.cat(known, -1)

    def _covariates(self, covariates: Tensor) -> list[Tensor]:
        """Covariates with an embedding for each number of a category."""
        plain, *numbers = covariates.split([covariates.shape[2] - len(self.embeddings), *[1] * len(self.embeddings)], 2)
        tables = zip(self.embeddings, numbers, strict=True)
        return [plain, *(nn.functional.embedding(number[..., 0].long(), table) for table, number in tables)]

    def _drop(self, hidden: Tensor) -> Tensor:
        """Dropout with our own generator: torch's layer would draw from the global one."""
        keep = 1 - self.size.dropout
        if not self.training or self.dropout_generator is None or keep == 1:
            return hidden
        chance = torch.rand(hidden.shape, generator=self.dropout_generator, dtype=torch.float32, device=hidden.device)
        return hidden * (chance < keep) / keep


def _mixed(anchors: Tensor | None, correction: Tensor, logits: Tensor, anchor_errors: Tensor | None) -> Tensor:
    """Mixture of the anchors plus the correction, of shape (batch, horizon, variable)."""
    if anchors is None:
        return correction[..., 0]
    return (_weights(anchors, logits, anchor_errors) * anchors.nan_to_num()).sum(-1) + correction[..., 0]


def log_errors(window: WindowBatch, anchors: Tensor) -> Tensor:
    """Logarithms of the smallest error of the naive forecasts, and of each over it: (batch, variable, 1 + anchor).

    All are 0 where no errors are known, and bounded: after a context that hardly varies they would be huge.
    """
    exists = ~anchors[:, 0].isnan()
    errors = torch.ones_like(anchors[:, 0]) if window.anchor_errors is None else window.anchor_errors
    # Of the errors of an anchor that was always right some thousandth is left; without any errors nothing is known.
    errors = torch.where(errors.amax(-1, keepdim=True) > UNKNOWN_ERROR, errors, 1.0)
    logs = errors.log().clamp(min=MIN_LOG_ERROR).masked_fill(~exists, torch.inf)
    smallest = logs.amin(-1, keepdim=True)
    return torch.cat([smallest, (logs - smallest).clamp(max=MAX_LOG_RATIO)], -1)


def _weights(anchors: Tensor, logits: Tensor, anchor_errors: Tensor | None) -> Tensor:
    """Softmax over the anchors that exist; those that do not have weight 0."""
    if anchor_errors is not None:
        logits = logits - SHARPNESS * anchor_errors.log()[:, None]
    return logits.masked_fill(anchors.isnan(), -torch.inf).softmax(-1)
