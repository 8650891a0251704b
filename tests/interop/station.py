"""Our station as a user starts it: `v2g daemon` with simulated hardware, each in its own process."""

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.process import Process
from tools.netns import End

START_S = 20.0
POLL_S = 0.02
V2G = (sys.executable, "-c", "import sys; from v2g.cli import main; sys.exit(main())")


@dataclass(frozen=True)
class Station:
    """A running station. The addresses are those of Modbus servers inside its namespace."""

    end: End
    daemon: Process
    plant: Process
    contactor: Process
    plant_address: str
    contactor_address: str
    trace: Path

    def traced(self, pattern: str, timeout: float = 5.0) -> str | None:
        """The first line of the session trace in which `pattern` is found, waiting up to `timeout` (s) for it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.trace.exists():
                for line in self.trace.read_text(encoding="utf-8").splitlines():
                    if re.search(pattern, line):
                        return line
            time.sleep(POLL_S)
        return None

    def account(self) -> str:
        """What the station says about itself, for the message of a failed test."""
        trace = self.trace.read_text(encoding="utf-8").splitlines()[-40:] if self.trace.exists() else ["no trace"]
        return "\n".join([*trace, self.daemon.output])


@contextmanager
def hardware(end: End, *, battery_soc: float = 0.6) -> Iterator[tuple[Process, str, Process, str]]:
    """The simulated contactor and plant in the station's namespace: the plant, its address, the contactor, its own."""
    with ExitStack() as stack:
        contactor, contactor_address = _device(stack, end, "contactor")
        plant, plant_address = _device(stack, end, "plant", "--contactor", contactor_address, "--soc", str(battery_soc))
        yield plant, plant_address, contactor, contactor_address


def _device(stack: ExitStack, end: End, device: str, *options: str) -> tuple[Process, str]:
    command = end.command(*V2G, "sim", device, "--listen", "127.0.0.1:0", *options)
    process = stack.enter_context(Process(command))
    line = process.wait_for("listening on ", START_S)
    assert line is not None, f"v2g sim {device} does not start:\n{process.output}"
    return process, line.rpartition(" ")[2]


def configuration(
    folder: Path,
    plant_address: str,
    contactor_address: str,
    *,
    services: Sequence[str],
    modes: Sequence[str],
    pki: Path | None,
    timing: str = "standard",
    **outlet: Any,
) -> dict[str, Any]:
    """The configuration file: one connector that serves everyone, discharging included; `outlet` adds to it."""
    device = {"address": plant_address}
    return {
        "connectors": [
            {
                "services": list(services),
                "modes": list(modes),
                "timing": timing,
                "price_levels": True,  # Josev's car refuses a schedule without prices
                "access": {"grant": "everyone", "discharge": True},
                "inverter": device | {"unit": 1},
                "meter": device | {"unit": 2},
                "isolation": device | {"unit": 3},
                "contactor": {"address": contactor_address, "unit": 1},
                **outlet,
            }
        ],
        "tls": {"directory": str(pki), "profile": "interop-p256"} if pki else {},
        "trace": {"file": str(folder / "trace.log"), "level": "debug"},
        "control": {"socket": str(folder / "control.sock")},
    }


@contextmanager
def station(
    end: End,
    folder: Path,
    *,
    services: Sequence[str],
    modes: Sequence[str] = ("dynamic", "scheduled"),
    pki: Path | None = None,
    timing: str = "standard",
    **outlet: Any,
) -> Iterator[Station]:
    """A station that listens and answers discovery. `pki`: a hierarchy in the layout of `v2g pki`; None: no TLS."""
    with hardware(end) as (plant, plant_address, contactor, contactor_address):
        settings = configuration(
            folder,
            plant_address,
            contactor_address,
            services=services,
            modes=modes,
            pki=pki,
            timing=timing,
            **outlet,
        )
        file = folder / "config.yaml"
        file.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
        options = ["--config", str(file), "--interface", end.interface, "--port", "0"]
        if pki is None:
            options.append("--no-tls")
        with Process(end.command(*V2G, "daemon", *options)) as daemon:
            ready = daemon.wait_for("listens on ", START_S)
            assert ready is not None, f"v2g daemon does not start:\n{daemon.output}"
            yield Station(
                end, daemon, plant, contactor, plant_address, contactor_address, Path(settings["trace"]["file"])
            )
