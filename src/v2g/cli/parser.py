"""The parser of every command: its errors look like all others."""

from argparse import ArgumentParser
from typing import NoReturn

from v2g.kernel.errors import V2GError


class UsageError(V2GError):
    """The words of the command line do not fit together."""


class Parser(ArgumentParser):
    """An `ArgumentParser` that raises `UsageError`."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")
