"""`v2g pilot`: what a control pilot shows, and the hand at the cable of a simulated one."""

import argparse
import asyncio
import sys
from pathlib import Path

from v2g.cli.arguments import endpoint
from v2g.kernel.errors import V2GError
from v2g.pilot.duty import meaning
from v2g.pilot.state import find


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds where the pilot is, and what to do at a simulated cable."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--capture", type=Path, metavar="FILE", help="of the kernel's PWM: /sys/class/pwm/pwmchip0/pwm0/capture"
    )
    where.add_argument("--modbus", type=endpoint, metavar="HOST:PORT", help="the microcontroller with the pilot")
    hand = parser.add_argument_group("at the cable of `v2g sim pilot`, with --modbus")
    hand.add_argument("--cable", choices=("unplugged", "sound", "shorted", "no_diode"), help="do this to it first")
    hand.add_argument("--wants-energy", action="store_true", help="the car closes S2 as soon as it may")
    hand.add_argument("--toggles", type=int, choices=(1, 2, 3), default=0, help="the car makes so many BCB toggles")


def run(args: argparse.Namespace) -> int:
    """Prints one line. Returns 0, or 2 when the pilot cannot be read or there is no cable to act at."""
    if (args.cable and args.capture) or (args.cable is None and (args.wants_energy or args.toggles)):
        print("v2g pilot: error: acting at a cable needs --modbus and --cable", file=sys.stderr)
        return 2
    try:
        print(_captured(args.capture) if args.capture else asyncio.run(_read(args)))
    except V2GError as error:
        print(f"v2g pilot: error: {error}", file=sys.stderr)
        return 2
    return 0


def _captured(path: Path) -> str:
    from v2g.power.drivers.pwm_sysfs import captured_duty

    duty = captured_duty(path)
    return "no PWM" if duty is None else _meant(duty)


async def _read(args: argparse.Namespace) -> str:
    from v2g.bench.sim.pilot import OPERATOR_UNIT, PILOT_UNIT, Cable, PilotOperator
    from v2g.io.modbus import ModbusConnection
    from v2g.power.drivers.register_pilot import RegisterPilot

    connection = ModbusConnection(*args.modbus)
    if args.cable is not None:
        operator = PilotOperator(connection.unit(OPERATOR_UNIT, "operator"))
        await operator.act(Cable(args.cable), wants_energy=args.wants_energy, toggles=args.toggles)
    reading = await RegisterPilot(connection.unit(PILOT_UNIT, "control pilot")).read()
    finding = find(reading)
    levels = f"{finding.name}: {reading.high_v:+.1f} V, {reading.low_v:+.1f} V, {_meant(reading.duty)}"
    return levels if finding.flaw is None else f"{levels}; {finding.flaw}"


def _meant(duty: float) -> str:
    meant = meaning(duty)
    if meant.digital:
        means = "digital communication (ISO 15118)"
    else:
        means = f"up to {meant.current_a:.1f} A" if meant.current_a else "no charging"
    return f"duty cycle {duty:.1%}: {means}"
