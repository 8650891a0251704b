"""The station as a user starts it, a car, and mobilityhouse's CSMS over `wss`: from boot to the transaction's end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.v21 import call
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, hardware, v2g
from tests.run.test_back_end import PASSWORD, Csms, back_end, until

from v2g.io.control import request
from v2g.pki import hierarchy as pki
from v2g.station.command import Restart

pytestmark = pytest.mark.alone
SESSION_S = 60.0


def test_boot_authorise_transaction_and_smart_charging(tmp_path: Path) -> None:
    asyncio.run(_boot_authorise_transaction_and_smart_charging(tmp_path))


async def _boot_authorise_transaction_and_smart_charging(tmp_path: Path) -> None:
    context = certified(tmp_path)
    async with back_end(context) as (port, found), daemon(tmp_path, port) as (place, battery):
        async with asyncio.timeout(SESSION_S):
            csms = await found.get()
            boot = await until(csms, "BootNotification")
            assert boot["reason"] == "PowerUp"
            variable = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
            await csms.call(call.SetVariables([{"attribute_value": "1", **variable}]))
            car = ["--host", "::1", "--port", place, "--pki", str(tmp_path / "pki"), "--battery", battery, "--json"]
            with Process([*V2G, "ev", *car, "--duration", "4"]) as running:
                asked = await until(csms, "Authorize")
                assert asked["id_token"] == {"id_token": "ZZZV123456789ABCDEF9", "type": "EVCCID"}
                started = await until(csms, "Started")
                transaction = started["transaction_info"]["transaction_id"]
                await discharged(csms, transaction)
                await asyncio.to_thread(request, tmp_path / "control.sock", Restart(wait=True))
                ended = await until(csms, "Ended")  # before the process ends
                assert ended["transaction_info"]["transaction_id"] == transaction
                assert ended["transaction_info"]["stopped_reason"] in ("StoppedByEV", "Remote"), (
                    "said before the restart"
                )
                assert values(ended)["Energy.Active.Export.Register"] > values(started)["Energy.Active.Export.Register"]
                assert await asyncio.to_thread(running.wait, SESSION_S) == 0, running.output


async def discharged(csms: Csms, transaction: str) -> None:
    """An order to feed the grid is accepted, shown, and followed."""
    period = {"start_period": 0, "operation_mode": "CentralSetpoint", "setpoint": -4000.0}
    schedule = {"id": 1, "charging_rate_unit": "W", "charging_schedule_period": [period]}
    profile = {
        "id": 1, "stack_level": 0, "charging_profile_purpose": "TxProfile", "charging_profile_kind": "Relative",
        "transaction_id": transaction, "charging_schedule": [schedule],
    }  # fmt: skip
    answer = await csms.call(call.SetChargingProfile(evse_id=1, charging_profile=profile))
    assert answer.status == "Accepted"
    composite = await csms.call(call.GetCompositeSchedule(duration=60, evse_id=1))
    assert composite.schedule["charging_schedule_period"][0]["setpoint"] == -4000.0
    while values(await until(csms, "Updated")).get("Power.Active.Export", 0.0) < 3000:
        pass


def values(event: Any) -> dict[str, float]:
    """The sampled values of a transaction event."""
    return {
        each["measurand"]: each["value"] for meter in event.get("meter_value", ()) for each in meter["sampled_value"]
    }


@asynccontextmanager
async def daemon(folder: Path, port: int) -> AsyncIterator[tuple[str, str]]:
    """`v2g daemon` with simulated hardware: its port for cars, and the address of the battery."""
    with ExitStack() as stack:
        pki.create(folder / "pki", now=datetime.now(UTC))
        _, plant, _, contactor, grid = await asyncio.to_thread(stack.enter_context, hardware(None))
        settings = configuration(
            folder, plant, contactor, grid, services=["DC_BPT"], modes=["dynamic"], pki=folder / "pki",
            profile="iso15118-20",
        )  # fmt: skip
        (folder / "password").write_text(PASSWORD)
        settings["ocpp"] = {
            "url": f"wss://127.0.0.1:{port}/ocpp", "identity": "CS1", "password_file": str(folder / "password"),
            "roots": str(folder / "root.pem"), "store": str(folder / "ocpp.db"),
        }  # fmt: skip
        (folder / "config.yaml").write_text(json.dumps(settings))
        command = v2g(None, "daemon", "--config", str(folder / "config.yaml"), "--port", "0")
        running = stack.enter_context(Process(command))
        line = await asyncio.to_thread(running.wait_for, r"listens on \[.*\]:\d+", START_S)
        assert line is not None, running.output
        yield line.partition("]:")[2].split()[0].rstrip(","), plant
