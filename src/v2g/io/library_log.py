"""What a library warns of, in the log of the process: each text once."""

import logging
from collections.abc import Callable

MOST = 200
"""Different texts; more than that are a flood, and left out."""


class _Once(logging.Handler):
    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._report, self._said = report, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._said and len(self._said) < MOST:
            self._said.add(text)
            self._report(f"{record.name.partition('.')[0]}: {text}")


def follow(library: str, report: Callable[[str], None]) -> None:
    """From now on its warnings go to `report`, and nowhere else."""
    logger = logging.getLogger(library)
    logger.handlers, logger.propagate = [_Once(report)], False
