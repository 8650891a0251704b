"""`v2g plc init|status|scan|sim`: the power-line modem of an EVSE."""

import argparse
import json
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_json, number, whole
from v2g.cli.terminal import Progress, complain

if TYPE_CHECKING:
    from v2g.bench.sim.plc_modem import Way


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)

    init = actions.add_parser("init", help="bring the interface up, find the modem, give it a new key")
    init.add_argument("--restart", action="store_true", help="restart the modem first")
    init.add_argument("--keep-key", action="store_true", help="leave the modem in its network")

    status = actions.add_parser("status", help="interface, modem, link, peers, signal")
    status.add_argument("--socket", type=Path, metavar="PATH", help="of the daemon, for what it has measured so far")
    add_json(status)

    scan = actions.add_parser("scan", help="the modems that answer")

    for action in (init, status, scan):
        action.add_argument("interface", metavar="INTERFACE", help="network interface of the modem, such as eth0")

    sim = actions.add_parser(
        "sim",
        help="be modems and the line between them, on one end of veth pairs each",
        description="Modems and the line between them. While it runs, a line `INTERFACE DB` on the standard input "
        "changes the attenuation to that car, and `INTERFACE cut` cuts the line to it.",
    )
    sim.add_argument("--station", required=True, metavar="INTERFACE", help="the modem's end of the station's pair")
    sim.add_argument(
        "--car",
        required=True,
        action="append",
        metavar="INTERFACE[:DB]",
        help="the same of a car, with its attenuation",
    )
    sim.add_argument("--loss", type=number(least=0, most=1), default=0.0, metavar="0..1", help="share of lost frames")
    sim.add_argument("--delay-s", type=number(least=0), default=0.002, metavar="S", help="of each frame")
    sim.add_argument("--join-s", type=number(least=0), default=0.1, metavar="S", help="from a new key to a link")
    sim.add_argument(
        "--dead-groups",
        type=whole(least=0, most=57),
        nargs="*",
        default=[],
        metavar="0..57",
        help="groups that nobody hears",
    )
    sim.add_argument("--seed", type=whole(least=0), default=0, metavar="N", help="of the losses, to have them again")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `PlcError`."""
    if args.action == "init":
        _init(args.interface, restart=args.restart, keep_key=args.keep_key)
    elif args.action == "status":
        status = _status(args.interface, args.socket)
        print(json.dumps(status, indent=2) if args.json else _table(status))
    elif args.action == "scan":
        _scan(args.interface)
    else:
        import asyncio

        asyncio.run(_sim(args))
    return 0


def _init(interface: str, *, restart: bool, keep_key: bool) -> None:
    import socket

    from v2g.io.plc import PlcError, ask
    from v2g.io.plc_interface import bring_up, driver, is_up, load_driver
    from v2g.slac import mme
    from v2g.slac.event import mac_text
    from v2g.slac.key import NetworkKey

    if interface not in (name for _, name in socket.if_nameindex()):
        print(f"driver     loaded {load_driver(interface)}")
    if not is_up(interface):
        bring_up(interface)
    print(f"interface  {interface} is up, {_driver_text(driver(interface))}")
    if restart:
        ask(interface, [mme.VS_RS_DEV_REQ(), mme.NSCM_RESET_DEVICE_REQ(lms=bytes(19))], (mme.VS_RS_DEV_CNF,))
        print("modem      restarts")
    modem = _found(interface, timeout_s=10.0 if restart else 2.0)
    print(f"modem      {mac_text(modem[0])}, {modem[1]}")
    if keep_key:
        return
    key = NetworkKey.fresh()
    request = mme.CM_SET_KEY_REQ(cco_capability=1, nid=key.nid, nmk=key.nmk)
    answers = [frame.message for frame in ask(interface, [request], (mme.CM_SET_KEY_CNF,))]
    match answers:
        case [mme.CM_SET_KEY_CNF(result=0 | 1)]:
            print(f"key        set, network id {key.nid.hex().upper()}")
        case [mme.CM_SET_KEY_CNF(result=result)]:
            remedy = "restart it with --restart, or look at its configuration (PIB)"
            raise PlcError(f"interface {interface}: the modem refuses the key with result {result}; {remedy}")
        case _:
            remedy = "restart it with --restart"
            raise PlcError(f"interface {interface}: the modem does not answer CM_SET_KEY.REQ; {remedy}")


def _found(interface: str, timeout_s: float) -> tuple[bytes, str]:
    """MAC of the modem, and what it is. Raises `PlcError`."""
    from v2g.io.plc import find_modem

    progress = Progress("questions to the modem")
    try:
        return find_modem(interface, timeout_s, progress.step)
    finally:
        progress.remove()


def _status(interface: str, control: Path | None) -> dict[str, Any]:
    from v2g.io.plc import ask
    from v2g.io.plc_interface import driver, has_carrier, is_up
    from v2g.slac import mme
    from v2g.slac.event import mac_text

    status: dict[str, Any] = {
        "interface": interface,
        "up": is_up(interface),
        "carrier": has_carrier(interface),
        "driver": driver(interface),
    }
    address, version = _found(interface, timeout_s=1.0)
    status |= {"modem": mac_text(address), "version": version}
    for frame in ask(interface, [mme.CM_NW_INFO_REQ()], (mme.CM_NW_INFO_CNF,), timeout_s=0.5):
        assert isinstance(frame.message, mme.CM_NW_INFO_CNF)
        roles = ("station", "proxy coordinator", "coordinator")
        status["networks"] = [
            {"nid": each.nid.hex().upper(), "role": roles[each.role] if each.role < len(roles) else str(each.role)}
            for each in frame.message.memberships()
        ]
    for frame in ask(interface, [mme.CC_DISCOVER_LIST_REQ()], (mme.CC_DISCOVER_LIST_CNF,), timeout_s=0.5):
        assert isinstance(frame.message, mme.CC_DISCOVER_LIST_CNF)
        neighbours = frame.message.neighbours()
        status["link"] = any(each.same_network and each.tei for each in neighbours)
        status["peers"] = [
            {"modem": mac_text(each.mac), "same_network": each.same_network, "level_db": each.level_db}
            for each in neighbours
        ]
    status |= _measured(control)
    return status


def _measured(control: Path | None) -> dict[str, Any]:
    """What a daemon has measured on its links; nothing if none runs. Raises `ControlError` for a given socket."""
    from v2g.io.control import ControlError, request
    from v2g.station.command import Status
    from v2g.station.config.settings import Control

    try:
        evses = request(control or Control().socket, Status())["evses"]
    except ControlError:
        if control is None:
            return {}
        raise
    return {"daemon": [each["plc"] for each in evses if each.get("plc")]}


def _scan(interface: str) -> None:
    from v2g.io.plc import QUESTIONS, VERSIONS, PlcError, ask, version_of
    from v2g.slac.event import mac_text

    found: dict[bytes, str] = {}
    for frame in ask(interface, QUESTIONS, VERSIONS, everyone=True):
        if (version := version_of(frame.message)) != "of another make" or frame.source not in found:
            found[frame.source] = version
    if not found:
        raise PlcError(f"interface {interface}: no modem answers; `v2g plc init {interface}` says more")
    for address, version in sorted(found.items()):
        print(mac_text(address), version)


async def _sim(args: argparse.Namespace) -> None:
    import asyncio

    from v2g.bench.sim.plc_modem import Line, Modem
    from v2g.bench.sim.plc_process import PlcProcess
    from v2g.io.plc import PlcError

    line = Line(args.seed)
    line.loss, line.delay_s = args.loss, args.delay_s
    station = Modem(bytes.fromhex("00B0525E0001"), join_s=args.join_s)
    modems = {station: args.station}
    ways = {}
    for count, each in enumerate(args.car, start=1):
        interface, _, attenuation_db = each.partition(":")
        car = Modem(bytes.fromhex("00B052EF00") + bytes((count,)), join_s=args.join_s)
        ways[interface] = line.connect(station, car, float(attenuation_db or 8.0), args.dead_groups)
        modems[car] = interface
    try:
        process = PlcProcess(line, modems)
    except OSError as error:
        remedy = "name the modems' ends of veth pairs, and run as root"
        raise PlcError(f"interfaces {', '.join(modems.values())}: {error.strerror}; {remedy}") from error
    with process:
        print(f"modems on {', '.join(modems.values())}", flush=True)
        loop = asyncio.get_running_loop()
        listen = partial(_listen, lambda text: loop.call_soon_threadsafe(_obey, text, ways))
        threading.Thread(target=listen, daemon=True).start()  # a thread: the standard input may be a file
        await asyncio.Event().wait()  # until interrupted


def _listen(heard: Callable[[str], object]) -> None:
    """Octets, not `sys.stdin`: the interpreter could not end while this thread holds that one's lock."""
    begun = b""
    while octets := os.read(0, 4096):
        *lines, begun = (begun + octets).split(b"\n")
        for line in lines:
            heard(line.decode("utf-8", "replace"))


def _obey(text: str, ways: Mapping[str, "Way"]) -> None:
    """Change the line as a person asks."""
    words = text.split()
    way = ways.get(words[0]) if len(words) == 2 else None
    try:
        if way is None:
            raise ValueError
        cut = words[1] == "cut"
        if not cut:
            way.attenuation_db = [number(least=0, most=200)(words[1])] * len(way.attenuation_db)
        way.cut = cut
        print(f"{words[0]}: {words[1]}{'' if cut else ' dB'}", flush=True)
    except (ValueError, argparse.ArgumentTypeError):
        known = ", ".join(ways)
        complain(f"{text.strip()!r}: say `INTERFACE DB` or `INTERFACE cut`, for {known}")


def _driver_text(name: str | None) -> str:
    return f"driver {name}" if name else "without a driver of its own (virtual)"


def _table(status: dict[str, Any]) -> str:
    rows = []
    for name, value in status.items():
        match value:
            case list():
                lines = [", ".join(f"{key} {each}" for key, each in item.items()) for item in value] or ["none"]
            case bool():
                lines = ["yes" if value else "no"]
            case _:
                lines = ["-" if value is None else str(value)]
        rows += [f"{name if number == 0 else '':11}{line}" for number, line in enumerate(lines)]
    return "\n".join(rows)
