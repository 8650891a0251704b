"""`v2g sim pilot|safety|lock`: the small devices of an EVSE, beside the power electronics of `v2g.cli.sim`."""

import argparse
import time

from v2g.cli.arguments import endpoint, number

AMBIENT = "temperature of the air (default: 25)"


def add_devices(devices: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """Adds the devices as subcommands; returns their parsers, which still lack `--listen`."""
    pilot = devices.add_parser("pilot", help="microcontroller with the control pilot, and the cable behind it")
    pilot.add_argument("--plugged-in", action="store_true", help="a car is at the cable from the start")
    pilot.add_argument("--wants-energy", action="store_true", help="and closes S2 as soon as it may")
    pilot.add_argument("--asleep", action="store_true", help="a car that only state F wakes")
    pilot.add_argument("--stubborn", action="store_true", help="a car that goes on drawing when the PWM stops")
    pilot.set_defaults(start=_pilot)

    safety = devices.add_parser("safety", help="emergency stop, door, residual current, temperatures, coolant pump")
    safety.add_argument("--ambient-c", type=number(least=-40, most=85), default=25.0, metavar="C", help=AMBIENT)
    safety.add_argument(
        "--plant", type=endpoint, metavar="HOST:PORT", help="whose inverter's losses are the heat; default: no losses"
    )
    safety.set_defaults(start=_safety)

    lock = devices.add_parser("lock", help="remote I/O module with the lock of the station's socket")
    lock.add_argument(
        "--broken",
        choices=("jammed", "slow", "feedback-lost"),
        help="jammed: does not move; slow: arrives too late; feedback-lost: its switches are silent",
    )
    lock.add_argument("--locked", action="store_true", help="at the start")
    lock.set_defaults(start=_lock)
    return [pilot, safety, lock]


async def _pilot(args: argparse.Namespace) -> None:
    from v2g.bench.sim.pilot import Cable, PilotModule
    from v2g.bench.sim.process import serve
    from v2g.pilot.vehicle import VehiclePilot

    vehicle = VehiclePilot(asleep=args.asleep, stubborn=args.stubborn)
    vehicle.wants_energy = args.wants_energy
    cable = Cable.SOUND if args.plugged_in else Cable.UNPLUGGED
    module = PilotModule(time.monotonic, vehicle=vehicle, cable=cable)
    await serve(module.units, args.listen, module.run)


async def _safety(args: argparse.Namespace) -> None:
    from v2g.bench.sim.heat import Heat
    from v2g.bench.sim.process import serve
    from v2g.bench.sim.safety import SafetyModule
    from v2g.io.modbus import ModbusConnection
    from v2g.power.drivers.register_map import RegisterInverter

    inverter = args.plant and RegisterInverter(ModbusConnection(*args.plant).unit(1, "inverter"))
    module = SafetyModule(time.monotonic, heat=Heat(args.ambient_c), inverter=inverter)
    await serve(module.units, args.listen, module.run)


async def _lock(args: argparse.Namespace) -> None:
    from v2g.bench.sim.lock import Broken, LockModule
    from v2g.bench.sim.process import serve

    module = LockModule(time.monotonic, broken=args.broken and Broken(args.broken), bolt=float(args.locked))
    await serve({1: module.unit}, args.listen)
