"""Sets the stage: certificates, configuration and processes of the demonstration, and takes everything down again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from v2g.bench.offspring import end_with_parent
from v2g.bench.sim import netns
from v2g.kernel.errors import V2GError
from v2g.pki import hierarchy as pki
from v2g.pki.hierarchy import EMAID

CHARGE_S, FOLLOW_S = 8.0, 16.0
BATTERY_WH, SOC = 10_000.0, 0.6
"""A small battery: half a minute shows on its state of charge."""
CAR_DISCHARGE_A = 20.0
MAC = "02:00:00:00:00:01"
"""The EVCCID of `v2g ev` before ISO 15118-20."""
CHARGE_W, FEED_W, LIMIT_W = 7_000, -5_000, 4_000
"""What a back end asks for."""
NOMINAL_HZ = 50.0
ATTENUATION_DB = 8
START_S, STOP_S = 15.0, 2.0
"""How long a process may take to say that it is ready, and to end. What is killed then is simulated."""


class StageError(V2GError):
    """A process of the demonstration did not start."""


@dataclass(frozen=True)
class Stage:
    """The running processes, as far as the show needs them."""

    directory: Path
    station: str
    """What the station said when it was ready."""
    battery: asyncio.subprocess.Process
    """Prints the state of charge, a JSON line each time (see `v2g.bench.demo.instrument`)."""
    car: asyncio.subprocess.Process
    back_end: asyncio.subprocess.Process | None
    """Prints what arrives at it, a line each; None without one."""
    why_no_line: str | None
    """Why there is no power line, on which the car is matched and searches for the station; None if there is one.
    Without it the car gets the address."""

    @property
    def control(self) -> Path:
        return self.directory / "control.sock"

    @property
    def trace(self) -> Path:
        return self.directory / "session_trace.log"

    @property
    def configuration(self) -> Path:
        """The station's configuration file."""
        return self.directory / "config.yaml"

    async def outcome(self) -> dict[str, Any]:
        """What the car says at its end. Raises `StageError` if its output cannot be read."""
        output, errors = await self.car.communicate()
        try:
            result: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise StageError(f"the car ended without a result: {errors.decode().strip() or output.decode()}") from error
        return result


@asynccontextmanager
async def stage(directory: Path, kind: str, *, ocpp: bool = False) -> AsyncIterator[Stage]:
    """Start everything, the car last; whatever still runs at the end is stopped. `kind`: the car's protocol. `ocpp`: a
    back end accepts the station and the car, and gives the transaction its set-points.

    If network namespaces can be made, car and station have a simulated modem each, behind veth pairs in one, so that
    the car is matched and discovers the station; otherwise they use the loopback interface and a given address.
    """
    pki.create(directory / "pki", now=datetime.now(UTC), force=True, both=kind.startswith("iso2-") and _encrypted(kind))
    why_no_line = netns.why_not()
    processes: list[asyncio.subprocess.Process] = []
    async with AsyncExitStack() as stack:
        cable = stack.enter_context(netns.power_line(apart=False)) if why_no_line is None else None
        prefix = [] if cable is None else cable.station.command()
        stack.push_async_callback(_stop, processes)

        async def launch(*arguments: str, module: str = "v2g") -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                *prefix, sys.executable, "-m", module, *arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                preexec_fn=end_with_parent, start_new_session=True,
            )  # fmt: skip
            processes.append(process)
            return process

        async def start(*arguments: str) -> str:
            return await _line_of(await launch(*arguments), arguments)

        back_end, url = None, ""
        if ocpp:
            back_end = await launch("csms", "--listen", "127.0.0.1:0", *_orders(kind))
            url = (await _line_of(back_end, ("csms",))).removeprefix("listening on ")
        grid = await start("sim", "grid", "--listen", "127.0.0.1:0", "--nominal", f"{NOMINAL_HZ:.0f}")
        contactor = await start(
            "sim", "contactor", "--listen", "127.0.0.1:0", "--log", str(directory / "contactor.log")
        )
        plant = await start(
            "sim", "plant", "--listen", "127.0.0.1:0", "--contactor", _address(contactor), "--grid", _address(grid),
            "--battery-wh", str(BATTERY_WH), "--soc", str(SOC),
        )  # fmt: skip
        pilot = await start("sim", "pilot", "--listen", "127.0.0.1:0")
        if cable is not None:
            ends = (
                "--station",
                cable.station_modem.interface,
                "--car",
                f"{cable.car_modem.interface}:{ATTENUATION_DB}",
            )
            await start("plc", "sim", *ends)
        config = directory / "config.yaml"
        line = f"interface: {cable.station.interface}\n    plc: {{}}" if cable else ""
        config.write_text(
            _configuration(directory, plant, contactor, grid, pilot, line, kind) + _back_end(directory, url)
        )
        station = await start("daemon", "--config", str(config), "--port", "0")
        port = station.split("]:")[1].split(",")[0] if _encrypted(kind) else station.rpartition(" ")[2]
        route = ["--host", "::1", "--port", port] if cable is None else ["--interface", cable.car.interface, "--slac"]
        battery = await launch(f"modbus://{_address(plant)}", module="v2g.bench.demo.instrument")
        car = await launch(
            "ev", *route, *_kind(kind, directory / "pki"), "--battery", _address(plant), "--pilot", _address(pilot),
            "--max-discharge-a", str(CAR_DISCHARGE_A), "--json",
        )  # fmt: skip
        yield Stage(directory, station, battery, car, back_end, why_no_line)


def _newest(kind: str) -> bool:
    """Whether the car speaks ISO 15118-20: then the station decides the power, in both directions."""
    return kind.startswith("iso20-")


def _negative(kind: str) -> bool:
    """Whether it is a car of before that feeds by a negative current (SAE J2847/2)."""
    return kind.endswith("-v2g")


def _paid(kind: str) -> bool:
    """Whether it has a contract. With a negative current a car of ISO 15118-2 is known by that; DIN has none."""
    return kind.endswith("-pnc") or kind == "iso2-v2g"


def _encrypted(kind: str) -> bool:
    """Whether the car speaks TLS: those of before ISO 15118-20 do without, as most of them, unless a contract pays."""
    return _newest(kind) or _paid(kind)


def _kind(kind: str, pki: Path) -> list[str]:
    """The arguments of the car."""
    protocol = kind.replace("iso2-v2g", "iso2-pnc").removesuffix("-v2g")
    security = ["--pki", str(pki)] if _encrypted(kind) else ["--no-tls"]
    seconds = CHARGE_S + FOLLOW_S if _newest(kind) else CHARGE_S
    service = ["--service", "DC_BPT", "--mode", "dynamic"] if _newest(kind) else []
    wish = ["--negative-current", "--discharge-w", str(-FEED_W)] if _negative(kind) else []
    return ["--protocol", protocol, *security, *service, *wish, "--duration", str(seconds)]


def _listed(kind: str) -> str:
    """How the station knows a car that feeds by a negative current."""
    if not _negative(kind):
        return ""
    return f", negative_current: [{EMAID}]" if _paid(kind) else f', negative_current_unproved: ["{MAC}"]'


def _orders(kind: str) -> list[str]:
    """What the back end asks of the transaction. A car of before ISO 15118-20 follows no set-point: it gets a limit."""
    if not _newest(kind):
        return ["--limit", str(LIMIT_W)]
    return [f"--setpoint={CHARGE_W}", f"--setpoint={FEED_W}@{CHARGE_S:.0f}"]


def _back_end(directory: Path, url: str) -> str:
    """The part of the configuration about the back end; nothing without one."""
    if not url:
        return ""
    (directory / "ocpp.password").write_text("for this demonstration only\n")
    return f"""\
ocpp:
  url: {url}
  identity: v2g-demo
  security_profile: 1  # this machine only
  password_file: {directory / "ocpp.password"}
  store: {directory / "ocpp.db"}
"""


def _configuration(directory: Path, plant: str, contactor: str, grid: str, pilot: str, line: str, kind: str) -> str:
    plant, contactor, grid, pilot = map(_address, (plant, contactor, grid, pilot))
    ac, plain = kind.endswith("-ac"), str(not _encrypted(kind)).lower()
    feeds = str(_newest(kind) or _negative(kind)).lower()
    contracts = "\n    contracts: true\n    receipts_s: 4" if _paid(kind) else ""
    converts = (
        ""
        if ac
        else f"""\
    inverter: {{address: "modbus://{plant}?unit=1"}}
    isolation: {{address: "modbus://{plant}?unit=3"}}
"""
    )
    return f"""\
evses:
  - evse_id: "DE*V2G*E0000001"
    services: [{"AC" if ac else "DC_BPT, DC"}]
    access: {{grant: everyone, discharge: true, unproved: true{_listed(kind)}}}{contracts}
    nominal_hz: {NOMINAL_HZ}
    dispatch:
      - {{power_w: 7000, for_s: {CHARGE_S}}}
      - {{follow: frequency, nominal_hz: {NOMINAL_HZ}, base_w: -3000, w_per_hz: 45000, deadband_hz: 0.01}}
{converts}    meter: {{address: "modbus://{plant}?unit=2"}}
    contactor: {{address: "modbus://{contactor}"}}
    grid: {{address: "modbus://{grid}"}}
    pilot: {{device: {{address: "modbus://{pilot}"}}}}
    {line}
    grid_code:
      name: ieee1547-cat3
      # The show does not wait five minutes. A car that only charges would get nothing while the frequency is low.
      settings: {{enter_service.delay_s: 0, enter_service.ramp_s: 0, frequency_droop.under_enabled: {feeds}}}
# Nobody here says which certificates were revoked.
tls: {{directory: "{directory / "pki"}", plain: {plain}, revocation: ignore}}
trace: {{file: "{directory / "session_trace.log"}"}}
control: {{socket: "{directory / "control.sock"}"}}
"""


async def _line_of(process: asyncio.subprocess.Process, arguments: tuple[str, ...]) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        with suppress(ProcessLookupError):
            process.kill()
        errors = (await process.stderr.read()).decode().strip()
        raise StageError(f"`v2g {' '.join(arguments[:2])}` did not start: {errors or 'no word within 15 s'}")
    return line.decode().strip()


def _address(line: str) -> str:
    return line.removeprefix("listening on ")


async def _stop(processes: Iterable[asyncio.subprocess.Process]) -> None:
    """Ends all that still run, at once."""
    running = [each for each in processes if each.returncode is None]
    for process in running:
        with suppress(ProcessLookupError):
            process.terminate()
    ending = [asyncio.create_task(process.communicate()) for process in running]
    if ending:
        await asyncio.wait(ending, timeout=STOP_S)
    for process in running:
        with suppress(ProcessLookupError):
            process.kill()
    await asyncio.gather(*ending, return_exceptions=True)
