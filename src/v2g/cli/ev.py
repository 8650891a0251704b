"""`v2g ev`: be a car, find a station and run one session with it."""

import argparse
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_json, endpoint, number, whole
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from v2g.bench.sim.vehicle import OwnBattery, PlantVehicle
    from v2g.io.discovery import Endpoint
    from v2g.iso15118.car_session import CarPaused, Report
    from v2g.iso15118.event import Event
    from v2g.iso15118.service import Service
    from v2g.iso15118.vehicle import Intent, Vehicle, VehicleState
    from v2g.run.car import Outcome
    from v2g.tls.context import TlsContext

DEFAULT_PKI = Path("/etc/ssl/v2g")
DEFAULT_EVCCID = "ZZZV0123456789ABCDE0"
PROTOCOLS = {
    "iso20-dc": ("DC_BPT", "DC", "MCS_BPT", "MCS"),
    "iso20-ac": ("AC_BPT", "AC", "AC_DER_IEC", "AC_DER_SAE"),
    "iso20-pnc": ("DC_BPT", "DC", "AC_BPT", "AC"),
    "iso2-dc": ("DC",),
    "iso2-ac": ("AC",),
    "iso2-pnc": ("DC", "AC"),
    "din": ("DC",),
}
"""Protocol -> its services, the usual one first; `-pnc`: paid by a contract (Plug & Charge)."""
_EDITIONS = {"iso20": "ISO 15118-20", "iso2": "ISO 15118-2", "din": "DIN SPEC 70121"}
_DEFAULT_MAC = "02:00:00:00:00:01"
"""Of a car of ISO 15118-2 or DIN, whose EVCCID is a MAC."""
OWN_SOC, OWN_CAPACITY_WH = 0.6, 60_000.0
PROGRESS_S = 1.0


class EvError(V2GError):
    """The arguments or files do not fit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Exit code: 0 if the session ended with SessionStop OK, 1 if it failed, 2 for unfit arguments or files."
    )
    where = parser.add_argument_group("the station")
    where.add_argument("--interface", metavar="IF", help="search for it on this network interface")
    where.add_argument("--host", metavar="ADDR", help="connect to this address instead")
    where.add_argument("--port", type=whole(least=1, most=65535), metavar="N", help="with --host")
    where.add_argument("--pki", type=Path, metavar="DIR", help=f"certificates (default: {DEFAULT_PKI})")
    where.add_argument(
        "--tls-profile",
        "--profile",
        metavar="NAME",
        help="iso15118-20, interop-p256 or iso15118-2 (TLS 1.2); by default iso15118-20, and with --protocol iso2-... "
        "iso15118-2 if the directory has certificates for it, below iso2",
    )
    where.add_argument(
        "--no-tls", action="store_true", help="plain TCP: ISO 15118-20 demands TLS, so with it for a bench only"
    )

    wanted = parser.add_argument_group("the session")
    wanted.add_argument("--protocol", choices=PROTOCOLS, default="iso20-dc", help="default: iso20-dc")
    wanted.add_argument(
        "--contract",
        choices=("own", "install", "renew"),
        help="with -pnc: pay by the contract in --pki (own), ask the station for one (install) or for its successor",
    )
    services = dict.fromkeys(each for some in PROTOCOLS.values() for each in some)
    wanted.add_argument("--service", choices=[*services], help="default: the bidirectional one")
    wanted.add_argument(
        "--mode",
        choices=("dynamic", "scheduled"),
        help="who plans the power; dynamic with ISO 15118-20 only, and its default",
    )
    wanted.add_argument(
        "--duration", type=number(least=0), metavar="S", help="of the energy transfer (default: until the target)"
    )
    wish = wanted.add_mutually_exclusive_group()
    wish.add_argument(
        "--charge-w", type=number(least=0, most=10_000_000), metavar="W", help="scheduled: charge with this power"
    )
    wish.add_argument(
        "--discharge-w", type=number(least=0, most=10_000_000), metavar="W", help="scheduled: feed the grid with it"
    )
    wanted.add_argument("--negative-current", action="store_true", help="before -20: feed the grid (SAE J2847/2)")
    wanted.add_argument(
        "--departure-s", type=whole(least=0, most=1_000_000_000), metavar="S", help="seconds until departure (a day)"
    )
    wanted.add_argument("--pause", action="store_true", help="end with a pause")
    wanted.add_argument(
        "--resume", type=Path, metavar="FILE", help="take up the paused session of FILE; keep one there"
    )
    wanted.add_argument("--evccid", metavar="ID", help="default: the name in the vehicle certificate")
    wanted.add_argument(
        "--loop-interval", type=number(least=0.01, most=0.25), default=0.1, metavar="S", help="of charge-loop requests"
    )
    wanted.add_argument(
        "--patience",
        type=number(least=1, most=100),
        default=1.0,
        metavar="FACTOR",
        help="wait this many times longer for each response: for slow stations on a bench",
    )
    wanted.add_argument(
        "--believe-precharge", action="store_true", help="for stations on a bench that report no pre-charge voltage"
    )

    _car_arguments(parser.add_argument_group("the car"))
    add_json(parser, "print one JSON object at the end and nothing else")


def _car_arguments(car: argparse._ArgumentGroup) -> None:
    car.add_argument("--battery", type=endpoint, metavar="HOST:PORT", help="use the battery of `v2g sim plant` there")
    car.add_argument(
        "--pilot", type=endpoint, metavar="HOST:PORT", help="plug in at the control pilot of `v2g sim pilot` there"
    )
    car.add_argument("--slac", action="store_true", help="match with the station first, over --interface (as root)")
    car.add_argument("--soc", type=number(least=0, most=1), metavar="0..1", help=f"of an own battery ({OWN_SOC:g})")
    capacity = number(least=100, most=10_000_000)
    car.add_argument("--capacity-wh", type=capacity, metavar="WH", help=f"({OWN_CAPACITY_WH:g})")
    car.add_argument("--soc-min", type=number(least=0, most=1), default=0.1, metavar="0..1", help="(0.1)")
    car.add_argument("--soc-target", type=number(least=0, most=1), default=0.8, metavar="0..1", help="(0.8)")
    car.add_argument("--soc-max", type=number(least=0, most=1), default=1.0, metavar="0..1", help="(1)")
    for name, default, unit in (
        ("max-charge-w", 11_000, "W"),
        ("max-discharge-w", 11_000, "W"),
        ("max-charge-a", 40, "A"),
        ("max-discharge-a", 40, "A"),
        ("voltage-min", 300, "V"),
        ("voltage-max", 460, "V"),
    ):
        largest = number(least=0, most=10_000_000)
        car.add_argument(f"--{name}", type=largest, default=float(default), metavar=unit, help=f"({default})")


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the session ended with SessionStop OK, 1 if it failed.

    Raises `V2GError` for unfit arguments or files.
    """
    import asyncio

    plan = _plan(args)
    outcome = asyncio.run(_drive(plan))
    _keep(plan, outcome)
    report = _report(plan, outcome)
    if args.json:
        print(json.dumps(report))
    else:
        print(_summary(outcome))
    return 0 if outcome.end.fault is None else 1


@dataclass(frozen=True)
class _Plan:
    """The arguments, understood."""

    args: argparse.Namespace
    service: "Service"
    route: "str | Endpoint"
    tls: "TlsContext | None"
    intent: "Intent"
    paused: "CarPaused | None"


def _plan(args: argparse.Namespace) -> _Plan:
    """Finds everything that can be wrong with the arguments and the files that they name. Raises `V2GError`."""
    from v2g.iso15118.service import Service

    service = Service[args.service or PROTOCOLS[args.protocol][0]]
    if service.name not in PROTOCOLS[args.protocol]:
        fitting = " or ".join(PROTOCOLS[args.protocol])
        raise EvError(f"--service {args.service} is not one of {args.protocol}; ask for {fitting}")
    old = not args.protocol.startswith("iso20")
    if old and args.mode == "dynamic":
        raise EvError(f"--mode dynamic needs ISO 15118-20; with {args.protocol} the car plans: leave it out")
    args.mode = args.mode or ("scheduled" if old else "dynamic")
    if not args.protocol.endswith("-pnc") and args.contract is not None:
        raise EvError(f"--contract needs Plug & Charge, {args.protocol} is none; ask for iso2-pnc or iso20-pnc")
    if args.protocol.endswith("-pnc") and args.no_tls:
        raise EvError(f"--no-tls does not go with {args.protocol}: a contract pays over TLS only; leave it out")
    if args.protocol == "din" and (args.pause or args.resume):
        raise EvError("--pause and --resume need another protocol; DIN SPEC 70121 has no pause")
    if args.mode == "dynamic" and (args.charge_w, args.discharge_w) != (None, None):
        raise EvError("--charge-w and --discharge-w need --mode scheduled; in dynamic mode the station decides")
    if args.negative_current and not (old and service.dc):
        raise EvError("--negative-current is for DC with ISO 15118-2 or DIN; in ISO 15118-20 ask for --service DC_BPT")
    if args.discharge_w is not None and not (service.bidirectional or args.negative_current):
        raise EvError(f"--discharge-w needs a bidirectional service or --negative-current, {service.name} is none")
    if not args.soc_min <= args.soc_target <= args.soc_max:
        raise EvError("--soc-min, --soc-target and --soc-max must not decrease")
    if args.slac and args.interface is None:
        raise EvError("--slac needs the --interface with the power-line modem")
    if args.evccid is not None and not 1 <= len(args.evccid) <= 255:
        raise EvError("--evccid must have 1 to 255 characters")
    if args.battery and (args.soc, args.capacity_wh) != (None, None):
        raise EvError("--soc and --capacity-wh are those of the plant at --battery; set them there")
    route = _route(args)
    tls = None if args.no_tls else _tls(args)
    paused = _paused(args.resume) if args.resume is not None and args.resume.exists() else None
    intent = _intent(args, service, tls)
    if paused is not None and (paused.selection.service, paused.selection.mode) != (service, intent.mode):
        selection = paused.selection
        raise EvError(
            f"--resume {args.resume} holds a session with --service {selection.service.name} "
            f"--mode {selection.mode.name.lower()}; ask for that, or remove the file to start a new session"
        )
    return _Plan(args, service, route, tls, intent, paused)


def _route(args: argparse.Namespace) -> "str | Endpoint":
    from v2g.io.discovery import Endpoint

    if (args.interface is None) == (args.host is None):
        raise EvError("give either --interface IF, to search for a station, or --host ADDR --port N")
    if args.interface is not None:
        if args.port is not None:
            raise EvError("--port goes with --host; a search on --interface finds the port by itself")
        return str(args.interface)
    if args.port is None:
        raise EvError("--host needs --port N")
    return Endpoint(args.host.strip("[]"), args.port)


def _tls(args: argparse.Namespace) -> "TlsContext":
    older = args.protocol.startswith("iso2-")
    return tls_context(args.pki or DEFAULT_PKI, args.tls_profile, args.protocol, older=older)


def tls_context(pki: Path, named: str | None, protocol: str, *, older: bool) -> "TlsContext":
    """What a car of this protocol uses for TLS. `named`: the profile; `older`: of ISO 15118-2. Raises `V2GError`."""
    from datetime import UTC, datetime

    from v2g.pki.profile import Anchor
    from v2g.pki.store import ISO2, root_files
    from v2g.tls.context import vehicle_context
    from v2g.tls.files import TlsFiles
    from v2g.tls.profile import ISO15118_2, PROFILES

    has_both = (pki / ISO2 / "v2g_root.pem").exists()
    wanted = named or (ISO15118_2.name if older and has_both else "iso15118-20")
    profile = {**PROFILES, ISO15118_2.name: ISO15118_2}.get(wanted)
    if profile is None:
        raise EvError(f"there is no TLS profile {wanted}; there are {', '.join([*PROFILES, ISO15118_2.name])}")
    if profile is ISO15118_2 and not older:
        raise EvError(f"--tls-profile {wanted} is TLS 1.2, which {protocol} does not admit; leave it out")
    if profile is ISO15118_2 and has_both:
        pki /= ISO2
    chain = pki / "oem_chain.pem"
    files = TlsFiles(
        certificate=pki / "vehicle_cert.pem",
        private_key=pki / "vehicle_key.pem",
        # A station of a private environment is trusted by its owner's root, which the car was given.
        roots=tuple(
            dict.fromkeys(
                [pki / "v2g_root.pem", *(each for kind in (Anchor.V2G, Anchor.PE) for each in root_files(pki, kind))]
            )
        ),
        chain=chain if chain.exists() else None,
    )
    return vehicle_context(files, profile, now=datetime.now(UTC))


def _intent(args: argparse.Namespace, service: "Service", tls: "TlsContext | None") -> "Intent":
    import time

    from v2g.iso15118.service import ControlMode
    from v2g.iso15118.vehicle import Intent
    from v2g.iso15118.view import Limits

    limits = Limits(
        charge_w=args.max_charge_w,
        discharge_w=args.max_discharge_w,
        charge_a=args.max_charge_a,
        discharge_a=args.max_discharge_a,
        voltage_min_v=args.voltage_min,
        voltage_max_v=args.voltage_max,
    )
    return Intent(
        evcc_id=args.evccid or _own_name(args.protocol, tls),
        service=service,
        mode=ControlMode[args.mode.upper()],
        limits=limits,
        editions=(_EDITIONS[args.protocol.partition("-")[0]],),
        soc_min=args.soc_min,
        soc_target=args.soc_target,
        soc_max=args.soc_max,
        departure_unix_s=None if args.departure_s is None else int(time.time()) + args.departure_s,
        wish_w=args.charge_w if args.discharge_w is None else -args.discharge_w,
        negative_current=args.negative_current,
        duration_s=args.duration,
        pause=args.pause,
        loop_interval_s=args.loop_interval,
        believe_precharge=args.believe_precharge,
        patience=args.patience,
        **_payment(args),
    )


def _payment(args: argparse.Namespace) -> dict[str, Any]:
    """What a car needs that pays by a contract."""
    if not args.protocol.endswith("-pnc"):
        return {}
    from v2g.cli.ev_contract import payment

    return payment(args.pki or DEFAULT_PKI, args.contract or "own", older=args.protocol.startswith("iso2-"))


def _own_name(protocol: str, tls: "TlsContext | None") -> str:
    if not protocol.startswith("iso20"):
        return _DEFAULT_MAC
    return (DEFAULT_EVCCID if tls is None else _common_name(tls)) or DEFAULT_EVCCID


def _common_name(tls: "TlsContext") -> str:
    """The name in the vehicle certificate, which is the car's EVCCID [V2G20-2598]."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    certificate = x509.load_pem_x509_certificate(tls.files.certificate.read_bytes())
    return next((str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), "")


def _paused(file: Path) -> "CarPaused":
    from v2g.iso15118.car_session import CarPaused
    from v2g.iso15118.service import ControlMode, Selection, Service

    try:
        kept = json.loads(regular_file.read(file))
        selection = Selection(Service[kept["service"]], int(kept["parameter_set"]), ControlMode[kept["mode"]])
        return CarPaused(bytes.fromhex(kept["session_id"]), bytes.fromhex(kept["station"]), selection)
    except OSError as error:
        raise EvError(f"--resume {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EvError(
            f"--resume {file} holds no paused session ({error!r}); remove it to start a new session"
        ) from error


def _keep(plan: _Plan, outcome: "Outcome") -> None:
    """Keep a paused session for the next time, forget one that is over ([V2G20-2613])."""
    file, paused = plan.args.resume, outcome.end.paused
    if file is None:
        return
    try:
        if paused is None:
            file.unlink(missing_ok=True)
            return
        kept = {
            "session_id": paused.session_id.hex(),
            "station": paused.station.hex(),
            "service": paused.selection.service.name,
            "parameter_set": paused.selection.parameter_set,
            "mode": paused.selection.mode.name,
        }
        regular_file.check(file)
        file.touch(mode=0o600)
        file.write_text(json.dumps(kept) + "\n")
    except OSError as error:
        raise EvError(f"--resume {file}: {error.strerror}") from error


async def _drive(plan: _Plan) -> "Outcome":
    import asyncio
    import signal

    from v2g.iso15118.view import Stop
    from v2g.run.car import Car

    own, background = await _vehicle(plan)
    vehicle, inlet = await _plugged_in(plan, own)
    watcher = _Silent() if plan.args.json else _Progress()
    car = Car(plan.intent, vehicle, watcher, plan.paused)
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, car.stop, Stop.TERMINATE)
    try:
        async with _matched(plan, watcher):
            return await car.drive(plan.route, plan.tls)
    finally:
        for task in filter(None, (background, inlet)):
            task.cancel()
            await asyncio.wait([task])


async def _plugged_in(plan: _Plan, vehicle: "Vehicle") -> "tuple[Vehicle, asyncio.Task[None] | None]":
    """The vehicle, with its inlet if there is a pilot to plug it in. Raises `V2GError`."""
    import asyncio

    if plan.args.pilot is None:
        return vehicle, None
    from v2g.bench.sim.inlet import Inlet
    from v2g.bench.sim.pilot import OPERATOR_UNIT, PilotOperator
    from v2g.io.modbus import ModbusConnection

    registers = ModbusConnection(*plan.args.pilot).unit(OPERATOR_UNIT, "the car's end of the cable")
    inlet = Inlet(vehicle, PilotOperator(registers))
    task = asyncio.create_task(inlet.run())
    await inlet.plug_in()
    return inlet, task


@asynccontextmanager
async def _matched(plan: _Plan, watcher: "_Silent | _Progress") -> "AsyncIterator[None]":
    """The power line matched, if `--slac` asks for it; left again at the end. Raises `EvError`."""
    if not plan.args.slac:
        yield
        return
    from v2g.io.plc import PlcLink
    from v2g.slac.car import CarMatching
    from v2g.slac.event import Unmatched, describe

    link = PlcLink(plan.args.interface, CarMatching, lambda event: watcher.note(describe(event)[0]))
    try:
        link.begin_matching()
        outcome = await link.outcome()
        if isinstance(outcome, Unmatched):
            raise EvError(f"no match with a station: {outcome.reason}")
        yield
    finally:
        link.end_matching()
        link.close()


async def _vehicle(plan: _Plan) -> "tuple[OwnBattery | PlantVehicle, asyncio.Task[None] | None]":
    """The vehicle, and what keeps it going. Raises `PowerError` when there is no plant at `--battery`."""
    import asyncio

    from v2g.bench.sim.vehicle import OwnBattery, PlantVehicle

    args = plan.args
    if args.battery is None:
        from v2g.bench.sim.battery import Battery

        soc = OWN_SOC if args.soc is None else args.soc
        return OwnBattery(Battery(args.capacity_wh or OWN_CAPACITY_WH, soc), dc=plan.service.dc), None
    from v2g.bench.sim.plant import VEHICLE_UNIT
    from v2g.bench.sim.vehicle_side import VehicleSide
    from v2g.io.modbus import ModbusConnection

    registers = ModbusConnection(*args.battery).unit(VEHICLE_UNIT, "the vehicle's side of the plant")
    vehicle = PlantVehicle(VehicleSide(registers), dc=plan.service.dc)
    await vehicle.start()
    return vehicle, asyncio.create_task(vehicle.run())


class _Silent:
    """Says nothing: for programs."""

    def note(self, text: str) -> None:
        pass

    def event(self, event: "Event") -> None:
        pass

    def turn(self, vehicle: "VehicleState", report: "Report") -> None:
        pass


class _Progress:
    """One line for each phase, and one each second while energy is transferred."""

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._begin_s = self._clock()
        self._next_s = self._begin_s

    def note(self, text: str) -> None:
        self._say(text)

    def event(self, event: "Event") -> None:
        from v2g.iso15118.event import Faulted, Moved

        match event:
            case Moved():
                self._say(event.after.replace("_", " ").lower())
            case Faulted():
                self._say(f"FAULT {event.fault.code} {event.fault.name}: {event.reason}")

    def turn(self, vehicle: "VehicleState", report: "Report") -> None:
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + PROGRESS_S
            verb = "charging" if vehicle.power_w >= 0 else "feeding the grid"
            station = f"{report.voltage_v:.0f} V {report.current_a:+.1f} A" if report.voltage_v else ""
            self._say(f"  {vehicle.power_w / 1000:+8.3f} kW {verb}, SoC {vehicle.soc:.2%}  {station}".rstrip())

    def _say(self, text: str) -> None:
        import textwrap

        stamp = f"{self._clock() - self._begin_s:7.2f} s  "
        print(textwrap.fill(text, 80, initial_indent=stamp, subsequent_indent=" " * len(stamp)), flush=True)


def _report(plan: _Plan, outcome: "Outcome") -> dict[str, Any]:
    failed = outcome.end.fault is not None
    return {
        "result": "failed" if failed else "ok",
        "protocol": plan.args.protocol,
        "service": plan.service.name,
        "mode": plan.args.mode,
        "tls": plan.tls is not None,
        "messages": outcome.messages,
        "energy_charged_wh": round(outcome.charged_wh, 3),
        "energy_discharged_wh": round(outcome.discharged_wh, 3),
        "soc_start": round(outcome.soc_start, 6),
        "soc_end": round(outcome.soc_end, 6),
        "stop_reason": None if failed else outcome.end.reason,
        "error": outcome.end.reason if failed else None,
    }


def _summary(outcome: "Outcome") -> str:
    end = outcome.end
    ending = f"ended: {end.reason}" if end.fault is None else f"FAILED: {end.reason}"
    return (
        f"{ending}\n"
        f"charged {outcome.charged_wh:.1f} Wh, discharged {outcome.discharged_wh:.1f} Wh, "
        f"SoC {outcome.soc_start:.2%} to {outcome.soc_end:.2%}, {outcome.messages} messages"
    )
