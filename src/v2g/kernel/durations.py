"""Times that a clock on the wall knows, in seconds, and the years that somebody may mean."""

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
YEARS = range(1970, 2100)
