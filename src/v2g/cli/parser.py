"""The parser of every command: its errors look like all others."""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NoReturn

from v2g.kernel.errors import V2GError


class UsageError(V2GError):
    """The words of the command line do not fit together."""


class Parser(ArgumentParser):
    """An `ArgumentParser` that raises `UsageError`, and takes `--setpoint -8000@3` as it takes `--setpoint -8000`."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """No option begins with a digit: `-8000@3` after one is its value."""
        words: list[str] = []
        for word in sys.argv[1:] if args is None else args:
            if re.match(r"-\d", word) and words and re.fullmatch(r"--[a-z-]+", words[-1]) and not _is_number(word):
                words[-1] += f"={word}"
            else:
                words.append(word)
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")


def _is_number(word: str) -> bool:
    """Whether `argparse` itself knows a negative number in it."""
    return re.fullmatch(r"-\d+|-\d*\.\d+", word) is not None
