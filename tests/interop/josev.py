"""Josev (PyPI `iso15118`), the independent peer: its installation, its car and its station.

Josev lives in an environment of its own below `.cache/josev`, made on first use: nothing of it is a dependency of ours.
Its EXI codec is a Java program, so it needs a Java runtime; its certificates are made by the script it ships.
"""

import datetime
import fcntl
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.interop.process import Process

from v2g.bench.sim.netns import End

VERSION = "0.31.2"
#: Josev's own metadata forgets aiofile.
PACKAGES = (f"iso15118=={VERSION}", "aiofile==3.8.8")
#: Josev's station certificate is valid for 60 days.
MAXIMUM_AGE = datetime.timedelta(days=30)
START_S = 30.0
CAR = Path(__file__).with_name("josev_car.py")
STATION = Path(__file__).with_name("josev_station.py")

Service = Literal["DC", "DC_BPT", "AC", "AC_BPT"]
Mode = Literal["scheduled", "dynamic"]
SERVICES: tuple[Service, ...] = ("DC", "DC_BPT", "AC", "AC_BPT")

#: V2GTP payload types by Josev's names of the EXI grammars.
PAYLOAD_TYPES = {"SAP": 0x8001, "ISO_V20_COMMON_MSG": 0x8002, "ISO_V20_AC": 0x8003, "ISO_V20_DC": 0x8004}


class UnavailableError(Exception):
    """Josev cannot be installed or run here; the text says why."""


@dataclass(frozen=True)
class Message:
    """One message of a session: `direction` is "request" or "response", `t_s` counts from the first message."""

    direction: str
    payload_type: int
    exi: bytes
    t_s: float

    def json(self) -> str:
        return json.dumps(
            {
                "direction": self.direction,
                "payload_type": self.payload_type,
                "exi": self.exi.hex(),
                "t_s": round(self.t_s, 3),
            }
        )


@dataclass(frozen=True)
class Verdict:
    """What Josev's log says about a session."""

    completed: bool
    sent: tuple[str, ...]
    received: tuple[str, ...]
    reason: str | None
    first_error: str | None
    messages: tuple[Message, ...]

    def __str__(self) -> str:
        return (
            f"{'reached SessionStop' if self.completed else 'did not reach SessionStop'}; "
            f"last sent {self.sent[-1] if self.sent else None}, "
            f"last received {self.received[-1] if self.received else None}; "
            f"reason: {self.reason}; first error: {self.first_error}"
        )


@dataclass(frozen=True)
class Josev:
    """An installed Josev."""

    home: Path

    @property
    def python(self) -> Path:
        return self.home / "venv/bin/python"

    @property
    def pki(self) -> Path:
        """Josev's certificates (P-256) and keys, unencrypted, under the file names of `v2g pki`."""
        return self.home / "pki-v2g"

    @contextmanager
    def car(
        self,
        end: End,
        service: Service,
        *,
        tls: bool,
        mode: Mode = "scheduled",
        loops: int = 3,
        battery_v: float | None = 400.0,
        looks: int = 60,
        verbose: bool = True,
        protocols: Sequence[str] = (),
    ) -> Iterator["Peer"]:
        """Josev's car, searching for a station at once (50 times within 12.5 s).

        Args:
            end: where the car is plugged in.
            mode: the control mode it selects, provided the station offers it.
            loops: charge-loop requests after the first one.
            battery_v: the battery voltage it reports and asks for; None leaves everything as Josev ships it, which
                is 20 kV in every DC message and the first parameter set whatever its mode.
            looks: how often it looks at the pre-charge voltage of the station before it goes on regardless.
            verbose: logs the octets of every message; without, its verdict holds no messages.
            protocols: those it offers, by Josev's names; the one of the service in ISO 15118-20 if left out.
        """
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder)
            configuration = {
                "supportedProtocols": list(protocols) or [_protocol(service)],
                "energyTransferMode": "DC_extended" if service.startswith("DC") else "AC_three_phase_core",
                "supportedEnergyServices": [service],
                "useTls": tls,
                "enforceTls": tls,
                "sdpRetryCycles": 1,
                "chargeLoopCycle": loops,
                "chargeLoopDelay": 0,
            }
            (directory / "evcc.json").write_text(json.dumps(configuration), encoding="utf-8")
            if battery_v is None:
                program = ["-m", "iso15118.evcc.main", "evcc.json"]
            else:
                program = [str(CAR), "evcc.json", mode, str(battery_v), str(looks)]
            with self._run(end, directory, tls, program, verbose, _older(*protocols)) as process:
                yield Peer(process, "SessionStopRes received", "request")

    @contextmanager
    def station(
        self,
        end: End,
        service: Service,
        *,
        tls: bool,
        authorization: str = "EIM",
        certificates: bool = True,
        verbose: bool = True,
        protocol: str = "",
    ) -> Iterator["Peer"]:
        """Josev's station, ready for a car.

        Args:
            end: where it runs.
            service: decides on the protocol; both services of the protocol are offered.
            tls: asks for TLS.
            authorization: what it offers, "EIM" or "EIM,PNC".
            certificates: without, it serves plain TCP although TLS is asked for, and says so in discovery.
            verbose: logs the octets of every message; without, its verdict holds no messages.
            protocol: by Josev's name, with an output that a battery fits; that of ISO 15118-20 if left out.

        Raises:
            UnavailableError: it did not start.
        """
        environment = {
            "PROTOCOLS": protocol or _protocol(service),
            "AUTH_MODES": authorization,
            "SECC_ENFORCE_TLS": str(tls),
            "FREE_CHARGING_SERVICE": "False",
            **_older(protocol),
        }
        program = [str(STATION)] if protocol else ["-m", "iso15118.secc.main"]
        if not certificates:
            environment["PKI_PATH"] = "/nonexistent/"
        with (
            tempfile.TemporaryDirectory() as folder,
            self._run(end, Path(folder), tls, program, verbose, environment) as process,
        ):
            if process.wait_for("UDP server started", START_S) is None:
                raise UnavailableError(f"Josev's station did not start:\n{process.output}")
            yield Peer(process, "Sent SessionStopRes", "response")

    def _run(
        self,
        end: End,
        directory: Path,
        tls: bool,
        program: list[str],
        verbose: bool,
        environment: dict[str, str] | None = None,
    ) -> Process:
        # Josev reads .env of its working directory; an empty one keeps it from reading anybody else's.
        (directory / ".env").touch()
        return Process(
            end.command(str(self.python), *program),
            {
                "NETWORK_INTERFACE": end.interface,
                "ENABLE_TLS_1_3": str(tls),
                "PKI_PATH": f"{self.home / 'pki'}/",
                "LOG_LEVEL": "DEBUG" if verbose else "INFO",
                "MESSAGE_LOG_JSON": str(verbose),
                "MESSAGE_LOG_EXI": str(verbose),
                **(environment or {}),
            },
            directory,
        )


@dataclass(frozen=True)
class Peer:
    """A running car or station of Josev."""

    process: Process
    _last_line: str
    _sends: str

    def wait(self, timeout: float) -> Verdict:
        """Waits (s) until the session has ended, in whatever way, and judges it."""
        self.process.wait_for(f"{self._last_line}|Reason: |SDPRequest was not successful|SDP retry cycles", timeout)
        return self.verdict()

    def verdict(self) -> Verdict:
        return judge(self.process.output, self._last_line, self._sends)


def judge(log: str, last_line: str, sends: str) -> Verdict:
    """Reads a log of Josev.

    Args:
        log: its output at level DEBUG with JSON and EXI logging.
        last_line: what it logs when SessionStop has been exchanged.
        sends: the direction of the messages it sends, "request" (a car) or "response".
    """
    receives = "response" if sends == "request" else "request"
    sent: list[str] = []
    received: list[str] = []
    messages: list[Message] = []
    errors: list[str] = []
    reason = None
    grammar = exi = ""
    start: datetime.datetime | None = None
    for line in log.splitlines():
        if found := re.search(r"Message to encode \(ns=Namespace\.(\w+)\)", line):
            grammar = found[1]
        elif found := re.search(r"EXI-encoded message: ([0-9a-f]+)", line):
            exi = found[1]
        elif found := re.search(r"EXI-encoded message \(ns=Namespace\.(\w+)\): ([0-9a-f]+)", line):
            grammar, exi = found[1], found[2]
        elif found := re.search(r"comm_session \(\d+\): (?:Sent (\w+)|(\w+) received)", line):
            now = _time(line)
            start = start or now
            direction = sends if found[1] else receives
            (sent if found[1] else received).append(found[1] or found[2])
            if grammar in PAYLOAD_TYPES:
                t_s = (now - start).total_seconds()
                messages.append(Message(direction, PAYLOAD_TYPES[grammar], bytes.fromhex(exi), t_s))
        elif found := re.search(r"Reason: (.*)", line):
            reason = found[1][:300]
        elif re.match(r"ERROR|CRITICAL|\w*(Error|Exception)\b", line):
            errors.append(line[:300])
    return Verdict(
        completed=re.search(last_line, log) is not None,
        sent=tuple(sent),
        received=tuple(received),
        reason=reason,
        first_error=errors[0] if errors else None,
        messages=tuple(messages),
    )


def _time(line: str) -> datetime.datetime:
    found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", line)
    assert found is not None, line
    return datetime.datetime.strptime(found[0], "%Y-%m-%d %H:%M:%S,%f")


def _older(*protocols: str) -> dict[str, str]:
    """ISO 15118-2 has TLS 1.2, in which a car shows no certificate."""
    return {"ENABLE_TLS_1_3": "False"} if protocols == ("ISO_15118_2",) else {}


def _protocol(service: Service) -> str:
    return f"ISO_15118_20_{service[:2]}"


def install(cache: Path) -> Josev:
    """Josev below `cache`, installed unless it is there already and fresh.

    Raises:
        UnavailableError: no Java, no openssl, or the package registry cannot be reached.
    """
    for tool in ("java", "openssl", "bash"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"Josev needs {tool}, which is not installed")
    cache = cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "josev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        josev = Josev(cache / "josev")
        if not _is_fresh(josev):
            shutil.rmtree(josev.home, ignore_errors=True)
            josev.home.mkdir()
            _install(josev)
            _stamp(josev).write_text(_version(), encoding="utf-8")
        return josev


def _version() -> str:
    return f"3: {' '.join(PACKAGES)} Python {sys.version_info.major}.{sys.version_info.minor}"


def _stamp(josev: Josev) -> Path:
    return josev.home / "stamp"


def _is_fresh(josev: Josev) -> bool:
    stamp = _stamp(josev)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != _version():
        return False
    made = datetime.datetime.fromtimestamp(stamp.stat().st_mtime, datetime.UTC)
    return datetime.datetime.now(datetime.UTC) - made < MAXIMUM_AGE


def _install(josev: Josev) -> None:
    _run([sys.executable, "-m", "venv", str(josev.home / "venv")])
    _run([str(josev.python), "-m", "pip", "install", "--quiet", *PACKAGES])
    where = "import iso15118, pathlib; print(pathlib.Path(iso15118.__file__).parent)"
    package = Path(_run([str(josev.python), "-c", where]).strip())
    shutil.copytree(package / "shared/pki", josev.home / "pki")
    _run(["bash", "create_certs.sh", "-v", "iso-2"], josev.home / "pki")
    _translate(josev.home / "pki/iso15118_2", josev.pki)


#: Our file names and the files of Josev that they hold.
CERTIFICATES = {
    "v2g_root": ("v2gRootCACert",),
    "secc_cert": ("seccLeafCert",),
    "cpo_chain": ("cpoSubCA2Cert", "cpoSubCA1Cert"),
    "oem_root": ("oemRootCACert",),
    "vehicle_cert": ("oemLeafCert",),
    "oem_chain": ("oemSubCA2Cert", "oemSubCA1Cert"),
    "oem_prov_cert": ("oemLeafCert",),
    "mo_root": ("moRootCACert",),
    "contract_cert": ("contractLeafCert",),
    "mo_chain": ("moSubCA2Cert", "moSubCA1Cert"),
}
KEYS = {"secc_key": "seccLeaf", "vehicle_key": "oemLeaf", "oem_prov_key": "oemLeaf", "contract_key": "contractLeaf"}


def _translate(theirs: Path, ours: Path) -> None:
    ours.mkdir()
    for name, stems in CERTIFICATES.items():
        text = "".join((theirs / f"certs/{stem}.pem").read_text(encoding="ascii") for stem in stems)
        (ours / f"{name}.pem").write_text(text, encoding="ascii")
    for name, stem in KEYS.items():
        encrypted, password = (theirs / "private_keys" / file for file in (f"{stem}.key", f"{stem}Password.txt"))
        plain = ours / f"{name}.pem"
        _run(["openssl", "pkey", "-in", str(encrypted), "-passin", f"file:{password}", "-out", str(plain)])


def _run(command: list[str], directory: Path | None = None) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
