"""Our station as a user starts it: `v2g daemon` with simulated hardware, each in its own process."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from tests.interop.process import Process

from v2g.bench.sim.netns import End
from v2g.io.recording import read
from v2g.station.replay import Difference, Segment

START_S = 20.0
CALM = Path(__file__).parent / "data" / "calm_60hz.csv"
"""A grid that asks for no support, however late a session begins."""
HOST = "[::1]"
V2G = (sys.executable, "-m", "v2g")


def v2g(end: End | None, *arguments: str) -> list[str]:
    """The command line of `v2g` at one end of the cable, or without a cable."""
    return [*V2G, *arguments] if end is None else end.command(*V2G, *arguments)


@dataclass(frozen=True)
class Station:
    """A running station. The addresses are those of Modbus servers inside its namespace."""

    end: End | None
    daemon: Process
    plant: Process
    contactor: Process
    plant_address: str
    contactor_address: str
    trace: Process
    """Prints the session trace as it grows, and may be a moment behind it."""
    trace_file: Path | None = None

    def plant_address_for(self, car: End) -> str:
        """The plant's address as seen from the car's end of the cable: the vehicle's own bus, so to speak."""
        own = re.search(r"\[(fe80:[0-9a-f:]+)%", self.daemon.output)
        assert own is not None, self.daemon.output
        return f"[{own[1]}%{car.interface}]:{self.plant_address.rpartition(':')[2]}"

    @property
    def port(self) -> int:
        """Where it listens for cars."""
        said = re.search(r"listens on \[.*\]:(\d+)", self.daemon.output)
        assert said is not None, self.daemon.output
        return int(said[1])

    def traced(self, pattern: str, timeout: float = START_S) -> str | None:
        """The first line of the session trace in which `pattern` is found, waiting up to `timeout` (s) for it."""
        return self.trace.wait_for(pattern, timeout)

    def account(self) -> str:
        """What the station says about itself, for the message of a failed test."""
        lines = self.trace.lines if self.trace_file is None else self.trace_file.read_text().splitlines()
        return "\n".join([*(line[:200] for line in lines[-30:]), self.daemon.output])


@contextmanager
def hardware(end: End | None) -> Iterator[tuple[Process, str, Process, str, str]]:
    """The simulated hardware in the station's namespace: plant and contactor, each with its address, and the grid's."""
    with ExitStack() as stack:
        contactor, contactor_address = _device(stack, v2g(end, "sim", "contactor", "--listen", f"{HOST}:0"))
        plant, plant_address = _device(stack, _plant_command(end, f"{HOST}:0", contactor_address))
        _, grid_address = _device(stack, v2g(end, "sim", "grid", "--listen", f"{HOST}:0", "--recording", str(CALM)))
        yield plant, plant_address, contactor, contactor_address, grid_address


def plant_command(ours: Station) -> list[str]:
    """Starts the plant of a station again, where it was."""
    return _plant_command(ours.end, ours.plant_address, ours.contactor_address)


def _plant_command(end: End | None, address: str, contactor_address: str) -> list[str]:
    listen = f"[::]:{address.rpartition(':')[2]}"
    return v2g(end, "sim", "plant", "--listen", listen, "--contactor", contactor_address)


def _device(stack: ExitStack, command: list[str]) -> tuple[Process, str]:
    process = stack.enter_context(Process(command))
    line = process.wait_for("listening on ", START_S)
    assert line is not None, f"{' '.join(command)} does not start:\n{process.output}"
    return process, f"{HOST}:{line.rpartition(':')[2]}"


def modbus(address: str, unit: int) -> dict[str, Any]:
    """The device at a Modbus unit, as the configuration has it."""
    return {"address": f"modbus://{address}?unit={unit}"}


def configuration(
    folder: Path,
    plant_address: str,
    contactor_address: str,
    grid_address: str,
    *,
    services: Sequence[str],
    modes: Sequence[str],
    pki: Path | None,
    profile: str = "interop-p256",
    trace_level: str = "debug",
    plain: bool = False,
    **evse: Any,
) -> dict[str, Any]:
    """The configuration file: one EVSE that serves everyone, discharging included; `evse` adds to it."""
    return {
        "evses": [
            {
                "services": list(services),
                "modes": list(modes),
                "price_levels": True,  # Josev's car refuses a schedule without prices
                "access": {"grant": "everyone", "discharge": True, "bench_discharge": True},
                "inverter": modbus(plant_address, 1),
                "meter": modbus(plant_address, 2),
                "isolation": modbus(plant_address, 3),
                "contactor": modbus(contactor_address, 1),
                "grid": modbus(grid_address, 1),
                "nominal_hz": 60,
                "grid_code": {
                    "name": "ieee1547-cat3",
                    "settings": {"enter_service.delay_s": 0, "enter_service.ramp_s": 0},
                },
                **evse,
            }
        ],
        "tls": {"directory": str(pki), "profile": profile, "plain": plain} if pki else {},
        "trace": {"file": str(folder / "trace.log"), "level": trace_level},
        "control": {"socket": str(folder / "control.sock")},
        "kept": str(folder / "kept.json"),
    }


@contextmanager
def station(
    end: End | None,
    folder: Path,
    *,
    services: Sequence[str],
    modes: Sequence[str] = ("dynamic", "scheduled"),
    pki: Path | None = None,
    profile: str = "interop-p256",
    trace_level: str = "debug",
    beside: Mapping[str, Any] | None = None,
    **evse: Any,
) -> Iterator[Station]:
    """A station that listens and answers discovery.

    Args:
        end: where it runs; None: here, on the loopback interface, without discovery.
        folder: for its files.
        services: in the order of preference, as are `modes`.
        pki: a hierarchy in the layout of `v2g pki`; None: no TLS.
        profile: of TLS.
        trace_level: of the session trace.
        beside: adds to the configuration, beside the EVSE.
        EVSE: adds to the configuration of the EVSE.
    """
    with hardware(end) as (plant, plant_address, contactor, contactor_address, grid_address):
        settings = configuration(
            folder,
            plant_address,
            contactor_address,
            grid_address,
            services=services,
            modes=modes,
            pki=pki,
            profile=profile,
            trace_level=trace_level,
            **evse,
        )
        file = folder / "config.yaml"
        file.write_text(json.dumps({**settings, **(beside or {})}), encoding="utf-8")  # JSON is YAML
        options = ["--config", str(file), "--port", "0"]
        if end is not None:
            options += ["--interface", end.interface]
        if pki is None:
            options.append("--no-tls")
        follow = ["tail", "--lines=+1", "--follow=name", "--retry", settings["trace"]["file"]]
        with Process(v2g(end, "daemon", *options)) as daemon, Process(follow) as trace:
            ready = daemon.wait_for("listens on ", START_S)
            assert ready is not None, f"v2g daemon does not start:\n{daemon.output}"
            file = Path(settings["trace"]["file"])
            yield Station(end, daemon, plant, contactor, plant_address, contactor_address, trace, file)
    if (recording := file.with_suffix(".recording")).exists():
        assert differences(recording) == []


_replaying = Lock()
"""A process replays one recording at a time: there is one source of random draws."""


def differences(recording: Path) -> list[Difference]:
    """What the station's code does now otherwise than the daemon did."""
    with _replaying:
        return [
            each
            for path in sorted(recording.iterdir())
            for _, snapshot, turns in [read(path)]
            for _, _, found in Segment(snapshot).replay(turns)
            for each in found
        ]
