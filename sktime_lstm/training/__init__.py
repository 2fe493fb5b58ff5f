"""From a panel to a fitted model: sizes, training loop, held-out windows, pretraining."""
