"""Times that a clock on the wall knows, in seconds."""

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
