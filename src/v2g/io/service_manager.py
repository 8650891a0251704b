"""What a service reports to systemd by datagrams (sd_notify): that it is ready, how it is, that it is alive.

https://www.freedesktop.org/software/systemd/man/sd_notify.html: lines of `NAME=VALUE` to the socket that
NOTIFY_SOCKET names, which is in the file system or, beginning with `@`, abstract.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class ServiceManager:
    """Where nobody listens, nothing is sent: the process then runs without a supervisor that asks."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period_us = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(period_us) / 1e6 if meant and period_us.isdecimal() and int(period_us) else None
        """How soon after the last sign of life the process is killed; None: never."""

    @property
    def listens(self) -> bool:
        """Whether somebody wants to know."""
        return bool(self._address)

    def say(self, **fields: str | int) -> None:
        """Send the fields, with names in upper case: `say(ready=1, status="serving 1 EVSE")`.

        A manager that takes no more is no reason to stop.
        """
        if not self._address:
            return
        text = "\n".join(f"{name.upper()}={str(value).replace(chr(10), ' ')}" for name, value in fields.items())
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as opened:
            opened.sendto(text.encode(), self._address)
