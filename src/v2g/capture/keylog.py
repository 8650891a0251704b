"""Secrets of TLS connections in the format of SSLKEYLOGFILE: `LABEL client_random secret`, in hexadecimal."""

import re

_LINE = re.compile(rb"([A-Z][A-Z0-9_]+) ([0-9A-Fa-f]{64}) ((?:[0-9A-Fa-f]{2}){16,64})")


class KeyLog:
    """The secrets known so far."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, bytes], bytes] = {}

    def __len__(self) -> int:
        return len(self._secrets)

    def add(self, lines: bytes) -> bool:
        """Take the secrets out of some lines; whatever else they hold is passed over. Returns whether any were new."""
        before = len(self._secrets)
        for label, client_random, secret in _LINE.findall(lines):
            key = label.decode(), bytes.fromhex(client_random.decode())
            self._secrets[key] = bytes.fromhex(secret.decode())
        return len(self._secrets) > before

    def get(self, label: str, client_random: bytes) -> bytes | None:
        """The secret of this kind of the connection that began with this client random."""
        return self._secrets.get((label, client_random))
