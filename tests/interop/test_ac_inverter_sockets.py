"""An AC car whose inverter is handed the grid code, over sockets: daemon, car and plant in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.interop.station import station

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]

CODE = {
    "name": "ieee1547-cat3",
    "settings": {
        "enter_service.delay_s": 0,
        "enter_service.ramp_s": 0,
        "reactive.mode": "constant_var",
        "reactive.transition_s": 5,
        "constant_var.injected_pu": 0.2,
    },
}


@pytest.mark.parametrize("mode", ["dynamic", "scheduled"])
@pytest.mark.parametrize("service", ["AC_DER_IEC", "AC_DER_SAE"])
def test_the_car_feeds_with_the_grid_codes_reactive_power(service: str, mode: str, tmp_path: Path) -> None:
    with station(
        None,
        tmp_path,
        services=[service, "AC"],
        inverter=None,
        isolation=None,
        dispatch=[{"power_w": -5000}],
        trace_level="info",
        grid_code=CODE,
    ) as ours:
        words = ["--host", "::1", "--port", str(ours.port), "--no-tls", "--battery", ours.plant_address, "--json"]
        words += ["--protocol", "iso20-ac", "--service", service, "--mode", mode, "--duration", "15"]
        words += ["--discharge-w", "5000"] if mode == "scheduled" else []
        run = subprocess.run(
            [sys.executable, "-m", "v2g", "ev", *words], capture_output=True, text=True, timeout=120, check=False
        )
        report = json.loads(run.stdout)
        assert report["result"] == "ok", ours.account()
        assert report["energy_discharged_wh"] > 10.0, ours.account()
        assert ours.traced("the car's inverter has taken over the grid code's settings"), ours.account()
        assert ours.traced("discharging 5.0 kW wished by"), ours.account()
