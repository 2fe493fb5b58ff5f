"""From pandas to windows: the time axis, the panel, the horizon, the season, scales and windows."""
