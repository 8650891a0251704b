"""Turns events into a person's language: a level and a line for the trace."""

from v2g.iso15118.edition import body_name
from v2g.iso15118.event import Faulted, Moved, Received, Sent, Warned
from v2g.kernel.units import kw, wh
from v2g.pilot.station import Happening
from v2g.slac.event import describe as describe_line
from v2g.station.access import Answer
from v2g.station.event import (
    AskedToStop,
    BackEndReported,
    Broke,
    CarArrived,
    CardShown,
    CertificatesReported,
    ClockSet,
    Commanded,
    Decided,
    Deviates,
    DeviceBack,
    DeviceFailed,
    DeviceOdd,
    DiscoveryHeard,
    Event,
    GridVerdict,
    InverterJudged,
    Judged,
    KnownDeviation,
    LeftBehind,
    LineHappened,
    Listening,
    LocalApiReported,
    LocalOrderEnded,
    NamesDiffer,
    NotKept,
    NotRecorded,
    NotWatched,
    OperatorAsked,
    PhasesChange,
    PilotHappened,
    PromiseBroken,
    RestartWaits,
    SafeStateReached,
    SessionEnded,
    SlowestResponse,
    Stalled,
    StrangerRefused,
)
from v2g.station.faults import CATALOGUE
from v2g.station.unified import unified


def describe(event: Event) -> tuple[str, str]:
    """`INFO`, `WARNING` or `ERROR`, and the text. Messages (`Received`, `Sent`) are `DEBUG`, by their names only."""
    match event:
        case Faulted(fault, reason) | Broke(fault, reason):
            others = unified(fault)
            return "ERROR", f"{fault.code} {CATALOGUE[fault].title}: {reason}" + (f" [{others}]" if str(others) else "")
        case Warned(reason):
            return "WARNING", reason
        case Moved(before, after):
            return "INFO", f"phase {before} -> {after}"
        case Received(message) | Sent(message):
            return "DEBUG", body_name(message)
        case Decided(decision):
            return "INFO", decision.sentence
        case Judged():
            return _judged(event)
        case InverterJudged(""):
            return "INFO", "the car's inverter has taken over the grid code's settings: it may feed"
        case InverterJudged(lacking):
            return "WARNING", f"the car charges only: {lacking}"
        case NamesDiffer(identity):
            return "WARNING", f"the car states another name than its certificate: {identity}"
        case SessionEnded(paused, charged_wh, discharged_wh, messages):
            ending = "paused" if paused else "ended"
            energy = f"charged {wh(charged_wh)}, discharged {wh(discharged_wh)}"
            return "INFO", f"session {ending}: {energy}, {messages} messages"
        case PromiseBroken(bound, direction, promised_w, allowed_w, renegotiates):
            verb = "charging" if direction > 0 else "discharging"
            change = f"{kw(promised_w)} promised, {kw(allowed_w)} allowed"
            how = "asking the car to renegotiate its schedule" if renegotiates else "lower limits for the car"
            return "INFO", f"{how}: {verb} {change}, limited by: {bound}"
        case AskedToStop(kind):
            return "INFO", f"asking the car to {kind.name.lower()}"
        case SafeStateReached(took_s):
            return "INFO", f"safe state reached {took_s:.3f} s after the fault: no power, contactor open"
        case GridVerdict(state, element, why, trips):
            named = f", {element}" if element else ""
            return "WARNING" if trips else "INFO", f"grid: {state}{named}: {why or 'in service'}"
        case PilotHappened(happened):
            separator = "" if happened.happening is Happening.STATE else ":"
            return "WARNING" if happened.warning else "INFO", f"control pilot{separator} {happened.text}"
        case LineHappened(happened):
            text, warning = describe_line(happened)
            return "WARNING" if warning else "INFO", text
        case Deviates(message, deviation):
            return "WARNING", f"{message} deviates: {deviation}"
        case (
            KnownDeviation(text) | OperatorAsked(text) | LocalOrderEnded(text) | BackEndReported(text)
            | PhasesChange(text) | CardShown(text)
        ):  # fmt: skip
            return "INFO", text
        case _:
            return _around(event)


def _around(event: Event) -> tuple[str, str]:
    """What happens around the sessions."""
    match event:
        case Listening(address, security, services):
            return "INFO", f"listens on {address}, {security}, {services}"
        case CarArrived(peer, tls):
            return "INFO", f"car connected from {peer}{' with TLS' if tls else ' WITHOUT TLS'}"
        case StrangerRefused(peer, reason, fault):
            code = "" if fault is None else f"{fault.code} {CATALOGUE[fault].title}: "
            return "WARNING" if fault is None else "ERROR", f"{code}{peer} refused: {reason}"
        case Commanded(device, order):
            return "INFO", f"{device} commanded {order}"
        case (
            DeviceFailed(text)
            | DeviceOdd(text)
            | NotKept(text)
            | NotRecorded(text)
            | RestartWaits(text)
            | Stalled(text)
            | CertificatesReported(text)
            | NotWatched(text)
            | DiscoveryHeard(text)
            | LocalApiReported(text)
        ):
            return "WARNING", text
        case ClockSet(by_s):
            way = "forward" if by_s > 0 else "back"
            return "WARNING", f"the machine's clock was set {way} by {abs(by_s):.1f} s; see who sets it"
        case DeviceBack(device):
            return "INFO", f"{device} answers again"
        case SlowestResponse(message, took_s, owed_s):
            return "INFO", f"slowest response {took_s * 1000:.1f} ms ({message}), owed within {owed_s * 1000:.0f} ms"
        case LeftBehind():
            return "WARNING", _left_behind(event)
        case _:
            raise TypeError(f"no text for {type(event).__name__}")


def _left_behind(left: LeftBehind) -> str:
    session = f"session {left.session} of {left.evcc_id}" if left.session else "no session"
    last = f"the last process ended in {left.stage} since {left.since}, {session}"
    if left.safe_after_s is None:
        return f"{last}; contactor commanded open, its position is {left.contactor_before}"
    return f"{last}; contactor found {left.contactor_before}, safe state seen after {left.safe_after_s:.3f} s"


def _judged(judged: Judged) -> tuple[str, str]:
    verdict = judged.verdict
    text = f"{verdict.answer}: {judged.identity}: {verdict.reason}"
    if verdict.answer is Answer.GRANTED:
        text += f"; it charges only: {verdict.charges_only}" if verdict.charges_only else "; it may feed the grid"
        if verdict.discharge and not judged.identity.proved:
            return "WARNING", f"{text}, and nothing proves who it is"
    if verdict.unproved:
        return "WARNING", f"{text}; nothing proves that name (`unproved: true`)"
    return "WARNING" if verdict.answer is Answer.REFUSED else "INFO", text
