"""A car that says what a test wants to the station's engine of ISO 15118-2 or DIN SPEC 70121."""

from dataclasses import replace
from typing import Any

from tests.iso15118.test_secc_engine import OFFER, READY

from v2g.iso15118.d2.dialect import NO_SESSION, Dialect
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.station.side import STATION as D2_STATION
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.din.dialect import DIN
from v2g.iso15118.din.station.side import STATION as DIN_STATION
from v2g.iso15118.event import Step
from v2g.iso15118.service import Service
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Offer, StationView
from v2g.messages import decode, encode

SIDES = {ISO2: D2_STATION, DIN: DIN_STATION}
DC_OFFER = replace(OFFER, services=(Service.DC,))
AC_OFFER = replace(OFFER, services=(Service.AC,))
AC_READY = replace(READY, contactor_closed=True)


def requests(to: Dialect, service: Service) -> dict[str, Any]:
    """One body of each kind that a car of this service says, in the order of a session."""
    m, shown = to.messages, to.shown
    iso2 = to is ISO2
    said: dict[str, Any] = {
        "SessionSetupReq": m.SessionSetupReq(bytes(6)),
        "ServiceDiscoveryReq": m.ServiceDiscoveryReq(),
    }
    services = m.SelectedServiceList([m.SelectedService(1)])
    paid = m.PaymentOption.ExternalPayment
    if iso2:
        said["ServiceDetailReq"] = m.ServiceDetailReq(1)
        said["PaymentServiceSelectionReq"] = m.PaymentServiceSelectionReq(paid, services)
        said["AuthorizationReq"] = m.AuthorizationReq()
    else:
        said["ServicePaymentSelectionReq"] = m.ServicePaymentSelectionReq(paid, services)
        said["ContractAuthenticationReq"] = m.ContractAuthenticationReq()
    said["ChargeParameterDiscoveryReq"] = parameters(to, service)
    if service.dc:
        status = m.DC_EVStatus(EVReady=True, EVErrorCode=m.DC_EVErrorCode.NO_ERROR, EVRESSSOC=50)
        said["CableCheckReq"] = m.CableCheckReq(status)
        said["PreChargeReq"] = m.PreChargeReq(status, shown(400, "V"), shown(1, "A"))
        said["CurrentDemandReq"] = m.CurrentDemandReq(
            status, EVTargetCurrent=shown(10, "A"), ChargingComplete=False, EVTargetVoltage=shown(420, "V")
        )
        said["WeldingDetectionReq"] = m.WeldingDetectionReq(status)
    else:
        said["ChargingStatusReq"] = m.ChargingStatusReq()
    said["PowerDeliveryReq"] = power(to, "Start")
    said["SessionStopReq"] = m.SessionStopReq(m.ChargingSession.Terminate) if iso2 else m.SessionStopReq()
    return said


def parameters(to: Dialect, service: Service, mode: str | None = None, **others: Any) -> Any:
    """ChargeParameterDiscoveryReq."""
    m, shown = to.messages, to.shown
    if service.dc:
        given: dict[str, Any] = {
            "DC_EVStatus": m.DC_EVStatus(EVReady=True, EVErrorCode=m.DC_EVErrorCode.NO_ERROR, EVRESSSOC=50),
            "EVMaximumCurrentLimit": shown(100, "A"),
            "EVMaximumVoltageLimit": shown(450, "V"),
        }
        wanted = m.DC_EVChargeParameter(**(given | others))
    else:
        given = {
            "EAmount": shown(20_000, "Wh"),
            "EVMaxVoltage": shown(400, "V"),
            "EVMaxCurrent": shown(16, "A"),
            "EVMinCurrent": shown(6, "A"),
        }
        if to is DIN:
            given["DepartureTime"] = 0
        wanted = m.AC_EVChargeParameter(**(given | others))
    named = mode or ("DC_extended" if service.dc else "AC_three_phase_core")
    if to is ISO2:
        return m.ChargeParameterDiscoveryReq(
            RequestedEnergyTransferMode=m.EnergyTransferMode(named), EVChargeParameter=wanted
        )
    return m.ChargeParameterDiscoveryReq(m.EVRequestedEnergyTransfer(named), wanted)


def power(to: Dialect, progress: str, profile: list[tuple[int, float]] | None = None, tuple_id: int = 1) -> Any:
    """PowerDeliveryReq."""
    m = to.messages
    if to is ISO2:
        entries = [m.ProfileEntry(start, to.shown(watts, "W")) for start, watts in profile or ()]
        planned = m.ChargingProfile(entries) if entries else None
        return m.PowerDeliveryReq(m.ChargeProgress(progress), tuple_id, planned)
    entries = [m.ProfileEntry(start, int(watts)) for start, watts in profile or ()]
    return m.PowerDeliveryReq(progress == "Start", m.ChargingProfile(tuple_id, entries) if entries else None)


class Car:
    """Its clock moves only if a test moves it."""

    def __init__(
        self, to: Dialect, service: Service, view: StationView = READY, offer: Offer | None = None, **options: Any
    ) -> None:
        self.to, self.service, self.view, self.now = to, service, view, 100.0
        offered = offer or (DC_OFFER if service.dc else AC_OFFER)
        self.engine = StationEngine(SIDES[to], offered, setup_deadline=118.0, **options)
        self.answered = Phase.SESSION_SETUP

    @property
    def phase(self) -> Phase:
        return Phase(self.engine.session.phase)

    def payload(self, body: Any, session_id: bytes | None = None) -> bytes:
        named = self.engine.session.session_id if session_id is None else session_id
        return encode(self.to.edition.message_sets[0x8001], self.to.message(named, body))

    def send(self, body: Any, session_id: bytes | None = None) -> Step:
        return self.engine.receive(0x8001, self.payload(body, session_id), self.now, self.view)

    def ask(self, body: Any, session_id: bytes | None = None) -> Any:
        """The body of the one answer."""
        [answer] = self.answers(self.send(body, session_id))
        return answer

    def code(self, body: Any, session_id: bytes | None = None) -> str:
        code: str = self.ask(body, session_id).ResponseCode.value
        return code

    def answers(self, step: Step) -> list[Any]:
        return [
            decode(self.to.edition.message_sets[0x8001], payload, strict=True).Body.BodyElement
            for _, payload in step.send
        ]

    def walk(self, phase: Phase) -> "Car":
        """Go on until the engine waits in `phase`."""
        said = requests(self.to, self.service)
        ways = ("PaymentServiceSelectionReq", "PowerDeliveryReq")
        for _ in range(40):
            if self.phase is phase:
                return self
            admitted = self.to.edition.admitted(self.phase, self.service.dc)
            name = next((each for each in ways if each in admitted), next(iter(admitted)))
            if self.phase in (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP):
                self.view = replace(self.view, contactor_closed=self.service.dc)
                answer = self.ask(power(self.to, "Stop"))
            else:
                answer = self.ask(said[name], NO_SESSION if name == "SessionSetupReq" else None)
            assert answer.ResponseCode.value.startswith("OK"), (name, answer)
        raise AssertionError(f"{phase.name} is not reached")
