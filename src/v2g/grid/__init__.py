"""Grid codes: what the grid requires of a station that feeds it, as settings, protection and grid support.

Pure: time and measurements are arguments. Positive power charges the vehicle, reactive power is positive as drawn by an
inductive load. The codes in `codes/*.toml` keep the standards' own sign (positive is fed into the grid) where they
state reactive power; the functions convert it.
"""
