"""Runs the demonstration and shows it in a terminal, line by line, in 80 columns."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

from v2g.bench.demo.stage import ATTENUATION_DB, Stage, stage
from v2g.bench.sim.plc_modem import PlcPair
from v2g.io.control import request
from v2g.slac.event import Began, Joining, Matched, Sounded, describe
from v2g.station.command import Status

SAMPLE_S = 0.2
LINE_S = 1.0
"""Between two lines while energy flows."""
MATCHING_S = 3.0
"""More than a matching in memory takes."""
BAR, BAR_W = 14, 9_000.0
"""Length of either half of the bar in characters, and in power."""

_THEN = {
    "iso20-dc": ", then feeds the grid as its frequency asks",
    "iso20-pnc": " and feeds the grid, paid by its contract (Plug & Charge, ISO 15118-20)",
    "iso2-pnc": ", paid by its contract (Plug & Charge, ISO 15118-2)",
    "iso2-dc": " with direct current (ISO 15118-2)",
    "iso2-ac": " with alternating current (ISO 15118-2)",
    "din": " with direct current (DIN SPEC 70121)",
    "iso2-v2g": " and feeds the grid by a negative current (ISO 15118-2, SAE J2847/2), known by its contract",
    "din-v2g": " and feeds the grid by a negative current (DIN SPEC 70121, SAE J2847/2)",
}
_PHASES = {
    "SUPPORTED_APP_PROTOCOL": "the car has connected",
    "SESSION_SETUP": "agreed on the protocol",
    "CABLE_CHECK": "cable check: contactor, test voltage, insulation",
    "PRECHARGING": "pre-charge to the battery's voltage",
    "CHARGE_LOOP": "energy transfer",
    "PRECHARGED": "pre-charge to the battery's voltage",
    "AC_CHARGE_LOOP": "energy transfer",
    "DC_CHARGE_LOOP": "energy transfer",
    "WELDING_DETECTION": "power off, contactor open, welding detection",
    "ENDED": "session ended",
}


_PILOT = {
    "A1": "no car",
    "B1": "plugged in",
    "B2": "5 % duty cycle, high-level communication",
    "C2": "the car asks for energy",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The station and the battery at one time."""

    time_s: float
    """Since the car was started."""
    phase: str
    frequency_hz: float | None
    target_w: float | None
    power_w: float
    soc: float | None
    limited_by: str | None


@dataclass(slots=True)
class Performance:
    """Everything that the demonstration recorded."""

    samples: list[Sample] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)
    """The station's own account of the session."""
    car: dict[str, Any] = field(default_factory=dict)
    """The car's own account."""
    station: str = ""
    discovered: bool = False
    trace: str = ""
    settings: str = ""
    """The station's configuration file."""
    back_end: list[str] = field(default_factory=list)
    """What has arrived at the back end, if there is one."""

    @property
    def completed(self) -> bool:
        """Whether both sides say that the session ended as it should."""
        return self.car.get("result") == "ok" and self.status.get("result") == "completed"


async def perform(directory: Path, kind: str, say: Callable[[str], None], *, ocpp: bool = False) -> Performance:
    """Set the stage, run one session of a `kind` of car, and say what happens. `ocpp`: with a back end, which gives the
    orders. Raises `V2GError` if something does not start."""
    then = ", then feeds the grid as its back end asks" if ocpp and kind == "iso20-dc" else _THEN[kind]
    does = "" if kind.endswith("-v2g") else ", charges"
    say(f"v2g demo: a car plugs in{does}{then}\n")
    back_end = "back end, " if ocpp else ""
    say(f"  starting grid, contactor, inverter, pilot, {back_end}station, car: each a process")
    async with stage(directory, kind, ocpp=ocpp) as running:
        show = _Show(running, say)
        say(f"  {running.station}")
        if running.why_no_line is None:
            say("  the car is matched over the power line (SLAC), then searches for the station\n")
        else:
            why = f"{running.why_no_line}: the matching (SLAC) runs in memory, on a virtual clock"
            say(fill(why, 80, initial_indent="  ", subsequent_indent="  "))
            for line in matching_in_memory():
                say(f"  {line}")
            say("  the car connects to the given address\n")
        watching = [asyncio.create_task(each) for each in (show.watch_battery(), show.follow(), show.watch_back_end())]
        try:
            show.performance.car = await running.outcome()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        await show.look()
        show.performance.trace = running.trace.read_text()
        show.performance.settings = running.configuration.read_text()
    return show.performance


class _Show:
    def __init__(self, running: Stage, say: Callable[[str], None]) -> None:
        self.performance = Performance(station=running.station, discovered=running.why_no_line is None)
        self._running, self._say = running, say
        self._started = time.monotonic()
        self._soc: float | None = None
        self._phase = self._pilot = self._matched = ""
        self._line_at = 0.0

    async def watch_battery(self) -> None:
        """Keep the latest state of charge."""
        assert self._running.battery.stdout is not None
        async for line in self._running.battery.stdout:
            self._soc = json.loads(line)["soc"]

    async def watch_back_end(self) -> None:
        """Say what arrives at the back end, if there is one."""
        back_end = self._running.back_end
        if back_end is None or back_end.stdout is None:
            return
        async for line in back_end.stdout:
            if said := _of_back_end(line.decode()):
                self.performance.back_end.append(said)
                self._say(f"{time.monotonic() - self._started:5.1f} s  back end: {said}")

    async def follow(self) -> None:
        """Look at the station until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SAMPLE_S)

    async def look(self) -> None:
        """Take one sample, and say what is new."""
        [status] = (await asyncio.to_thread(request, self._running.control, Status()))["evses"]
        now = time.monotonic() - self._started
        if status["session"]:
            self.performance.status = status
        sample = Sample(
            time_s=now,
            phase=status["phase"],
            frequency_hz=status["frequency_hz"],
            target_w=status["target_w"],
            power_w=status["power_w"] or 0.0,
            soc=self._soc,
            limited_by=status["limited_by"],
        )
        self.performance.samples.append(sample)
        self._say_cable(now, status)
        if sample.phase != self._phase:
            self._phase = sample.phase
            if sample.phase in _PHASES:
                self._say(f"{now:5.1f} s  {_PHASES[sample.phase]}")
            if sample.phase.endswith("CHARGE_LOOP"):
                self._say("         grid Hz  target   power kW   feeding grid | charging     SoC %")
        if sample.phase.endswith("CHARGE_LOOP") and sample.target_w is not None and now >= self._line_at:
            self._line_at = now + LINE_S
            self._say(_line(sample))

    def _say_cable(self, now: float, status: dict[str, Any]) -> None:
        """Says what is new at the plug and on the power line."""
        pilot, matched = status["pilot"] or "", status["matched_car"] or ""
        if pilot in _PILOT and pilot != self._pilot:
            self._say(f"{now:5.1f} s  control pilot {pilot}: {_PILOT[pilot]}")
            self._pilot = pilot
        if matched and matched != self._matched:
            self._matched = matched
            level = status["plc"]["attenuation_db"]
            self._say(f"{now:5.1f} s  matched: car {matched}, {level:.0f} dB attenuation, network key set")


def matching_in_memory() -> Iterator[str]:
    """A car and a station find each other on a simulated power line: as the station reports it."""
    pair = PlcPair(ATTENUATION_DB)
    pair.plug_in(0.0)
    pair.advance(MATCHING_S)
    for time_s, machine, event in pair.bench.events:
        if machine is pair.evse and isinstance(event, Began | Sounded | Joining | Matched):
            yield f"{time_s:5.1f} s  {describe(event)[0]}"


def _of_back_end(line: str) -> str:
    """A line of `v2g csms` in short: what the message is, and what is new in it. Meter values are left out."""
    _, _, rest = line.strip().partition(" ")
    action, _, document = rest.partition(" ")
    if action == "answers":
        answered, _, document = document.partition(" ")
        return f"the station answers {answered}: {json.loads(document).get('status', 'an answer')}"
    if not document.startswith("{"):
        return ""
    said = json.loads(document)
    if action == "TransactionEvent":
        trigger, state = said["triggerReason"], said["transactionInfo"].get("chargingState", "")
        return "" if trigger.startswith("MeterValue") else f"transaction {said['eventType']}, {trigger}, {state}"
    return f"{action} {said.get('connectorStatus') or said.get('reason') or said.get('controlType') or ''}".strip()


def _line(sample: Sample) -> str:
    """`  4.0 s  49.862   -8.12    -8.10             ########|               59.91`."""
    frequency = "     -" if sample.frequency_hz is None else f"{sample.frequency_hz:6.3f}"
    target = 0.0 if sample.target_w is None else sample.target_w / 1000
    soc = "    -" if sample.soc is None else f"{100 * sample.soc:5.2f}"
    mark = "  *" if sample.limited_by else ""
    power = f"{sample.power_w / 1000:+7.2f}   {_bar(sample.power_w)}"
    return f"{sample.time_s:5.1f} s  {frequency}  {target:+6.2f}  {power}  {soc}{mark}"


def _bar(power_w: float) -> str:
    length = min(BAR, round(BAR * abs(power_w) / BAR_W))
    left = "#" * length if power_w < 0 else ""
    right = "#" * length if power_w > 0 else ""
    return f"{left:>{BAR}}|{right:<{BAR}}"


def security(car: dict[str, Any]) -> str:
    """What a car of ISO 15118-2 speaks is TLS 1.2."""
    if not car.get("tls"):
        return "NO TLS"
    return "TLS 1.2" if str(car.get("protocol")).startswith("iso2-") else "TLS 1.3"


def table(performance: Performance) -> str:
    """What came of it."""
    car, status = performance.car, performance.status
    limits = [f"{name}: {seconds:.1f} s" for name, seconds in status.get("limited_s", {}).items()] or ["none"]
    rows = [
        ("session", f"{car.get('service')}, {car.get('mode')} control, {security(car)}"),
        ("ended", car.get("stop_reason") or f"FAILED: {car.get('error')}"),
        ("energy to the car", f"{status.get('charged_wh', 0.0):.1f} Wh at the meter"),
        ("energy to the grid", f"{status.get('discharged_wh', 0.0):.1f} Wh at the meter"),
        ("state of charge", f"{100 * car.get('soc_start', 0):.2f} % to {100 * car.get('soc_end', 0):.2f} %"),
        ("requests answered", f"{status.get('messages')}"),
        ("slowest response", f"{status.get('slowest_response_ms', 0):.1f} ms, {status.get('slowest_message')}"),
        ("limits that bound (*)", limits[0]),
        *(("", limit) for limit in limits[1:]),
    ]
    return "\n".join(f"  {name:<22} {value}" for name, value in rows)
