"""Measures about the machine itself: services, the daemon's unit, the watchdog, keys, the read-only root."""

import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from v2g.harden.machine import Act, Change, Machine, Permit, Run, Write
from v2g.harden.measure import Finding, Verdict, Wanted
from v2g.harden.openings import devices
from v2g.power.address import CAN, EVDEV, MODBUS_RTU, SERIAL
from v2g.station.config.settings import Settings

UNNEEDED = (
    "avahi-daemon.service", "avahi-daemon.socket", "cups.service", "cups.socket", "cups-browsed.service",
    "bluetooth.service", "rpcbind.service", "rpcbind.socket", "nfs-server.service", "smbd.service", "telnet.socket",
    "vsftpd.service", "exim4.service",
)  # fmt: skip
"""What Debian's packages switch on by themselves and a charging station does not need."""
UNITS = (
    Path("/etc/systemd/system/v2g-daemon.service"),
    Path("/usr/lib/systemd/system/v2g-daemon.service"),
    Path("/lib/systemd/system/v2g-daemon.service"),
)
DROP_IN = Path("/etc/systemd/system/v2g-daemon.service.d/50-harden.conf")
WATCHDOG = Path("/etc/systemd/system.conf.d/50-v2g-watchdog.conf")
MOST_EXPOSED = 2.0
"""Exposure of the unit, by `systemd-analyze security`: 0 is none, 10 is all."""
PRIORITY = 50
"""Of SCHED_FIFO. 99 would be above the kernel's own threads, such as its watchdog's."""
FSTAB = Path("/etc/fstab")
_GIVEN = (Path("/var/log/v2g"), Path("/var/lib/v2g"), Path("/run/v2g"), Path("/etc/v2g"))
"""What the unit lets the daemon write to anyway (LogsDirectory and the like)."""
_WATCHDOG_TEXT = """\
# Written by `v2g harden`: the machine's hardware watchdog resets it if systemd itself hangs.
[Manager]
RuntimeWatchdogSec=20s
"""


def services_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Of `UNNEEDED`, those that start by themselves."""
    on = [each for each in UNNEEDED if _enabled(machine, each)]
    for unit in on:
        yield Finding("services", Verdict.FAIL, f"{unit} starts by itself", f"systemctl disable --now {unit}")
    if not on:
        yield Finding("services", Verdict.PASS, "no service starts that a charging station does not need")


def services_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """They are stopped too, if systemd runs this machine."""
    for unit in UNNEEDED:
        if _enabled(machine, unit):
            root = [] if machine.live else [f"--root={machine.root}"]
            now = ["--now"] if machine.has_systemd else []
            back = Act(("systemctl", *root, "enable", *now, unit))
            yield Run(Act(("systemctl", *root, "disable", *now, unit)), (back,))


def _enabled(machine: Machine, unit: str) -> bool:
    """Its links, which need not lead anywhere as long as an image is looked at from outside."""
    units = machine.at(Path("/etc/systemd/system"))
    return any((each / unit).is_symlink() for kind in ("wants", "requires") for each in units.glob(f"*.{kind}"))


def drop_in(settings: Settings) -> str:
    """The daemon's unit, by the configuration: real-time scheduling, and the rights that its devices need."""
    lines = [
        "# Written by `v2g harden` from the station's configuration: what the unit itself does not say.",
        "[Service]",
        "CPUSchedulingPolicy=fifo",
        f"CPUSchedulingPriority={PRIORITY}",
    ]
    if any(evse.plc is not None for evse in settings.evses):
        lines += ["# Management frames of the power-line modem.", "AmbientCapabilities=CAP_NET_RAW"]
        lines += ["CapabilityBoundingSet=CAP_NET_RAW", "RestrictAddressFamilies=AF_PACKET"]
    addresses = [address for evse in settings.evses for _, address in devices(evse)]
    if any(address.scheme == CAN and not address.path for address in addresses):
        lines += ["# SocketCAN.", "RestrictAddressFamilies=AF_CAN"]
    lines_of = sorted(
        {address.path for address in addresses if address.scheme in (MODBUS_RTU, CAN, SERIAL) and address.path}
    )
    if lines_of:
        lines += ["# Serial lines.", "SupplementaryGroups=dialout", "PrivateDevices=no", "DevicePolicy=closed"]
        lines += [f"DeviceAllow={path} rw" for path in lines_of]
    if keyboards := sorted({address.path for address in addresses if address.scheme == EVDEV}):
        lines += ["# Card readers.", "SupplementaryGroups=input", "PrivateDevices=no", "DevicePolicy=closed"]
        lines += [f"DeviceAllow={path} r" for path in keyboards]
    pilots = [evse.pilot.pwm for evse in settings.evses if evse.pilot is not None and evse.pilot.pwm is not None]
    if pilots:
        lines += ["# The control pilot on this machine's PWM.", "ReadWritePaths=-/sys/class/pwm -/sys/devices"]
    if beside := [path for path in written(settings) if not any(path.is_relative_to(given) for given in _GIVEN)]:
        lines += ["# Files that the configuration puts elsewhere.", *(f"ReadWritePaths={path}" for path in beside)]
    return "\n".join([*lines, ""])


def written(settings: Settings) -> list[Path]:
    """Directories that the daemon writes to, sorted."""
    files = [settings.trace.file, settings.control.socket, settings.kept, settings.tls.key_log]
    if settings.ocpp is not None:
        files.append(settings.ocpp.store)
    directories = {file.parent for file in files if file is not None}
    if settings.ocpp is not None and settings.ocpp.publish is not None:
        directories.add(settings.ocpp.publish.directory)
    return sorted(directories)


def unit_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """The drop-in; systemd reads it before and after, whichever way one goes."""
    content = drop_in(wanted.settings)
    if machine.read(DROP_IN) != content:
        yield from _reloaded(machine, Write(DROP_IN, content))


def unit_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Drop-in, exposure by systemd's own judgement, and whether the daemon runs as the unit says."""
    unit = next((text for path in UNITS if (text := machine.read(path)) is not None), None)
    if unit is None:
        yield Finding("unit", Verdict.FAIL, "there is no unit v2g-daemon", "see docs/install.md")
        return
    if machine.read(DROP_IN) != drop_in(wanted.settings):
        yield Finding(
            "unit", Verdict.FAIL, f"{DROP_IN} is not as wanted", "`v2g harden apply unit`, then `v2g restart`"
        )
    else:
        yield Finding(
            "unit", Verdict.PASS, f"SCHED_FIFO, priority {PRIORITY}, and the rights of the configured devices"
        )
    yield _exposure(unit + "\n" + (machine.read(DROP_IN) or ""), machine)
    if "\nWatchdogSec=" in unit:
        yield Finding("unit", Verdict.PASS, "systemd restarts a daemon that no longer serves cars (WatchdogSec)")
    else:
        yield Finding("unit", Verdict.FAIL, "the unit has no WatchdogSec", "install the current unit (docs/install.md)")


def _exposure(unit: str, machine: Machine) -> Finding:
    exposed = exposure(unit, machine) if machine.has("systemd-analyze") else None
    if exposed is None:
        return Finding("unit", Verdict.FAIL, "`systemd-analyze security` is missing or old", "apt-get install systemd")
    verdict = Verdict.PASS if exposed <= MOST_EXPOSED else Verdict.FAIL
    remedy = "" if verdict is Verdict.PASS else "`systemd-analyze security v2g-daemon` names what is open"
    return Finding("unit", verdict, f"exposure {exposed:.1f} of 10, at most {MOST_EXPOSED:.1f} is admitted", remedy)


def exposure(unit: str, machine: Machine) -> float | None:
    """Of a unit's text, drop-ins included; None if systemd cannot say."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "v2g-daemon.service"
        file.write_text(unit)
        done = machine.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(file)])
    _, found, rest = done.stdout.partition("Overall exposure level for v2g-daemon.service: ")
    return float(rest.split()[0]) if found else None


def watchdog_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """It holds from systemd's next start or re-execution on."""
    if machine.read(WATCHDOG) != _WATCHDOG_TEXT:
        yield Write(WATCHDOG, _WATCHDOG_TEXT)


def watchdog_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Whether the machine has one, and systemd feeds it."""
    if machine.read(WATCHDOG) != _WATCHDOG_TEXT:
        remedy = "`v2g harden apply watchdog`, then `systemctl daemon-reexec`"
        yield Finding("watchdog", Verdict.FAIL, "systemd does not feed the hardware watchdog", remedy)
    else:
        yield Finding("watchdog", Verdict.PASS, "systemd feeds the hardware watchdog")
    if machine.live and not Path("/dev/watchdog").exists():
        yield Finding("watchdog", Verdict.NOTE, "this machine has no hardware watchdog", "see its manual")


def _reloaded(machine: Machine, change: Write) -> Iterator[Change]:
    reload = Act(("systemctl", "daemon-reload"))
    if machine.has_systemd:
        yield Run(None, (reload,))
    yield change
    if machine.has_systemd:
        yield Run(reload)


def secrets(wanted: Wanted) -> list[Path]:
    """Files that hold a key or a password; and the configuration, which names what the station may do."""
    settings, tls = wanted.settings, wanted.settings.tls
    files = [wanted.config, tls.private_key or tls.directory / "secc_key.pem", tls.password_file]
    if settings.ocpp is not None:
        for network in (settings.ocpp, *settings.ocpp.fallbacks):
            files += [network.password_file, network.private_key]
    if settings.tariff is not None:
        files += [settings.tariff.iso2_key, settings.tariff.iso20_key]
    return list(dict.fromkeys(file for file in files if file is not None))


def keys_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """What others, or the group, may do to them is taken away."""
    for file in secrets(wanted):
        mode = _mode(machine, file)
        if mode is not None and mode & 0o037:
            yield Permit(file, mode & 0o740)


def keys_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Modes of the files, and of the directory of the keys; keys that a station does not need."""
    good = 0
    for file in secrets(wanted):
        mode = _mode(machine, file)
        if mode is None:
            continue
        if mode & 0o037:
            yield Finding("keys", Verdict.FAIL, f"{file} has the mode {mode:04o}", f"chmod {mode & 0o740:04o} {file}")
        else:
            good += 1
    if good:
        yield Finding(
            "keys", Verdict.PASS, f"{good} files with keys, passwords and rights are for their owner and group"
        )
    directory = wanted.settings.tls.directory
    mode = _mode(machine, directory)
    if mode is not None and mode & 0o022:
        yield Finding("keys", Verdict.FAIL, f"others may write to {directory}", f"chmod go-w {directory}")
    socket_mode = int(wanted.settings.control.mode, 8)
    if socket_mode & 0o007:
        remedy = "set control.mode to 0660: who may write to the socket commands the station"
        yield Finding("keys", Verdict.FAIL, f"everybody may use {wanted.settings.control.socket}", remedy)
    for key in sorted(machine.at(directory).glob("*root*key*.pem")):
        remedy = "keep the authorities' keys on another machine"
        yield Finding("keys", Verdict.FAIL, f"{directory / key.name} can sign certificates", remedy)


def _mode(machine: Machine, file: Path) -> int | None:
    try:
        return stat.S_IMODE(machine.at(file).stat().st_mode)
    except OSError:
        return None


def root_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Whether the root file system is read-only, now and from the next start on, and all that is written elsewhere."""
    beside = _on_root(wanted, machine)
    for path in beside:
        remedy = "give it, or a directory above it, a file system of its own in /etc/fstab"
        yield Finding("root", Verdict.FAIL, f"the daemon writes to {path}, on the root file system", remedy)
    remedy = "`v2g harden apply root`" if not beside else "see above; then `v2g harden apply root`"
    line = _root_line(machine)
    if line is None:
        yield Finding(
            "root", Verdict.FAIL, f"{FSTAB} names no root file system", f"add it to {FSTAB}, with the option ro"
        )
    elif "ro" not in line.split()[3].split(","):
        yield Finding("root", Verdict.FAIL, "the root file system is mounted for writing", remedy)
    elif machine.live and not _is_read_only(machine):
        yield Finding("root", Verdict.FAIL, "the root file system is read-only after the next start only", "reboot")
    else:
        yield Finding("root", Verdict.PASS, f"read-only; {', '.join(map(str, _needed(wanted)))} are elsewhere")


def root_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """Only if nothing that is written is on it."""
    line, table = _root_line(machine), machine.read(FSTAB)
    if line is None or table is None or _on_root(wanted, machine):
        return
    options = line.split()[3]
    if "ro" not in options.split(","):
        kept = [each for each in options.split(",") if each not in ("rw", "defaults")]
        changed = line.replace(options, ",".join(["ro", *kept]), 1)
        writable = Act(("mount", "-o", "remount,rw", "/"))
        yield Write(FSTAB, table.replace(line, changed))
        if machine.live:
            yield Run(Act(("mount", "-o", "remount,ro", "/")), (writable,))


def _needed(wanted: Wanted) -> list[Path]:
    """What must be writable beside what systemd puts on a tmpfs: for the daemon, and the way back of this command."""
    needed = {*written(wanted.settings), Path("/var/lib/v2g-harden")}
    return sorted(path for path in needed if not path.is_relative_to("/run"))


def _on_root(wanted: Wanted, machine: Machine) -> list[Path]:
    """Of these, what lies on the root file system, by the table of file systems."""
    rows = [line.split() for line in (machine.read(FSTAB) or "").splitlines() if not line.lstrip().startswith("#")]
    mounted = [Path(row[1]) for row in rows if len(row) >= 4 and row[1] not in ("/", "none", "swap")]
    return [path for path in _needed(wanted) if not any(path.is_relative_to(each) for each in mounted)]


def _root_line(machine: Machine) -> str | None:
    lines = (machine.read(FSTAB) or "").splitlines()
    return next((line for line in lines if len(row := line.split()) >= 4 and row[0] != "#" and row[1] == "/"), None)


def _is_read_only(machine: Machine) -> bool:
    rows = [line.split() for line in (machine.read(Path("/proc/self/mounts")) or "").splitlines()]
    return any(row[1] == "/" and "ro" in row[3].split(",") for row in rows)
