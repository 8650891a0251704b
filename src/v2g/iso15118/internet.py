"""The internet service of ISO 15118-2 (Table 107) and ISO 15118-20: the parameter sets of both are the same."""

PARAMETER_SETS = {1: ("ftp", 20), 2: ("ftp", 21), 3: ("http", 80), 4: ("https", 443)}
"""By number: protocol and port."""
