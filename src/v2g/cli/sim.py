"""`v2g sim plant|sunspec|contactor|grid|waveform|pilot|safety|lock|reader`: simulated hardware, each a process.

All are Modbus servers, over TCP or on a serial line (RTU), but for `waveform`, which sends datagrams, and
`reader`, which sends lines of text. `plant`,
`contactor` and `grid` may be on a CAN bus too, behind a serial adapter (SLCAN).
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from errno import EADDRINUSE
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from v2g.cli.arguments import endpoint, listening, number, whole
from v2g.cli.sim_devices import AMBIENT, add_devices
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.bench.sim.grid import Recording
    from v2g.bench.sim.plant import Plant
    from v2g.power.address import Address
    from v2g.power.registers.map import RegisterMap


INSULATION = "of the vehicle (default: 1000000)"


class SimError(V2GError):
    """A simulated device cannot start."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the devices as subcommands with their options."""
    devices = parser.add_subparsers(dest="device", required=True)

    plant = devices.add_parser("plant", help="inverter, meter, isolation monitor and the vehicle's battery")
    plant.add_argument("--inverter-map", type=Path, metavar="FILE.yaml", help="register map instead of the shipped one")
    plant.set_defaults(start=_plant)

    sunspec = devices.add_parser("sunspec", help="the same plant with a SunSpec inverter")
    sunspec.set_defaults(start=_sunspec)

    for device in (plant, sunspec):
        device.add_argument("--battery-wh", type=number(above=0), default=60_000.0, metavar="WH", help="capacity")
        device.add_argument("--soc", type=number(least=0, most=1), default=0.6, metavar="0..1", help="at the start")
        device.add_argument("--contactor", type=endpoint, metavar="HOST:PORT", help="default: one of its own at unit 5")
        device.add_argument("--grid", type=endpoint, metavar="HOST:PORT", help="default: 230 V, 50 Hz")
        device.add_argument("--ambient-c", type=number(least=-40, most=85), default=25.0, metavar="C", help=AMBIENT)
        device.add_argument(
            "--isolation-ohm", type=number(least=0), default=1_000_000.0, metavar="OHM", help=INSULATION
        )
        device.add_argument("--self-test-fails", action="store_true", help="the isolation monitor is broken")

    contactor = devices.add_parser("contactor", help="remote I/O module with the station's contactor")
    contactor.add_argument(
        "--stuck",
        choices=("open", "closed", "welded"),
        help="open: never closes; closed: welds when it closes first; welded: closed from the start",
    )
    contactor.add_argument("--log", type=Path, metavar="FILE", help="where to log the switching times (stdout)")
    contactor.set_defaults(start=_contactor)

    grid = devices.add_parser("grid", help="grid sensing unit")
    grid.set_defaults(start=_grid)

    waveform = devices.add_parser("waveform", help="unit that samples the grid's voltages and sends them by UDP")
    waveform.add_argument("--send", type=endpoint, required=True, metavar="HOST:PORT", help="where to")
    waveform.add_argument("--rate", type=number(least=1000, most=20_000), default=3200.0, metavar="HZ", help="samples")
    waveform.set_defaults(start=_waveform)

    reader = devices.add_parser("reader", help="card reader; a line with a number shows that card to all connections")
    reader.add_argument("--listen", type=endpoint, required=True, metavar="HOST:PORT", help="port 0 picks a free one")
    reader.set_defaults(start=_reader)

    for device in (grid, waveform):
        source = device.add_mutually_exclusive_group()
        source.add_argument("--recording", type=Path, metavar="FILE.csv", help="time_s,frequency_hz[,voltage_v]")
        source.add_argument("--generate", action="store_true", help="a new signal instead of the package's excerpt")
        device.add_argument(
            "--nominal", type=int, choices=(50, 60), default=60, metavar="50|60", help="Hz, unless recorded"
        )
        device.add_argument("--seed", type=whole(least=0), default=1, help="of --generate")

    for device in (plant, sunspec, contactor, grid, *add_devices(devices)):
        device.add_argument(
            "--listen",
            type=listening,
            action="append",
            required=True,
            metavar="HOST:PORT",
            help="port 0 picks a free one; or modbus+rtu:///PATH, can:///PATH: a line of that name; repeatable",
        )


def run(args: argparse.Namespace) -> int:
    """Serves the device until a signal. Returns 0. Raises `V2GError` if it cannot start."""
    start: Callable[[argparse.Namespace], Coroutine[None, None, None]] = args.start
    try:
        asyncio.run(start(args))
    except OSError as error:
        places = ", ".join(map(_place, getattr(args, "listen", ())))
        reason = "the address is in use" if error.errno == EADDRINUSE else error.strerror or str(error)
        raise SimError(f"{places or args.device}: {reason}; name another address") from error
    return 0


def _place(place: "tuple[str, int] | Address") -> str:
    return f"{place[0]}:{place[1]}" if isinstance(place, tuple) else place.path


async def _plant(args: argparse.Namespace) -> None:
    from v2g.bench.sim.process import serve
    from v2g.power.registers.map import load

    plant = _made_plant(args, args.inverter_map and load(args.inverter_map))
    await serve(plant.units, args.listen, plant.run, on_can={1: "inverter", 2: "meter", 3: "isolation", 5: "contactor"})


async def _sunspec(args: argparse.Namespace) -> None:
    from v2g.bench.sim.process import serve
    from v2g.bench.sim.sunspec_plant import SunSpecPlant

    plant = _made_plant(args)
    await serve(plant.units, args.listen, SunSpecPlant(plant, time.monotonic).run)


def _made_plant(args: argparse.Namespace, inverter_map: "RegisterMap | None" = None) -> "Plant":
    from v2g.bench.sim.battery import Battery
    from v2g.bench.sim.plant import Plant
    from v2g.bench.sim.plant_model import PlantModel, PlantSettings
    from v2g.io.modbus import ModbusConnection
    from v2g.power.drivers.register_map import RegisterContactor, RegisterGridSensor

    settings = PlantSettings(ambient_c=args.ambient_c, isolation_ohm=args.isolation_ohm)
    return Plant(
        PlantModel(Battery(args.battery_wh, args.soc), settings),
        time.monotonic,
        contactor=args.contactor and RegisterContactor(ModbusConnection(*args.contactor).unit(1, "contactor")),
        grid=args.grid and RegisterGridSensor(ModbusConnection(*args.grid).unit(1, "grid sensing unit")),
        inverter_map=inverter_map,
        self_test_passes=not args.self_test_fails,
    )


async def _contactor(args: argparse.Namespace) -> None:
    from v2g.bench.sim.contactor import ContactorModule, Stuck
    from v2g.bench.sim.process import serve

    with _log(args.log) if args.log else nullcontext(sys.stdout) as file:

        def log(time_s: float, closed: bool, cause: str) -> None:
            print(f"{time_s:.3f} {'closed' if closed else 'open'} {cause}", file=file, flush=True)

        module = ContactorModule(time.monotonic, stuck=args.stuck and Stuck(args.stuck), log=log)
        await serve({1: module.unit}, args.listen, module.run, on_can={1: "contactor"})


def _log(path: Path) -> TextIO:
    try:
        regular_file.check_written(path)
        return path.open("a")
    except OSError as error:
        raise SimError(f"--log {path}: {error.strerror}; name a file that can be written") from error


async def _grid(args: argparse.Namespace) -> None:
    from v2g.bench.sim.grid import GridUnit
    from v2g.bench.sim.process import serve

    await serve({1: GridUnit(_recording(args), time.monotonic).unit}, args.listen, on_can={1: "grid"})


async def _waveform(args: argparse.Namespace) -> None:
    from v2g.bench.sim.process import until_stopped
    from v2g.bench.sim.waveform import Waveforms, send

    waveforms = Waveforms(_recording(args), args.rate)
    host, port = args.send
    await until_stopped(f"sending to {host}:{port}", lambda: send(waveforms, host, port, time.monotonic))


async def _reader(args: argparse.Namespace) -> None:
    from v2g.bench.sim.card_reader import CardReaderServer
    from v2g.bench.sim.process import until_stopped

    server = await CardReaderServer().serve(*args.listen)
    host, port, *_ = server.sockets[0].getsockname()
    await until_stopped(f"listening on {host}:{port}", server.serve_forever)


def _recording(args: argparse.Namespace) -> "Recording":
    from v2g.bench.sim.grid import generate, load, shipped_recording

    if args.recording:
        return load(args.recording)
    return generate(args.nominal, seed=args.seed) if args.generate else shipped_recording(args.nominal)
