"""`v2g pilot`: what a control pilot shows, and the hand at the cable of a simulated one."""

import argparse
import asyncio
from pathlib import Path

from v2g.cli.arguments import endpoint, number, whole
from v2g.cli.parser import UsageError
from v2g.kernel import regular_file
from v2g.pilot.duty import DIGITAL, STEADY_HIGH, STEADY_LOW, meaning
from v2g.pilot.state import DUTY_TOLERANCE, find


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the pilot is, what is expected of it, and what to do at a simulated cable."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--capture", type=Path, metavar="FILE", help="of the kernel's PWM: /sys/class/pwm/pwmchip0/pwm0/capture"
    )
    where.add_argument("--modbus", type=endpoint, metavar="HOST:PORT", help="the microcontroller with the pilot")
    parser.add_argument(
        "--expect",
        type=number(least=0, most=100),
        metavar="PERCENT",
        help="with --capture: the duty cycle that is sent, if not 5; 0 or 100 for no PWM",
    )
    hand = parser.add_argument_group("at the cable of `v2g sim pilot`, with --modbus")
    hand.add_argument("--cable", choices=("unplugged", "sound", "shorted", "no_diode"), help="do this to it first")
    hand.add_argument("--wants-energy", action="store_true", help="the car closes S2 as soon as it may")
    hand.add_argument("--toggles", type=whole(least=0), choices=(1, 2, 3), default=0, help="BCB toggles of the car")


def run(args: argparse.Namespace) -> int:
    """Prints one line.

    Returns 0, or 1 for a captured duty cycle that is not the expected one. Raises `V2GError` if the pilot cannot be
    read, or if there is no cable to act at.
    """
    if (args.cable and args.capture) or (args.cable is None and (args.wants_energy or args.toggles)):
        raise UsageError("acting at a cable needs --modbus and --cable")
    if args.expect is not None and not args.capture:
        raise UsageError("--expect needs --capture")
    if args.capture:
        expected = DIGITAL if args.expect is None else args.expect / 100
        line, right = _captured(args.capture, expected)
    else:
        line, right = asyncio.run(_read(args)), True
    print(line)
    return 0 if right else 1


def _captured(path: Path, expected: float) -> tuple[str, bool]:
    """What the line shows, and whether that is what is sent."""
    from v2g.power.drivers.pwm_sysfs import captured_duty

    regular_file.check(path)
    duty = captured_duty(path)
    shown = "no PWM" if duty is None else _meant(duty)
    if expected in (STEADY_LOW, STEADY_HIGH):
        return (shown, True) if duty is None else (f"{shown}; no PWM is expected", False)
    if duty is not None and abs(duty - expected) <= DUTY_TOLERANCE + 1e-9:
        return shown, True
    least, most = max(expected - DUTY_TOLERANCE, 0.0), min(expected + DUTY_TOLERANCE, 1.0)
    return f"{shown}; {100 * least:g}% to {100 * most:g}% is expected", False


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
