"""A car that says what a car once said: it sends the requests of a recorded session to a station of today.

Only what the station decides is replaced: the session id, the parameter set, the schedule. A request is repeated while
the station answers "ongoing", and the first request of the charge loop as often as asked.

    python -m tests.interop.recorded_car TRACE INTERFACE --loops N [--pki DIR]

prints one JSON object: `responses` (class names in order) and `loop_s` (response times of the charge loop, seconds).
"""

import argparse
import json
import socket
import ssl
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from v2g.messages import decode, encode
from v2g.messages.iso20 import common, types
from v2g.v2gtp.framing import FrameReader, pack
from v2g.v2gtp.sdp import INTERVAL_S, MULTICAST, PORT, TRIES, SdpRequest, SdpResponse, Security

PROTOCOLS = {0x8001: "sap", 0x8002: "iso20-common", 0x8003: "iso20-ac", 0x8004: "iso20-dc"}
RESPONSE_TIMEOUT_S = 5.0
REPEAT_S = 0.05
"""A pause before the same request is sent again."""
REPEATED_AS_NEEDED = ("ChargeLoopReq", "AuthorizationReq", "ScheduleExchangeReq", "CableCheckReq")
CONTROL_MODES = {1: "Scheduled_SEReqControlMode", 2: "Dynamic_SEReqControlMode"}


class RefusedError(Exception):
    """The station answered with a FAILED response code, or not at all."""


@dataclass
class RecordedCar:
    """One session over an open connection."""

    trace: Path
    connection: socket.socket
    responses: list[Any] = field(default_factory=list)
    loop_s: list[float] = field(default_factory=list)
    asked_s: float = 0.0
    """When the last request was sent."""

    def run(self, loops: int) -> None:
        """Runs the session to SessionStop. Raises RefusedError."""
        self._frames = FrameReader()
        self._session_id = bytes(8)
        requests = self._requests()
        control_mode = next(self._control_mode(r) for _, r in requests if isinstance(r, common.ScheduleExchangeReq))
        previous = ""
        for payload_type, request in requests:
            name = type(request).__name__
            if name == previous and name.endswith(REPEATED_AS_NEEDED):
                continue
            previous = name
            if isinstance(request, common.ServiceSelectionReq):
                self._select(request, control_mode)
            if isinstance(request, common.PowerDeliveryReq):
                self._adopt_schedule(request)
            for _ in range(loops if name.endswith("ChargeLoopReq") else 1):
                self._exchange(payload_type, request)

    def come_and_go(self) -> None:
        """Begins a session and ends it at once. Raises RefusedError."""
        self._frames = FrameReader()
        self._session_id = bytes(8)
        requests = {type(request).__name__: (payload_type, request) for payload_type, request in self._requests()}
        for name in ("supportedAppProtocolReq", "SessionSetupReq", "SessionStopReq"):
            self._exchange(*requests[name])

    def _requests(self) -> list[tuple[int, Any]]:
        records = [json.loads(line) for line in self.trace.read_text(encoding="utf-8").splitlines()]
        return [
            (record["payload_type"], decode(PROTOCOLS[record["payload_type"]], bytes.fromhex(record["exi"])))
            for record in records
            if record["direction"] == "request"
        ]

    @staticmethod
    def _control_mode(request: common.ScheduleExchangeReq) -> int:
        return next(value for value, name in CONTROL_MODES.items() if getattr(request, name) is not None)

    def _exchange(self, payload_type: int, request: Any) -> None:
        while True:
            if hasattr(request, "Header"):
                header = types.MessageHeader(SessionID=self._session_id, TimeStamp=int(time.time()))
                request = msgspec.structs.replace(request, Header=header)
            frame = pack(payload_type, encode(PROTOCOLS[payload_type], request))
            self.asked_s = start = time.perf_counter()
            self.connection.sendall(frame)
            response = self._receive()
            if type(request).__name__.endswith("ChargeLoopReq"):
                self.loop_s.append(time.perf_counter() - start)
            self.responses.append(response)
            if "FAILED" in response.ResponseCode.upper():
                raise RefusedError(f"{type(response).__name__}: {response.ResponseCode}")
            if hasattr(response, "Header"):
                self._session_id = response.Header.SessionID
            if getattr(response, "EVSEProcessing", types.Processing.Finished) == types.Processing.Finished:
                return
            time.sleep(REPEAT_S)

    def _receive(self) -> Any:
        while True:
            data = self.connection.recv(65536)
            if not data:
                raise RefusedError("the station closed the connection")
            for payload_type, payload in self._frames.feed(data):
                return decode(PROTOCOLS[payload_type], payload)

    def _last(self, kind: type[Any]) -> Any:
        return next(response for response in reversed(self.responses) if isinstance(response, kind))

    def _select(self, request: common.ServiceSelectionReq, control_mode: int) -> None:
        for offered in self._last(common.ServiceDetailRes).ServiceParameterList.ParameterSet:
            if any(each.Name == "ControlMode" and each.intValue == control_mode for each in offered.Parameter):
                request.SelectedEnergyTransferService.ParameterSetID = offered.ParameterSetID
                return
        raise RefusedError(f"the station offers no parameter set with ControlMode {control_mode}")

    def _adopt_schedule(self, request: common.PowerDeliveryReq) -> None:
        schedules = self._last(common.ScheduleExchangeRes).Scheduled_SEResControlMode
        profile = request.EVPowerProfile
        if schedules is None or profile is None or profile.Scheduled_EVPPTControlMode is None:
            return
        chosen = schedules.ScheduleTuple[0]
        profile.Scheduled_EVPPTControlMode.SelectedScheduleTupleID = chosen.ScheduleTupleID
        profile.EVPowerProfileEntries.EVPowerProfileEntry = [
            common.PowerScheduleEntry(Duration=entry.Duration, Power=entry.Power)
            for entry in chosen.ChargingSchedule.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry
        ]


def discover(interface: str, security: Security) -> tuple[str, int, int, int]:
    """The address of the station on `interface`. Raises RefusedError when none answers, or not with `security`."""
    scope = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
        udp.settimeout(INTERVAL_S)
        for _ in range(TRIES):
            udp.sendto(SdpRequest(security).pack(), (str(MULTICAST), PORT, 0, scope))
            try:
                response = SdpResponse.unpack(udp.recv(1500))
            except TimeoutError:
                continue
            if response.security != security:
                raise RefusedError(f"the station offers security {response.security.name}")
            return str(response.address), response.port, 0, scope
    raise RefusedError("no station answers")


def connect(address: tuple[str, int, int, int], tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the station; each write leaves at once."""
    connection = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    connection.settimeout(RESPONSE_TIMEOUT_S)
    connection.connect(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(connection) if tls else connection


def tls_context(pki: Path) -> ssl.SSLContext:
    """TLS 1.3 with certificates on both sides, from a directory of `v2g pki`; the station has no host name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations(pki / "v2g_root.pem")
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as chain:
        for name in ("vehicle_cert.pem", "oem_chain.pem"):
            chain.write((pki / name).read_text(encoding="ascii"))
        chain.flush()
        context.load_cert_chain(chain.name, pki / "vehicle_key.pem")
    return context


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trace", type=Path)
    parser.add_argument("interface")
    parser.add_argument("--loops", type=int, default=3)
    parser.add_argument("--pki", type=Path, metavar="DIR", help="TLS with these certificates; plain TCP without")
    args = parser.parse_args()
    context = tls_context(args.pki) if args.pki else None
    address = discover(args.interface, Security.TLS if context else Security.NONE)
    with connect(address, context) as connection:
        car = RecordedCar(args.trace, connection)
        car.run(args.loops)
    names = [type(response).__name__ for response in car.responses]
    print(json.dumps({"responses": names, "loop_s": car.loop_s}))


if __name__ == "__main__":
    main()
