"""Measures about the network: the firewall, what listens, what goes in clear, the kernel's network settings."""

import re
from collections.abc import Iterator
from pathlib import Path

from v2g.harden.firewall import iptables, nftables
from v2g.harden.machine import Act, Change, HardenError, Machine, Run, Write
from v2g.harden.measure import Finding, Verdict, Wanted
from v2g.harden.openings import Opening, car_interfaces, clear_files, openings

RULES = Path("/etc/v2g/firewall.nft")
LOADED_BY = Path("/etc/nftables.conf")
IPTABLES = {"iptables": Path("/etc/iptables/rules.v4"), "ip6tables": Path("/etc/iptables/rules.v6")}
SYSCTL = Path("/etc/sysctl.d/90-v2g.conf")
APPLY = "`v2g harden apply firewall`"
_LISTENS = "0A"
"""TCP_LISTEN in /proc/net/tcp."""
_COUNTERS = re.compile(r" \[\d+:\d+\]$|^#.*\n?", re.MULTILINE)


def firewall_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """The rules' files, what loads them at each start, and loading them now."""
    if wanted.firewall == "iptables":
        yield from _iptables_changes(wanted, machine)
        return
    rules = _nftables(wanted)
    differs = machine.read(RULES) != rules
    if differs:
        yield Write(RULES, rules, 0o640)
    include = f'include "{RULES}"'
    before = machine.read(LOADED_BY)
    if before is None:
        yield Write(LOADED_BY, f"#!/usr/sbin/nft -f\n{include}\n", 0o755)
    elif include not in before:
        yield Write(LOADED_BY, f"{before.rstrip()}\n{include}\n", 0o755)
    if not machine.live:
        return
    if machine.has_systemd and machine.run(["systemctl", "is-enabled", "--quiet", "nftables"]).returncode:
        yield _enabled("nftables")
    if differs or _loaded(machine) != _meant(machine, rules):
        loaded = _loaded(machine)
        undo = (Act(("nft", "-f", "-"), "table inet v2g\ndelete table inet v2g\n" + (loaded or "")),)
        yield Run(Act(("nft", "-f", str(RULES))), undo)


def firewall_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Whether what the kernel has loaded is what the configuration asks for, to the last rule."""
    tool = "nft" if wanted.firewall == "nftables" else "iptables-restore"
    if machine.live and not machine.has(tool):
        yield Finding("firewall", Verdict.FAIL, f"{tool} is not installed", f"apt-get install {wanted.firewall}")
        return
    files = (
        {RULES: _nftables(wanted)}
        if wanted.firewall == "nftables"
        else {file: _iptables(wanted, command) for command, file in IPTABLES.items()}
    )
    for file, rules in files.items():
        if machine.read(file) == rules:
            yield Finding("firewall", Verdict.PASS, f"{file} is what the configuration asks for")
        else:
            yield Finding("firewall", Verdict.FAIL, f"{file} is not what the configuration asks for", APPLY)
    if not machine.live:
        return
    try:
        if wanted.firewall == "nftables":
            same = _loaded(machine) == _meant(machine, files[RULES])
        else:
            same = all(
                _iptables_loaded(machine, command) == _iptables_meant(machine, command, files[file])
                for command, file in IPTABLES.items()
            )
    except HardenError as error:
        yield Finding("firewall", Verdict.FAIL, str(error), "run it as root")
        return
    if same:
        yield Finding("firewall", Verdict.PASS, "the rules are loaded, and nothing else passes")
    else:
        yield Finding("firewall", Verdict.FAIL, "other rules are loaded, or none", APPLY)


def _nftables(wanted: Wanted) -> str:
    return nftables(openings(wanted.settings, wanted.start), car_interfaces(wanted.settings))


def _iptables(wanted: Wanted, command: str) -> str:
    return iptables(openings(wanted.settings, wanted.start), car_interfaces(wanted.settings), v6=command == "ip6tables")


def _loaded(machine: Machine) -> str | None:
    """The table as the kernel shows it; None if there is none. Raises `HardenError` if this user may not look."""
    machine.must(["nft", "list", "tables"])
    found = machine.run(["nft", "-s", "list", "table", "inet", "v2g"])
    return None if found.returncode else found.stdout


def _meant(machine: Machine, rules: str) -> str:
    """The table as the kernel would show it, found out in a network namespace that ends with the question."""
    return machine.must(["unshare", "--net", "sh", "-c", "nft -f - && nft -s list table inet v2g"], rules)


def _iptables_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    for command, file in IPTABLES.items():
        rules = _iptables(wanted, command)
        differs = machine.read(file) != rules
        if differs:
            yield Write(file, rules, 0o640)
        if machine.live and (differs or _iptables_loaded(machine, command) != _iptables_meant(machine, command, rules)):
            before = machine.must([f"{command}-save", "-t", "filter"]) or _ALL_PASSES
            yield Run(Act((f"{command}-restore", str(file))), (Act((f"{command}-restore",), before),))
    if machine.has_systemd and machine.run(["systemctl", "is-enabled", "--quiet", "netfilter-persistent"]).returncode:
        yield _enabled("netfilter-persistent")


_ALL_PASSES = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


def _iptables_loaded(machine: Machine, command: str) -> str:
    return _COUNTERS.sub("", machine.must([f"{command}-save", "-t", "filter"]))


def _iptables_meant(machine: Machine, command: str, rules: str) -> str:
    ask = ["unshare", "--net", "sh", "-c", f"{command}-restore && {command}-save -t filter"]
    return _COUNTERS.sub("", machine.must(ask, rules))


def _enabled(unit: str) -> Run:
    return Run(Act(("systemctl", "enable", unit)), (Act(("systemctl", "disable", unit)),))


def clear_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Names each thing that passes without encryption because the configuration admits it."""
    del machine
    named = [each.clear for each in openings(wanted.settings, wanted.start) if each.clear is not None]
    for text in dict.fromkeys([*named, *clear_files(wanted.settings)]):
        yield Finding("clear", Verdict.NOTE, f"in clear: {text}")


def listeners_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """TCP ports at which something listens for others than this machine, and that the configuration does not name."""
    if not machine.live:
        return
    inward = [each for each in openings(wanted.settings, wanted.start) if each.inward and each.protocol == "tcp"]
    found = False
    for port in sorted(_listening(machine)):
        if not any(_admits(each, port) for each in inward):
            found = True
            remedy = f"`ss -tlnp sport = :{port}` says what it is; stop it, or name it under `maintenance`"
            yield Finding("listeners", Verdict.FAIL, f"something listens at TCP port {port}", remedy)
    if not found:
        yield Finding("listeners", Verdict.PASS, "nothing listens that the configuration does not name")


def _admits(opening: Opening, port: int) -> bool:
    return opening.ports[0] <= port <= opening.ports[1]


def _listening(machine: Machine) -> set[int]:
    """Ports of sockets that are bound to more than the loopback interface."""
    ports = set()
    for name, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        for line in (machine.read(Path("/proc/net") / name) or "").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == _LISTENS and address != loopback and not (name == "tcp" and address.endswith("7F")):
                ports.add(int(port, 16))
    return ports


def _sysctls(wanted: Wanted) -> dict[str, str]:
    """Name (as a path below /proc/sys) -> value."""
    values = {
        "net/core/rmem_max": "4194304",
        "net/core/wmem_max": "4194304",
        "net/ipv4/ip_forward": "0",
        "net/ipv6/conf/all/forwarding": "0",
        "net/ipv4/tcp_syncookies": "1",
        "kernel/sched_rt_runtime_us": "950000",
        "kernel/kptr_restrict": "2",
        "kernel/dmesg_restrict": "1",
    }
    for name in car_interfaces(wanted.settings):
        for setting in ("accept_ra", "accept_redirects", "forwarding"):
            values[f"net/ipv6/conf/{name}/{setting}"] = "0"
    return values


_SYSCTL_HEAD = """\
# Written by `v2g harden`. What a socket may ask for in buffers; no routing, and nothing of it from a car; the kernel's
# addresses and messages for root alone; a real-time process leaves 5 % of each processor to others.
"""


def sysctl_changes(wanted: Wanted, machine: Machine) -> Iterator[Change]:
    """The file, and the settings now."""
    values = _sysctls(wanted)
    content = _SYSCTL_HEAD + "".join(f"{name} = {value}\n" for name, value in values.items())
    if machine.read(SYSCTL) != content:
        yield Write(SYSCTL, content)
    if machine.live:
        for name, value in values.items():
            now = (machine.read(Path("/proc/sys") / name) or "").strip()
            if now and not _suffices(name, now, value):
                yield Run(Act(("sysctl", "-qw", f"{name}={value}")), (Act(("sysctl", "-qw", f"{name}={now}")),))


def sysctl_audit(wanted: Wanted, machine: Machine) -> Iterator[Finding]:
    """Each setting as the kernel has it."""
    remedy = "`v2g harden apply sysctl`"
    wrong = False
    if machine.read(SYSCTL) is None:
        wrong = True
        yield Finding("sysctl", Verdict.FAIL, f"there is no {SYSCTL}", remedy)
    for name, value in _sysctls(wanted).items() if machine.live else ():
        now = (machine.read(Path("/proc/sys") / name) or "").strip()
        if not now:
            yield Finding("sysctl", Verdict.NOTE, f"{name} is not known yet", "it is set when its interface is there")
        elif not _suffices(name, now, value):
            wrong = True
            yield Finding("sysctl", Verdict.FAIL, f"{name} is {now}, not {value}", remedy)
    if not wrong:
        yield Finding("sysctl", Verdict.PASS, "buffers, routing and the kernel's messages are set")


def _suffices(name: str, now: str, value: str) -> bool:
    """A buffer may be larger."""
    return now == value or (name.startswith("net/core/") and int(now) >= int(value))
