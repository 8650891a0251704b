"""Secrets that stand in files: tokens of the local API and the password of its broker."""

import stat
from pathlib import Path

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

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
