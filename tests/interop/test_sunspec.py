"""A session whose inverter and grid sensor speak SunSpec: the same station, another driver."""

import json
from contextlib import ExitStack
from pathlib import Path

from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, modbus

LISTEN = "127.0.0.1:0"


def test_a_vehicle_feeds_the_grid_through_a_sunspec_inverter(tmp_path: Path) -> None:
    with ExitStack() as stack:

        def start(said: str, *words: str) -> tuple[Process, str]:
            process = stack.enter_context(Process([*V2G, *words]))
            line = process.wait_for(said, START_S)
            assert line is not None, process.output
            return process, line

        contactor = start("listening on ", "sim", "contactor", "--listen", LISTEN)[1].rpartition(" ")[2]
        plant = start("listening on ", "sim", "sunspec", "--listen", LISTEN, "--contactor", contactor)[1]
        plant = plant.rpartition(" ")[2]
        sunspec = modbus(plant, 1) | {"driver": "sunspec"}
        prompt = {"enter_service.delay_s": 10, "enter_service.ramp_s": 2}
        settings = configuration(
            tmp_path,
            plant,
            contactor,
            plant,
            services=["DC_BPT"],
            modes=["dynamic"],
            pki=None,
            dispatch=[{"power_w": -5000}],
            inverter=sunspec,
            grid=sunspec,
            nominal_hz=50,
            grid_code={"name": "en50549-1", "settings": prompt},
        )
        file = tmp_path / "config.yaml"
        file.write_text(json.dumps(settings))
        _, ready = start("listens on ", "daemon", "--config", str(file), "--port", "0", "--no-tls")
        port = ready.split("]:")[1].split(",")[0]
        place = ("--host", "::1", "--port", port, "--no-tls", "--battery", plant)
        car = stack.enter_context(Process([*V2G, "ev", *place, "--duration", "14", "--json"]))
        assert car.wait(60) == 0, car.output
        outcome = json.loads(car.output)
    assert outcome["result"] == "ok"
    assert outcome["energy_discharged_wh"] > 1
    trace = (tmp_path / "trace.log").read_text()
    assert "grid protection, enter service" in trace
    assert "discharging 5.0 kW wished by dispatch plan" in trace
    assert "ERROR" not in trace
