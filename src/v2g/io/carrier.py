"""What carries OCPP frames between a station and its back end: where the back end is, how the station proves who it is,
when to try again. `websocket.py` and `mqtt.py` are the carriers, `back_end.py` chooses.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from secrets import randbelow
from typing import Protocol

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

LARGEST_BYTES = 1 << 20
"""Of a frame."""
OPEN_S = 20.0
SEND_S = 60.0
"""For one frame: the largest takes half of it on a link of 300 kbit/s."""
PING_S = 10.0
"""Below the time after which a back end that is gone must be noticed (Q11)."""
SUITES = ":".join(f"ECDHE-{key}-AES{bits}" for key in ("ECDSA", "RSA") for bits in ("128-GCM-SHA256", "256-GCM-SHA384"))
"""Of TLS 1.2 (A00.FR.319); those of TLS 1.3 are on by themselves."""


class BackEndError(V2GError):
    """The back end cannot be reached or does not accept the station. Names the place and the remedy."""

    def __init__(self, text: str, cause: BaseException | None = None) -> None:
        """`cause`: what happened, if that may concern security."""
        super().__init__(text)
        self.event = "" if cause is None else security_event(cause)
        """The security event that this is (A04); empty if it is none."""


def security_event(error: BaseException) -> str:
    """The name of the security event behind a failed connection; empty if it is none."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "InvalidCsmsCertificate"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if "PROTOCOL" in reason:
            return "InvalidTLSVersion"
        return "InvalidTLSCipherSuite" if "HANDSHAKE_FAILURE" in reason or "CIPHER" in reason else ""
    return "FailedToAuthenticateAtCsms" if "HTTP 401" in str(error) else ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the back end is, and how the station proves who it is (security profile 1, 2 or 3)."""

    url: str
    identity: str
    profile: int
    password: str | None = None
    roots: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None


class BackOff:
    """How long to wait before the next attempt: doubled a few times, with a random part; from the start on success."""

    def __init__(self) -> None:
        self._waited_s: float | None = None
        self._done = 0

    def next_s(self, least_s: float, random_s: int, doublings: int) -> float:
        """The next wait (RetryBackOffWaitMinimum, RetryBackOffRandomRange, RetryBackOffRepeatTimes)."""
        if self._waited_s is None:
            self._waited_s = least_s + randbelow(random_s + 1)
        elif self._done < doublings:
            self._done += 1
            self._waited_s = 2 * self._waited_s + randbelow(random_s + 1)
        return self._waited_s

    def succeeded(self) -> None:
        """Connected: begin with the shortest wait next time."""
        self._waited_s, self._done = None, 0


class Link(Protocol):
    """One open connection. Obligations: frames arrive whole and in order; a frame that a carrier delivers twice is the
    concern of `Rpc`; when the peer is gone, or cannot be reached any more, both methods raise `BackEndError`."""

    subprotocol: str
    """What was agreed on, such as `ocpp2.1`."""

    async def receive(self) -> str | bytes:
        """The next frame. Raises `BackEndError` when the connection is gone."""
        ...

    async def send(self, frame: str) -> None:
        """Send a frame. Raises `BackEndError` when the connection is gone."""
        ...

    async def close(self) -> None:
        """Close it in order; returns when that is done or cannot be."""
        ...


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS 1.2 or better, the roots of the configuration only. Raises `BackEndError`, which names the file."""
    named = [each for each in (endpoint.roots, endpoint.certificate, endpoint.private_key) if each is not None]
    try:
        for each in named:
            regular_file.check(each)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(SUITES)
        if endpoint.roots is not None:
            context.load_verify_locations(endpoint.roots)
        if endpoint.certificate is not None and endpoint.profile == 3:
            context.load_cert_chain(endpoint.certificate, endpoint.private_key)
    except (OSError, ssl.SSLError) as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else f"{', '.join(map(str, named))}: {error}"
        raise BackEndError(f"{reason}; name PEM files under ocpp") from error
    return context
