"""All flows over a link like LTE Cat-M1, on a virtual clock: 300 kbit/s, 200 ms there and back, 2 % loss, and ten
minutes without any. `tests/run/test_back_end.py` has a real one."""

from collections import deque
from random import Random

import pytest
from tests.ocpp.messages import judge

from v2g.bench.conformance.octt_files import log, renew_certificate, statuses, update
from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.bench.slow_link import SEGMENT_BYTES, Line
from v2g.ocpp.version import version

OUTAGE_S = 600.0
NOTICED_S = 20.0
"""A ping after 10 s, and 10 s for its answer."""
Queue = deque[tuple[float, str]]


class NarrowStand(Stand):
    """A stand whose frames take their time. In an outage nothing passes, and after a while the station notices."""

    def __init__(self, line: Line, seed: int) -> None:
        self._line, self._random = line, Random(seed)
        self._up, self._down = Queue(), Queue()
        self._free_s = {"up": 0.0, "down": 0.0}
        self.passed = 0
        self._out_s: tuple[float, float] | None = None
        """When the outage began, and ends."""
        super().__init__()

    def outage(self, seconds: float) -> None:
        self._out_s = self.now(), self.now() + seconds

    def _exchange(self, tester: BackEnd) -> None:
        now = self.now()
        if self._out_s is not None and now >= self._out_s[1]:
            self._out_s = None
            if not self._linked:
                self._linked = True
                self.station.connected(version(self.subprotocol), now)
        if self._linked:
            self._put("up", self._up, self.station.outgoing)
            self._put("down", self._down, tester.outgoing)
        if self._out_s is not None:
            if self._linked and now >= self._out_s[0] + NOTICED_S:
                self._linked = False
                self.station.disconnected(now)
                tester.opened()
                self._up.clear()
                self._down.clear()
            return
        for queue, hear in ((self._up, tester.hear), (self._down, self._hear)):
            while queue and queue[0][0] <= now:
                hear(queue.popleft()[1])

    def _hear(self, frame: str) -> None:
        self.station.receive(frame, self.now(), int(self.unix_s()))

    def _put(self, direction: str, queue: Queue, frames: list[str]) -> None:
        """A frame occupies the line for its bits; what is lost of it comes again later, and the next ones wait."""
        line = self._line
        for frame in frames:
            size = len(frame.encode())
            self.passed += size
            segments = -(-size // SEGMENT_BYTES)
            lost = sum(self._random.random() < line.loss for _ in range(segments))
            self._free_s[direction] = max(self.now(), self._free_s[direction]) + size * 8 / line.bits_per_s
            arrives_s = self._free_s[direction] + line.delay_s + lost * line.again_s
            queue.append((max(arrives_s, queue[-1][0] if queue else 0.0), frame))


@pytest.fixture
def bench() -> tuple[NarrowStand, BackEnd]:
    stand = NarrowStand(Line(loss=0.1), seed=3)  # more is lost than there: a short test sees few segments
    tester = BackEnd(stand, judge=lambda *said: judge(*said[:2])(said[2]))
    tester.booted()
    return stand, tester


def no_false_alarm(stand: NarrowStand) -> None:
    assert not [line for line in stand.station.log if "no response" in line or "Timeout" in line]
    assert len(stand.station.outbox) == 0


def test_a_transaction_goes_on_over_an_outage_and_arrives_whole(bench: tuple[NarrowStand, BackEnd]) -> None:
    stand, tester = bench
    tester.put("SampledDataCtrlr", "TxUpdatedInterval", "30")
    transaction = tester.charge()
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -4_000.0}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": transaction, "maxOfflineDuration": 15, "chargingSchedule": [schedule],
    }  # fmt: skip
    tester.check("SetChargingProfile", evseId=1, chargingProfile=profile)
    tester.run(10.0)
    assert stand.power_w(1) == pytest.approx(-4_000.0, abs=200.0)
    stand.outage(50.0)
    tester.run(NOTICED_S + 12.0)
    assert stand.power_w(1) == pytest.approx(-4_000.0, abs=200.0)
    tester.run(10.0)
    assert stand.power_w(1) > -200.0, "without the back end nothing is discharged for longer than it said"
    tester.run(15.0)
    ended = tester.stop()
    numbers = [each.seqNo for name, each in tester.heard if name == "TransactionEvent"]
    assert numbers == list(range(ended.seqNo + 1))
    assert any(each.offline is True for name, each in tester.heard if name == "TransactionEvent")
    no_false_alarm(stand)


def test_ten_minutes_without_a_link_and_everything_else_afterwards(bench: tuple[NarrowStand, BackEnd]) -> None:
    stand, tester = bench
    stand.outage(OUTAGE_S)
    tester.run(OUTAGE_S + 5.0)
    assert stand.station.online
    tester.never("BootNotification", 5.0)
    renew_certificate(tester, "V2GCertificate", "V2GRootCertificate")
    tester.check("GetBaseReport", requestId=7, reportBase="FullInventory")
    assert len(tester.parts("NotifyReport", request=7)) > 3
    log(tester)
    tester.await_("LogStatusNotification", 60, status="Uploaded", requestId=5)
    update(tester)
    statuses(tester, "Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting")
    no_false_alarm(stand)


def test_the_bytes_of_a_day_stay_below_their_limit() -> None:
    """Meter values are what is left out; the transaction itself is there."""
    stand = NarrowStand(Line(loss=0.0), seed=1)
    tester = BackEnd(stand)
    tester.booted()
    tester.put("SampledDataCtrlr", "TxUpdatedInterval", "1")
    before = int(tester.get("DataUsageCtrlr", "Today"))
    assert 0 < before <= stand.passed
    limit = before + 12_000
    tester.put("DataUsageCtrlr", "DailyLimit", str(limit))
    tester.charge()
    tester.await_("TransactionEvent", 30, triggerReason="MeterValuePeriodic")
    tester.run(20.0)
    tester.never("TransactionEvent", 10.0, triggerReason="MeterValuePeriodic")
    tester.stop()
    assert int(tester.get("DataUsageCtrlr", "Today")) < limit
