"""Run at the start of every page's kernel."""

import warnings

KNOWN = (
    # sktime 1.2 announces a new default at every construction of its own forecasters. A filter would not do, since
    # sktime resets those of FutureWarning.
    "The default of config ``remember_data``",
    # sktime's reconcilers hand the totals that they have added to their own aggregation.
    "Found elements in the index of X named '__total'",
)


def _unknown_only(message, *place, _show=warnings.showwarning):  # noqa: ANN001, ANN002, ANN202
    if not str(message).startswith(KNOWN):
        _show(message, *place)


warnings.showwarning = _unknown_only
