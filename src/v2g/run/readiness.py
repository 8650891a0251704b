"""Whether this machine has what a configuration names: the daemon would refuse to start without it, or to end."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import inf
from pathlib import Path

from v2g.io.configuration import load
from v2g.io.discovery import link_local
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Bucket
from v2g.station.config.reader import ConfigurationError
from v2g.station.config.settings import Settings

LOOKS_S = 2.0
"""Between two looks of a running daemon whether the next one would start."""
ASKS_PER_S, ASKS_BURST = 1.0, 10.0
"""How often who asks for a restart has them looked at besides: that takes some milliseconds of the cars' time."""


class NotReady(V2GError):
    """Each finding in a line of its own: the place in the file, what is wrong, and the remedy."""


def check(settings: Settings, source: Path) -> None:
    """Raises `NotReady` with all findings: Python packages, interfaces, the right to use the power line, files and
    their directories, what the back end demands."""
    found = [
        f"{source}: {each}"
        for each in (
            *_packages(settings),
            *_interfaces(settings),
            *_files(settings),
            *_back_end(settings),
            *_local_api(settings),
        )
    ]
    if found:
        raise NotReady("\n".join(found))


class NextProcess:
    """Whether the process after a running daemon would start with the files as they are by then."""

    def __init__(self, file: Path | None, *, tls: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`file`: of the configuration; None: there is none, and nothing to look at."""
        self._file, self._tls, self._looks_at_s = file, tls, -inf
        self._clock, self._asks = clock, Bucket(clock(), ASKS_PER_S, ASKS_BURST)
        self._unfit: V2GError | None = None

    @property
    def latest(self) -> str:
        """What `why_not` has found last."""
        return "" if self._unfit is None else str(self._unfit)

    def why_not(self) -> str:
        """Why it would not; empty if it would. A reason holds for `LOOKS_S`; that there was none is no reason to end a
        process now, so it is looked at again, unless somebody asks on and on."""
        now = self._clock()
        if now >= self._looks_at_s or (self._unfit is None and self._asks.take(now)):
            self._look()
        return self.latest

    def check_named_files(self) -> None:
        """Raises `V2GError` if a file that the configuration names is missing or unfit, such as a certificate. The
        configuration itself is judged by the version that asks for a restart: it may be the next one.

        A person who has just mended it is not answered by what was; whoever asks on and on is."""
        if self._asks.take(self._clock()):
            self._look()
        if self._unfit is not None and not isinstance(self._unfit, ConfigurationError):
            remedy = "the daemon runs on, and would not start with this; mend it, or `v2g restart --force`"
            raise V2GError(f"{self._unfit}\n{remedy}")

    def _look(self) -> None:
        self._looks_at_s, self._unfit = self._clock() + LOOKS_S, None
        try:
            if self._file is not None:
                _check_again(self._file, tls=self._tls)
        except V2GError as error:
            self._unfit = error


def _check_again(file: Path, *, tls: bool) -> None:
    """Quick, for a running daemon.

    Raises `ConfigurationError` for the file itself, another `V2GError` for what it names. A key on a token is not
    looked at, which takes long, nor are interfaces: this daemon uses them.
    """
    settings = load(file).settings
    found = [f"{file}: {each}" for each in (*_packages(settings), *_files(settings), *_back_end(settings))]
    if found:
        raise NotReady("\n".join(found))
    if settings.tariff is not None:
        from v2g.run.tariff import FileTariff

        FileTariff(settings.tariff)
    if tls and settings.tls.key_uri is None:
        from v2g.run.credentials import check_own

        check_own(settings.tls)


def _packages(settings: Settings) -> Iterator[str]:
    if settings.metrics is not None and find_spec("prometheus_client") is None:
        yield "metrics: needs the Python package prometheus-client; pip install 'v2g[metrics]'"
    if settings.telemetry is not None and not all(map(find_spec, ("opentelemetry", "prometheus_client"))):
        yield "telemetry: needs Python packages of OpenTelemetry; pip install 'v2g[otel]'"
    if (api := settings.local_api) is not None:
        needed = {"starlette": api.listen, "uvicorn": api.listen, "paho": api.mqtt}
        missing = [name for name, wanted in needed.items() if wanted is not None and find_spec(name) is None]
        if missing:
            yield f"local_api: needs the Python package {' and '.join(missing)}; pip install 'v2g[api]'"
    if settings.ocpp is None:
        return
    urls = [settings.ocpp.url, *(each.url for each in settings.ocpp.fallbacks)]
    for schemes, module, extra in ((("ws", "wss"), "websockets", "ocpp"), (("mqtt", "mqtts"), "paho", "mqtt")):
        if any(url.partition(":")[0] in schemes for url in urls) and find_spec(module) is None:
            yield f"ocpp: needs the Python package {module}; pip install 'v2g[{extra}]'"


def _interfaces(settings: Settings) -> Iterator[str]:
    there = [name for _, name in socket.if_nameindex()]
    for index, evse in enumerate(settings.evses):
        if evse.interface is None:
            continue
        place = f"evses[{index}].interface"
        if evse.interface not in there:
            yield f"{place}: there is no network interface {evse.interface}; there are {', '.join(there)}"
            continue
        try:
            asyncio.run(link_local(evse.interface))
        except V2GError as error:
            yield f"{place}: {error}"
        if evse.plc is not None and not _may_send_frames():
            remedy = "run the daemon with CAP_NET_RAW (`v2g config example service` says how)"
            yield f"evses[{index}].plc: this user may not send frames; {remedy}"


def _may_send_frames() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


def _files(settings: Settings) -> Iterator[str]:
    store = None if settings.ocpp is None else settings.ocpp.store
    written = {
        "trace.file": settings.trace.file,
        "kept": settings.kept,
        "tls.key_log": settings.tls.key_log,
        "ocpp.store": store,
    }
    roots = None if settings.telemetry is None else settings.telemetry.roots
    if roots is not None and not os.access(roots, os.R_OK):
        yield f"telemetry.roots: this user cannot read {roots}; put it there, or let it"
    for place, file in written.items():
        if file is None:
            continue
        if (refusing := _refusing(file)) is not None:
            yield f"{place}: this user may not write to {refusing}; let it, or name another file"
        elif file.exists() and not file.is_file():
            yield f"{place}: {file} is no file; name one"
    if (refusing := _refusing(settings.control.socket)) is not None:
        yield f"control.socket: this user may not write to {refusing}; let it, or name another socket"


def _back_end(settings: Settings) -> Iterator[str]:
    if settings.ocpp is None:
        return
    from v2g.io.carrier import tls_context
    from v2g.run.back_end import configured  # only if there is a back end

    try:
        for endpoint in configured(settings.ocpp):
            if endpoint.url.startswith(("wss:", "mqtts:")):
                tls_context(endpoint)
    except V2GError as error:
        yield f"ocpp: {error}"


def _local_api(settings: Settings) -> Iterator[str]:
    if settings.local_api is None:
        return
    from v2g.io.tokens import read_secret, read_tokens

    api, broker = settings.local_api, settings.local_api.mqtt
    yield from (f"local_api.{each}" for each in read_tokens(api.tokens)[1])
    if broker is not None and broker.password_file is not None:
        try:
            read_secret(broker.password_file, least=1)
        except V2GError as error:
            yield f"local_api.mqtt.password_file: {error}"
    others = [settings.local_api.certificate, settings.local_api.private_key, None if broker is None else broker.roots]
    for file in filter(None, others):
        if not os.access(file, os.R_OK):
            yield f"local_api: this user cannot read {file}; put it there, or let it"


def _refusing(file: Path) -> Path | None:
    """What keeps this user from making or writing the file. A directory that is missing may be made at the start."""
    try:
        if file.exists():
            return None if os.access(file, os.W_OK) else file
        parent = file.parent
        return parent if parent.exists() and not os.access(parent, os.W_OK | os.X_OK) else None
    except PermissionError:  # of a directory above
        return file
