"""A fitted model and its forecasts: preprocessing, rollout, prediction intervals."""
