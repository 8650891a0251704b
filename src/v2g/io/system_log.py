"""The system's journal, or syslog if there is none: each line with its priority, and fields to search by.

A datagram in the journal's own form (systemd, JOURNAL_NATIVE_PROTOCOL) or that of RFC 3164. It never waits and never
raises: what the system cannot take is lost there, and stands in the session trace all the same.
"""

import os
import re
import socket
from contextlib import suppress
from pathlib import Path

JOURNAL, SYSLOG = Path("/run/systemd/journal/socket"), Path("/dev/log")
PRIORITIES = {"ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}
"""Of syslog(3), by the levels of the trace."""
NAME = "v2g"
LONGEST = 8192
"""Octets of a text; the journal would need a file for a much longer one."""
_DAEMON = 3 << 3
_CODE = re.compile(r"0x[0-9A-F]{2}(?= )", re.ASCII)


class SystemLog:
    """Where warnings and faults go besides the trace."""

    def __init__(self, least: str = "warning", journal: Path = JOURNAL, syslog: Path = SYSLOG) -> None:
        """`least`: `info`, `warning`, or `never`."""
        self._most = PRIORITIES.get(least.upper(), -1)
        self._journal, self._syslog = journal, syslog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._most >= 0 else None
        if self._socket is not None:
            self._socket.setblocking(False)

    def write(self, level: str, evse: str, session: str, text: str) -> None:
        """One line of the trace; its text has no control characters."""
        priority = PRIORITIES[level]
        if self._socket is None or priority > self._most:
            return
        text = text.encode()[:LONGEST].decode(errors="ignore")
        fields = {
            "MESSAGE": f"evse={evse} session={session} {level} {text}",
            "PRIORITY": str(priority),
            "SYSLOG_IDENTIFIER": NAME,
            "V2G_EVSE": evse,
            "V2G_SESSION": session,
        }
        if found := _CODE.match(text):
            fields["V2G_FAULT"] = found[0]
        with suppress(OSError):
            self._socket.sendto(
                "".join(f"{name}={value}\n" for name, value in fields.items()).encode(), str(self._journal)
            )
            return
        with suppress(OSError):
            line = f"<{_DAEMON | priority}>{NAME}[{os.getpid()}]: {fields['MESSAGE']}"
            self._socket.sendto(line.encode(), str(self._syslog))

    def close(self) -> None:
        """Give the socket up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
