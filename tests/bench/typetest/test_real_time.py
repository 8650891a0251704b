"""One trip case with the station as processes: daemon, car, Modbus simulators and a grid that steps. It agrees with the
virtual world."""

import asyncio
import json
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.process import Process
from tests.interop.station import HOST, START_S, configuration, v2g

from v2g.bench.typetest import bench, suite
from v2g.bench.typetest.case import RATED_W, Case, Subject
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import RegisterGridSensor

pytestmark = pytest.mark.alone

STEP_AT_S = 14.0
"""Of the recording: the session feeds by then."""
SLOWER_S = 0.15
"""What real polls and writes may take longer than the virtual ones: readings every 20 ms over Modbus, a command's round
trip, and a machine that does other things too."""
CASE = "trip/ov2/beyond/discharging"


def device(stack: ExitStack, *words: str) -> tuple[Process, str]:
    process = stack.enter_context(Process(v2g(None, "sim", *words, "--listen", f"{HOST}:0")))
    line = process.wait_for("listening on ", START_S)
    assert line is not None, process.output
    return process, f"{HOST}:{line.rpartition(':')[2]}"


async def stepped_at(address: str, volts: float) -> float:
    """The monotonic time of the first reading beyond `volts`."""
    sensor = RegisterGridSensor(ModbusConnection("::1", int(address.rpartition(":")[2])).unit(1, "grid sensing unit"))
    async with asyncio.timeout(2 * STEP_AT_S):
        while max((await sensor.read()).voltages_v) < volts:
            pass
    return time.monotonic()


@pytest.mark.timeout(90)
def test_the_station_of_processes_trips_as_the_virtual_one_does(tmp_path: Path) -> None:
    subject = Subject("ieee1547-cat3")
    case = suite.cases(subject)[CASE]
    assert isinstance(case, Case)
    virtual = bench.record(case, subject)
    virtual_s = next(sample.time_s for sample in virtual if sample.time_s > 0 and not sample.closed)
    high_v = case.course.at(1.0).voltages_v[0]
    recording = tmp_path / "step.csv"
    course = [(0, 230.0), (STEP_AT_S, 230.0), (STEP_AT_S + 0.001, high_v), (600, high_v)]
    recording.write_text("time_s,frequency_hz,voltage_v\n" + "".join(f"{at_s},60,{volts}\n" for at_s, volts in course))
    with ExitStack() as stack:
        _, grid = device(stack, "grid", "--recording", str(recording))
        contactor, contactor_address = device(stack, "contactor")
        _, plant = device(stack, "plant", "--contactor", contactor_address)
        settings = configuration(
            tmp_path, plant, contactor_address, grid, services=["DC_BPT"], modes=["dynamic"], pki=None,
            dispatch=[{"power_w": case.power_pu * RATED_W}],
        )  # fmt: skip
        file = tmp_path / "config.yaml"
        file.write_text(json.dumps(settings))
        daemon = stack.enter_context(Process(v2g(None, "daemon", "--config", str(file), "--port", "0", "--no-tls")))
        ready = daemon.wait_for("listens on ", START_S)
        assert ready is not None, daemon.output
        listening = re.search(r"listens on \[.*\]:(\d+)", ready)
        assert listening is not None
        words = ("ev", "--host", "::1", "--port", listening[1], "--no-tls", "--duration", "600", "--battery", plant)
        stack.enter_context(Process(v2g(None, *words)))
        assert contactor.wait_for(r" closed command", START_S) is not None, daemon.output
        stepped_s = asyncio.run(stepped_at(grid, 235.0))
        opened = contactor.wait_for(r" open command", 5.0)
        assert opened is not None, daemon.output
        took_s = float(opened.split()[0]) - stepped_s
    trace = (tmp_path / "trace.log").read_text()
    assert re.search(r"discharging .* wished by dispatch plan.*grid protection, ov2", trace, re.DOTALL)
    assert abs(took_s - virtual_s) < SLOWER_S, f"{took_s:.3f} s, in the virtual world {virtual_s:.3f} s"
