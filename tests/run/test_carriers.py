"""A whole session of a daemon whose devices are on a CAN bus and on a serial line."""

import json
from pathlib import Path

from tests.contract.simulators import simulator
from tests.interop.process import Process
from tests.interop.station import V2G

CONFIGURATION = """
evses:
  - services: [DC]
    access: {{grant: everyone}}
    dispatch: [{{power_w: 5000}}]
    inverter: {{address: "can://{line}?interface=slcan"}}
    isolation: {{address: "can://{line}?interface=slcan"}}
    meter: {{address: "modbus+rtu://{serial}?parity=N&baud=115200&unit=2"}}
    contactor: {{address: "modbus+rtu://{serial}?parity=N&baud=115200&unit=5"}}
    port: 0
trace: {{file: trace.log}}
control: {{socket: control.sock}}
"""


def test_a_session_with_devices_on_a_can_bus_and_on_a_serial_line(tmp_path: Path) -> None:
    serial, file = tmp_path / "serial", tmp_path / "config.yaml"
    with simulator("plant", "--listen", f"modbus+rtu://{serial}", line="can") as plant:
        plant.line()
        file.write_text(CONFIGURATION.format(line=plant.line_path, serial=serial))
        with Process([*V2G, "daemon", "--config", str(file), "--no-tls"]) as daemon:
            line = daemon.wait_for(r"listens on \[::1\]:\d+", 10)
            assert line is not None, daemon.output
            port = line.partition("[::1]:")[2].partition(",")[0]
            place = ["--host", "::1", "--port", port, "--no-tls", "--battery", plant.endpoint]
            with Process([*V2G, "ev", *place, "--service", "DC", "--duration", "2", "--json"]) as car:
                assert car.wait(40) is not None
                outcome = json.loads(car.output)
            assert outcome["result"] == "ok"
            assert outcome["energy_charged_wh"] > 1
    trace = (tmp_path / "trace.log").read_text()
    assert "ERROR" not in trace, trace
