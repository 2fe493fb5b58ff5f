"""What is known before training: naive forecasts, how wrong each has been, and the linear effect of covariates."""
