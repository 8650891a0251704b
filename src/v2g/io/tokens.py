"""Secrets that stand in files: tokens of the local API and the password of its broker."""

import stat
from collections.abc import Sequence
from pathlib import Path

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.station.config.settings import ApiToken

LEAST = 16
"""Characters of a token: nobody guesses it."""
LONGEST = 512


def read_secret(file: Path, least: int | None = None) -> str:
    """What the file holds, without spaces around it. Raises `V2GError` with the remedy; also if others may read it.

    `least`: characters that it must have; those of a token if left out."""
    least = LEAST if least is None else least
    try:
        secret, mode = regular_file.read_text(file).strip(), file.stat().st_mode
    except OSError as error:
        raise V2GError(f"{file}: {error.strerror}; `openssl rand -hex 24` makes a token") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise V2GError(f"{file}: every user of this machine may read it; chmod 640 {file}")
    if not least <= len(secret) <= LONGEST or not secret.isprintable() or not secret.isascii():
        raise V2GError(f"{file}: must hold {least} to {LONGEST} printable characters; `openssl rand -hex 24`")
    return secret


def read_tokens(tokens: Sequence[ApiToken]) -> tuple[dict[str, ApiToken], list[str]]:
    """The tokens by their secret, and what is wrong with the others: one cannot be read, or is the same as another, so
    that nobody could say whose rights count."""
    found, wrong = dict[str, ApiToken](), list[str]()
    for index, token in enumerate(tokens):
        try:
            first = found.setdefault(read_secret(token.file), token)
        except V2GError as error:
            wrong.append(f"tokens[{index}].file: {error}")
            continue
        if first is not token:
            remedy = "make another with `openssl rand -hex 24`"
            wrong.append(f"tokens[{index}].file: {token.file} holds the token of {first.name} too; {remedy}")
    return found, wrong
