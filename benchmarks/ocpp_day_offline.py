"""A day without the back end, and how long it takes until that has what happened: 20 transactions with 1440 meter
values over WebSocket, to a back end of another process. And the bytes of such a day."""

import asyncio
import contextlib
import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figure import Figure, Setting
from tests.interop.process import Process
from tests.station.scene import OUTLET

from v2g.bench.slow_link import Line, SlowLink
from v2g.io.sqlite_store import SqliteStore
from v2g.ocpp import v21
from v2g.ocpp.outbox import Outbox
from v2g.run.back_end import BackEndRunner
from v2g.station.config.settings import Ocpp, Settings
from v2g.station.evse import Evse

LIMIT_S = 5.0
TRANSACTIONS, VALUES, RUNS = 20, 72, 3
WITHIN_S = 60.0
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def measure(setting: Setting) -> list[Figure]:
    """The median of three days."""
    found = [asyncio.run(_day(Path(tempfile.mkdtemp(dir=setting.folder)))) for _ in range(RUNS)]
    passed = asyncio.run(_on_the_wire(Path(tempfile.mkdtemp(dir=setting.folder))))
    return [
        Figure("ocpp_day_offline_delivered", "s", median(took_s for took_s, _ in found), limit=LIMIT_S),
        Figure("ocpp_day_of_transactions", "kB", found[0][1] / 1000),
        Figure("ocpp_day_on_the_wire", "kB", passed / 1000),
    ]


async def _day(folder: Path) -> tuple[float, int]:
    """Seconds from the connection to the empty queue, and the bytes of all frames."""
    with Process([sys.executable, "-m", "v2g", "csms", "--listen", "127.0.0.1:0"]) as csms:
        line = csms.wait_for("listening on ", WITHIN_S)
        assert line is not None, csms.output
        return await _delivered(folder, line.rpartition(" ")[2])


async def _on_the_wire(folder: Path) -> int:
    """The bytes of the same day as TCP carries them: compressed, with the WebSocket's headers."""
    with Process([sys.executable, "-m", "v2g", "csms", "--listen", "127.0.0.1:0"]) as csms:
        line = csms.wait_for("listening on ", WITHIN_S)
        assert line is not None, csms.output
        link = SlowLink("127.0.0.1", int(line.rpartition(":")[2]), Line(1e9, 0.0, 0.0), seed=1)
        async with link.listening() as port:
            await _delivered(folder, f"ws://127.0.0.1:{port}")
        return link.passed


async def _delivered(folder: Path, url: str) -> tuple[float, int]:
    store = SqliteStore(folder / "ocpp.db")
    outbox = Outbox(store)
    for event in _events():
        outbox.add("TransactionEvent", event, online=False)
    store.close()
    (folder / "password").write_text("correct horse battery")
    settings = Ocpp(
        url=url, identity="CS1", security_profile=1, store=folder / "ocpp.db",
        password_file=folder / "password",
    )  # fmt: skip
    runner = BackEndRunner(Settings(evses=(OUTLET,), ocpp=settings), settings)
    evses = {1: Evse(OUTLET, authorizer=runner.authorizers[1])}
    connected = asyncio.Event()
    running = asyncio.create_task(runner.run(evses, lambda: None, lambda _: connected.set(), lambda: None))
    try:
        async with asyncio.timeout(WITHIN_S):
            await connected.wait()
            begun_s = perf_counter()
            while runner.shown("queue"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        took_s, status = perf_counter() - begun_s, runner.shown("status")
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    return took_s, status["sent_bytes"] + status["received_bytes"]


def _events() -> list[v21.TransactionEventRequest]:
    found = []
    for number in range(TRANSACTIONS):
        kinds: list[v21.TransactionEventEnumType] = ["Started", *["Updated"] * VALUES, "Ended"]  # type: ignore[list-item]
        for seq, kind in enumerate(kinds):
            at = T0 + timedelta(minutes=number * VALUES + seq)
            rows = (("Energy.Active.Import.Register", "Wh"), ("Energy.Active.Export.Register", "Wh"),
                    ("Power.Active.Import", "W"), ("Power.Active.Export", "W"), ("SoC", "Percent"))  # fmt: skip
            values = tuple(
                v21.SampledValueType(
                    value=1000.5 * seq, measurand=measurand, context="Sample.Periodic",  # type: ignore[arg-type]
                    unitOfMeasure=v21.UnitOfMeasureType(unit=unit),
                )
                for measurand, unit in rows
            )  # fmt: skip
            found.append(
                v21.TransactionEventRequest(
                    eventType=kind,
                    timestamp=at,
                    triggerReason="MeterValuePeriodic",
                    seqNo=seq,
                    meterValue=(v21.MeterValueType(sampledValue=values, timestamp=at),),
                    transactionInfo=v21.TransactionType(transactionId=f"tx-{number}", chargingState="Charging"),
                )
            )
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_day(Path(tempfile.mkdtemp())))))
