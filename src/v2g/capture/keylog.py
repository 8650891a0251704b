"""Secrets of TLS connections in the format of SSLKEYLOGFILE: `LABEL client_random secret`, in hexadecimal."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from itertools import islice

_LINE = re.compile(rb"([A-Z][A-Z0-9_]+) ([0-9A-Fa-f]{64}) ((?:[0-9A-Fa-f]{2}){16,64})")


MOST_SECRETS = 10_000
"""Secrets that are kept; more than any bench makes in a day."""
MOST_TRIED = 64
"""Connections whose secrets are tried if it is not known which one this is."""


class KeyLog:
    """The secrets known so far."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, bytes], bytes] = {}
        self.tries = 0
        """How many of them, and of record numbers, were tried in vain."""

    def __len__(self) -> int:
        return len(self._secrets)

    def add(self, lines: bytes) -> bool:
        """Take the secrets out of some lines; whatever else they hold is passed over. Returns whether any were new.

        UTF-16 is read too: PowerShell writes it when output is redirected to a file."""
        before = len(self._secrets)
        if before >= MOST_SECRETS:
            return False
        for label, client_random, secret in _LINE.findall(_ascii(lines)):
            key = label.decode(), bytes.fromhex(client_random.decode())
            self._secrets[key] = bytes.fromhex(secret.decode())
        return len(self._secrets) > before

    def get(self, label: str, client_random: bytes) -> bytes | None:
        """The secret of this kind of the connection that began with this client random."""
        return self._secrets.get((label, client_random))

    def client_randoms(self, label: str) -> Iterator[bytes]:
        """The client randoms of the connections with a secret of this kind, the latest first."""
        found = (client_random for known, client_random in reversed(self._secrets) if known == label)
        return islice(found, MOST_TRIED)


def _ascii(lines: bytes) -> bytes:
    """The lines without the zeros that UTF-16 puts beside each character."""
    if lines.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or 2 * lines.count(0) >= len(lines) - 2 > 0:
        return lines.replace(b"\0", b"")
    return lines
