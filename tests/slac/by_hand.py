"""One side of the matching, driven by hand: frames in and out on a clock of its own."""

from v2g.slac import mme
from v2g.slac.car import CarMatching, CarMatchingSettings
from v2g.slac.event import Alarm, Danger, Ended, Event, Step
from v2g.slac.mme import BROADCAST, Frame, Mme
from v2g.slac.station import Phase, StationMatching, StationMatchingSettings

STATION, MODEM = bytes.fromhex("020000005E01"), bytes.fromhex("020000005E02")
CAR, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
RUN_ID, OTHER_RUN = bytes(range(8)), bytes(range(8, 16))
CAR_MODEM = bytes.fromhex("020000000003")
NEAR, FAR = STATION, bytes.fromhex("020000005E03")
NMK, NID = bytes(range(16)), bytes(7)


class Station:
    """One that waits for a car, and the frames of its clock."""

    def __init__(self, settings: StationMatchingSettings | None = None) -> None:
        self.evse = StationMatching(STATION, settings)
        self.now = 0.0
        self.events: list[Event] = []
        self.evse.start(0.0)
        self.hear(mme.CM_SET_KEY_CNF(), MODEM)
        self.hear(mme.VS_SW_VER_CNF(device_class=6, version_length=0, version=b""), MODEM)
        self.evse.begin_matching(0.0)
        self.events.clear()

    def hear(self, message: Mme, source: bytes = CAR, destination: bytes = STATION) -> list[Mme]:
        return self.take(self.evse.receive(Frame.of(destination, source, message).pack(), self.now))

    def octets(self, data: bytes) -> list[Mme]:
        return self.take(self.evse.receive(data, self.now))

    def take(self, step: Step) -> list[Mme]:
        """The messages, except those to the modem."""
        self.events += step.events
        frames = [Frame.unpack(data) for data in step.send]
        return [frame.message for frame in frames if frame.message and frame.destination != mme.LOCAL_MODEM]

    def wait(self, seconds: float) -> list[Mme]:
        end, sent = self.now + seconds, list[Mme]()
        while (deadline := self.evse.next_deadline()) is not None and deadline <= end:
            self.now = deadline
            sent += self.take(self.evse.expire(deadline))
        self.now = end
        return sent

    def ask(self, car: bytes = CAR, run_id: bytes = RUN_ID) -> list[Mme]:
        return self.hear(mme.CM_SLAC_PARM_REQ(run_id=run_id), car, BROADCAST)

    def sound(self, attenuation_db: int = 10, sounds: int = 10, car: bytes = CAR, run_id: bytes = RUN_ID) -> list[Mme]:
        """Announcement and sounds, as the modem measures them."""
        self.hear(mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=car, run_id=run_id), car, BROADCAST)
        sent = []
        for _ in range(sounds):
            profile = mme.CM_ATTEN_PROFILE_IND(pev_mac=car, attenuations_db=bytes([attenuation_db] * 58))
            sent += self.hear(profile, MODEM, BROADCAST)
        return sent

    def acknowledge(self, car: bytes = CAR, run_id: bytes = RUN_ID, result: int = 0) -> list[Mme]:
        return self.hear(mme.CM_ATTEN_CHAR_RSP(source_address=car, run_id=run_id, result=result), car)

    def choose(self, car: bytes = CAR, run_id: bytes = RUN_ID) -> list[Mme]:
        return self.hear(mme.CM_SLAC_MATCH_REQ(pev_mac=car, evse_mac=STATION, run_id=run_id), car)

    def matched(self) -> "Station":
        for step in (self.ask, self.sound, self.acknowledge, self.choose):
            step()
        self.hear(mme.VS_LINK_STATUS_CNF(link_status=1), MODEM)
        assert self.evse.phase is Phase.MATCHED
        self.events.clear()
        return self

    def happened(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def alarms(self) -> list[Danger]:
        return [event.danger for event in self.events if isinstance(event, Alarm)]

    def reason(self) -> str:
        ended = [event for event in self.events if isinstance(event, Ended)]
        return ended[-1].reason


class Car:
    """A car that is plugged in, and the frames of its clock."""

    def __init__(self, settings: CarMatchingSettings | None = None) -> None:
        self.ev = CarMatching(CAR, settings)
        self.now = 0.0
        self.sent: list[tuple[float, bytes, Mme]] = []
        """Time, destination, message; without what goes to the modem."""
        self.events: list[Event] = []
        self.take(self.ev.begin_matching(0.0))
        self.hear(mme.VS_SW_VER_CNF(device_class=6, version_length=0, version=b""), CAR_MODEM)

    def take(self, step: Step) -> list[Mme]:
        self.events += step.events
        frames = [Frame.unpack(data) for data in step.send]
        messages = [
            (frame.destination, frame.message)
            for frame in frames
            if frame.message is not None and frame.destination != mme.LOCAL_MODEM
        ]
        self.sent += [(self.now, *each) for each in messages]
        return [message for _, message in messages]

    def hear(self, message: Mme, source: bytes = NEAR) -> list[Mme]:
        return self.take(self.ev.receive(Frame.of(CAR, source, message).pack(), self.now))

    def wait(self, seconds: float) -> list[Mme]:
        end, sent = self.now + seconds, list[Mme]()
        while (deadline := self.ev.next_deadline()) is not None and deadline <= end:
            self.now = deadline
            sent += self.take(self.ev.expire(deadline))
        self.now = end
        return sent

    @property
    def run_id(self) -> bytes:
        requests = [message.run_id for _, _, message in self.sent if isinstance(message, mme.CM_SLAC_PARM_REQ)]
        return requests[-1]

    def parameters(self, source: bytes = NEAR, num_sounds: int = 10, timeout: int = 6) -> list[Mme]:
        answer = mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR, run_id=self.run_id, num_sounds=num_sounds, timeout=timeout)
        return self.hear(answer, source)

    def report(self, attenuation_db: int, source: bytes = NEAR, sounds: int = 10) -> list[Mme]:
        octets = bytes([attenuation_db] * 58)
        report = mme.CM_ATTEN_CHAR_IND(
            source_address=CAR, run_id=self.run_id, num_sounds=sounds, attenuations_db=octets
        )
        return self.hear(report, source)

    def confirm(self, source: bytes = NEAR, pev_mac: bytes = CAR) -> list[Mme]:
        confirmation = mme.CM_SLAC_MATCH_CNF(pev_mac=pev_mac, evse_mac=source, run_id=self.run_id, nid=NID, nmk=NMK)
        return self.hear(confirmation, source)

    def sounded(self, *stations: bytes) -> "Car":
        """Up to the end of the sounds."""
        for station in stations or (NEAR,):
            self.parameters(station)
        self.wait(0.7)
        return self

    def choices(self) -> list[bytes]:
        return [message.evse_mac for _, _, message in self.sent if isinstance(message, mme.CM_SLAC_MATCH_REQ)]

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, Ended)]
