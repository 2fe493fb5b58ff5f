"""A look inside a fitted model: tables and plots."""

from sktime_lstm.inspection.plots import (
    plot_anchor_weights,
    plot_backtest,
    plot_covariate_importance,
    plot_forecast,
    plot_gates,
    plot_history,
)

__all__ = [
    "plot_anchor_weights",
    "plot_backtest",
    "plot_covariate_importance",
    "plot_forecast",
    "plot_gates",
    "plot_history",
]
