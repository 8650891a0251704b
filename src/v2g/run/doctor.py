"""What a technician would look at first on a machine with a station: findings, each with its remedy (`v2g doctor`).

Nothing is changed. What cannot be looked at is a finding too, and never counts as good.
"""

import ctypes
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from v2g.kernel.errors import V2GError
from v2g.pilot.state import DUTY_TOLERANCE
from v2g.station.config.settings import EvseSettings, Settings

OLDEST_KERNEL = (5, 10)
LEAST_FREE_B = 200 << 20
"""On a disk that the station writes to."""
DIFFERS_W, DIFFERS = 500.0, 0.1
"""Between meter and inverter, whose losses lie between them."""
_UNSYNCHRONISED = 5
"""adjtimex(2): TIME_ERROR."""
_ERROR = 3
"""Kernel messages of this priority and more urgent ones (syslog(2))."""
_HARDWARE = re.compile(
    r"qca|spi\d|i2c|mmc|nvme|EXT4-fs error|I/O error|remount.*read-only|[Uu]nder-?voltage|thermal|throttl|Out of memory"
    r"|hung task|rcu.*stall|NETDEV WATCHDOG|link is down|ttyUSB|can\d"
)


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    """Not known, or as one may want it."""
    WARNING = "warning"
    """It works, and will not for ever, or not well."""
    FAULT = "fault"
    """No car can be served, or not safely."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and what to do about it."""

    subject: str
    level: Level
    text: str
    remedy: str = ""

    @classmethod
    def of(cls, subject: str, level: Level, message: str, remedy: str = "") -> "Finding":
        """A message that has its remedy after the first semicolon, as that of a `V2GError`; otherwise `remedy`."""
        text, _, stated = message.partition("; ")
        return cls(subject, level, text, stated or remedy)


def kernel(root: Path) -> Iterator[Finding]:
    """`root`: the directory above proc and sys."""
    release = _read(root / "proc/sys/kernel/osrelease")
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None:
        yield Finding("kernel", Level.NOTE, "its release cannot be read", "look at `uname -r`")
        return
    real_time = _read(root / "sys/kernel/realtime") == "1" or "PREEMPT_RT" in _read(root / "proc/sys/kernel/version")
    text = f"{release}, {'with' if real_time else 'without'} PREEMPT_RT"
    if (int(found[1]), int(found[2])) < OLDEST_KERNEL:
        yield Finding("kernel", Level.WARNING, text, "install 5.10 or newer: older ones are not tried")
    else:
        yield Finding("kernel", Level.GOOD, text)


def scheduling(root: Path, pid: int | None) -> Iterator[Finding]:
    """Of the daemon, if it runs."""
    if pid is None:
        return
    fields = _read(root / f"proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 39:
        yield Finding("scheduling", Level.NOTE, f"that of process {pid} cannot be read", f"look at `chrt -p {pid}`")
        return
    priority, policy = int(fields[37]), int(fields[38])
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        name = "SCHED_FIFO" if policy == os.SCHED_FIFO else "SCHED_RR"
        yield Finding("scheduling", Level.GOOD, f"{name}, priority {priority}")
        if _read(root / "proc/sys/kernel/sched_rt_runtime_us") == "-1":
            remedy = "set kernel.sched_rt_runtime_us to 950000: a runaway process would freeze the machine"
            yield Finding("scheduling", Level.WARNING, "real-time processes may take all of a processor", remedy)
    else:
        remedy = (
            "on a machine that does other work: CPUSchedulingPolicy=fifo in the unit (`v2g config example service`)"
        )
        yield Finding("scheduling", Level.NOTE, "not real-time", remedy)


def interface(evse: EvseSettings) -> Iterator[Finding]:
    """Interface and modem of an EVSE."""
    from v2g.io.plc import PlcError, find_modem
    from v2g.io.plc_interface import driver, has_carrier, is_up

    name, subject = evse.interface, f"EVSE {evse.id} interface"
    if name is None:
        yield Finding(subject, Level.NOTE, "none: cars are given the station's address", "name one for discovery")
        return
    try:
        if not is_up(name):
            yield Finding(subject, Level.FAULT, f"{name} is down", f"`ip link set {name} up`, or `v2g plc init {name}`")
            return
    except V2GError as error:
        yield Finding(subject, Level.FAULT, str(error), "name the modem's interface in the configuration")
        return
    text = f"{name} is up, driver {driver(name) or 'none (virtual)'}"
    if has_carrier(name):
        yield Finding(subject, Level.GOOD, text)
    else:
        yield Finding(subject, Level.FAULT, f"{text}, without carrier", "see that the modem has power, and its cable")
    if evse.plc is None:
        return
    subject = f"EVSE {evse.id} modem"
    try:
        _, version = find_modem(name, timeout_s=2.0)
    except PlcError as error:
        yield Finding(subject, Level.FAULT, str(error), f"`v2g plc init {name} --restart`")
        return
    yield modem(subject, version)


def modem(subject: str, version: str) -> Finding:
    """Its model and firmware, against those that are known."""
    from v2g.slac.firmware import Modem, judge

    match judge(version):
        case Modem.KNOWN:
            return Finding(subject, Level.GOOD, version)
        case Modem.OTHER_FIRMWARE:
            text = f"{version}: firmware that is not in the list of known ones"
            return Finding(subject, Level.NOTE, text, "ask the modem's maker whether it is meant for stations")
        case Modem.NO_FIRMWARE:
            text = f"{version}: it runs no firmware, only its boot loader"
            return Finding(
                subject, Level.FAULT, text, "see the modem's flash memory, or load its firmware at the start"
            )
        case Modem.UNFIT:
            remedy = "a station needs a modem that measures attenuation, such as QCA7000, QCA7005 or CG5317"
            return Finding(subject, Level.WARNING, f"{version}: not known to match cars", remedy)


def clock() -> Iterator[Finding]:
    """Whether somebody sets it: certificates, tariffs and transactions need the right time."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # struct timex, all zero: only asks
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if state == _UNSYNCHRONISED:
        remedy = "`timedatectl set-ntp true`, or let the back end set it; certificates are judged by this clock"
        yield Finding("clock", Level.WARNING, f"{now}, not synchronised", remedy)
    else:
        yield Finding("clock", Level.GOOD, f"{now}, synchronised")


def disks(settings: Settings) -> Iterator[Finding]:
    """Where trace, journal and store are."""
    files = [settings.trace.file, settings.kept, None if settings.ocpp is None else settings.ocpp.store]
    places = {next(p for p in (f.parent, *f.parents) if p.exists()) for f in files if f is not None}
    for place in sorted(places):
        yield from disk(place, "make room; `v2g config example logrotate` bounds the trace")


def disk(place: Path, remedy: str) -> Iterator[Finding]:
    """Where something is written. `remedy`: if it is nearly full."""
    free_b, subject = shutil.disk_usage(place).free, f"disk of {place}"
    text = f"{free_b / (1 << 30):.1f} GiB free"
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        yield Finding(subject, Level.FAULT, "read-only", "see the kernel's messages; replace a worn memory card")
    elif free_b < LEAST_FREE_B:
        yield Finding(subject, Level.WARNING, text, remedy)
    else:
        yield Finding(subject, Level.GOOD, text)


def certificates(settings: Settings) -> Iterator[Finding]:
    """The station's own, and the roots."""
    from msgspec.structs import replace

    from v2g.run.credentials import Credentials

    try:
        credentials = Credentials(replace(settings.tls, key_log=None))
    except V2GError as error:
        yield Finding.of("certificates", Level.FAULT, str(error))
        return
    soon = [*credentials.problems, *credentials.endings(datetime.now(UTC).timestamp())]
    for line in soon:
        yield Finding.of("certificates", Level.WARNING, line)
    if not soon:
        yield Finding("certificates", Level.GOOD, f"valid until {credentials.choice.valid_until:%Y-%m-%d}")


def running(status: Mapping[str, Any]) -> Iterator[Finding]:
    """What the daemon measures. `status`: as of `v2g status --json`."""
    yield _clock_steps(status["clock_steps"])
    if waits := status.get("restart_waits"):
        yield Finding("restart", Level.NOTE, waits, "the daemon starts again by itself then; `v2g restart` is at once")
    for evse in status["evses"]:
        name = f"EVSE {evse['evse']}"
        if evse["ready"]:
            yield Finding(name, Level.GOOD, "ready")
        else:
            of = f" {code}" if (code := evse.get("not_ready_fault")) else ""  # a daemon of an earlier version has none
            remedy = f"`v2g faults{of}` says what it means and what to do"
            yield Finding(name, Level.FAULT, evse["not_ready_because"], remedy)
        for device, trouble in evse["troubles"].items():
            yield Finding(f"{name} {device}", Level.FAULT, trouble, "see its wiring, address and power")
        if answering := [device for device in evse["devices"] if device not in evse["troubles"]]:
            yield Finding(f"{name} devices", Level.GOOD, f"{', '.join(answering)} answer")
        if refused := evse.get("refused_plain"):
            remedy = "unplug it; if this car has no TLS, somebody else has searched for it: see who reaches the line"
            yield Finding(f"{name} without TLS", Level.WARNING, f"refused: {refused}", remedy)
        yield from _pilot(name, evse)
        yield from _meter(name, evse)
        yield from _grid(name, evse["grid"])


def _clock_steps(steps: Mapping[str, Any]) -> Finding:
    if not steps["count"]:
        return Finding("clock of the daemon", Level.GOOD, "not set since it started")
    at = datetime.fromtimestamp(steps["unix_s"], UTC)
    text = (
        f"set {steps['count']} times since it started, last by {steps['last_s']:+.1f} s at {at:%Y-%m-%d %H:%M:%S} UTC"
    )
    remedy = "see who sets it: `timedatectl timesync-status`, `chronyc tracking`, the back end; a battery for the clock"
    return Finding("clock of the daemon", Level.WARNING, text, remedy)


def _grid(name: str, grid: Mapping[str, Any] | None) -> Iterator[Finding]:
    if grid is None:
        return
    text = f"{grid['code']}: {grid['state']}" + (f", {grid['why']}" if grid["why"] else "")
    yield Finding(f"{name} grid", Level.GOOD if grid["state"] == "run" else Level.NOTE, text)
    delay_s = grid["set_point_delay_s"]
    if delay_s is None:
        remedy = "it is measured as soon as power flows and changes"
        yield Finding(f"{name} set-point delay", Level.NOTE, "not measured yet", remedy)
    else:
        yield Finding(f"{name} set-point delay", Level.GOOD, f"{delay_s:.2f} s")


def _pilot(name: str, evse: Mapping[str, Any]) -> Iterator[Finding]:
    commanded, measured = evse["pilot_duty"], evse["pilot_measured_duty"]
    if commanded is None:
        return
    if measured is None:
        yield Finding(f"{name} pilot", Level.NOTE, f"{commanded:.1%} commanded, not measured", "read it back")
    elif abs(measured - commanded) > DUTY_TOLERANCE + 1e-9:
        text = f"{commanded:.1%} commanded, {measured:.1%} measured"
        yield Finding(f"{name} pilot", Level.FAULT, text, "see the pilot's output stage, and load on the line")
    else:
        yield Finding(f"{name} pilot", Level.GOOD, f"{commanded:.1%} commanded, {measured:.1%} measured")


def _meter(name: str, evse: Mapping[str, Any]) -> Iterator[Finding]:
    metered_w, converted_w = evse["meter_w"], evse["power_w"]
    if metered_w is None or converted_w is None:
        return
    text = f"the meter shows {metered_w / 1000:.2f} kW, the inverter {converted_w / 1000:.2f} kW"
    if abs(metered_w - converted_w) > max(DIFFERS_W, DIFFERS * abs(converted_w)):
        yield Finding(f"{name} meter", Level.FAULT, text, "see the meter's wiring, transformers and sign")
    else:
        yield Finding(f"{name} meter", Level.GOOD, text)


def back_end(link: Mapping[str, Any]) -> Iterator[Finding]:
    """`link`: as of `v2g ocpp --json`."""
    text = f"{link['url']}, {link['waiting']} messages wait"
    if link["connected"] == "no":
        trouble = link["trouble"] or "no connection"
        yield Finding("back end", Level.WARNING, f"{text}: {trouble}", "the messages are kept until it is back")
    elif link["registered"] != "Accepted":
        remedy = "let the back end's operator accept the station's identity"
        yield Finding("back end", Level.WARNING, f"{text}: registration is {link['registered']}", remedy)
    else:
        yield Finding("back end", Level.GOOD, f"{text}: accepted")


def kernel_messages(records: str) -> Iterator[Finding]:
    """`records`: of /dev/kmsg (Documentation/ABI/testing/dev-kmsg in the kernel). Repeated ones count once."""
    urgent: dict[str, int] = {}
    for line in records.splitlines():
        head, separator, text = line.partition(";")
        facility, _, _ = head.partition(",")
        if separator and facility.isdigit() and int(facility) & 7 <= _ERROR and _HARDWARE.search(text):
            urgent[text] = urgent.get(text, 0) + 1
    for text, count in urgent.items():
        times = f" ({count} times)" if count > 1 else ""
        yield Finding("kernel messages", Level.WARNING, f"{text}{times}", "see `dmesg --level=err,crit,alert,emerg`")
    if not urgent:
        yield Finding("kernel messages", Level.GOOD, "none about the hardware")


def read_kernel_messages(path: Path) -> str | None:
    """What the kernel still has of them; None if this user may not read them."""
    records = []
    with suppress(BlockingIOError):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            while record := os.read(descriptor, 8192):
                records.append(record.decode("utf-8", "replace").partition("\n")[0])
        except PermissionError:
            return None
        finally:
            os.close(descriptor)
    return "\n".join(records)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
