"""Thousands of simple stations in one process: OCPP 2.1 over WebSocket, without a library that would cost more than the
depot they are made for.

    python -m benchmarks.depot_stations --port 9000 --count 1000 --password file [--roots root.pem] [--meter-s 10]

Each boots, reports a car that charges, answers whatever it is asked with consent, and comes back at once when its
connection is lost. What happens is printed, one line of JSON each: `served` when the depot has answered all that they
have reported, and they have its bottom profile, and `lost` when the first of them has lost its connection.
"""

import argparse
import asyncio
import json
import resource
import ssl
import struct
import sys
import time
from base64 import b64encode
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import uvloop

AGAIN_S = 0.5
"""After a connection that was lost or refused."""
_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_MASK = b"\0\0\0\0"
"""A masking key is needed; this one leaves the payload as it is."""
VALUES = {
    "DynamicProfiles": "true", "MaxOfflineDuration": "true", "Enabled": "true",
    "SupportedOperationModes": "ChargingOnly,CentralSetpoint",
}  # fmt: skip


class Crowd:
    """What they have in common."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.password = args, Path(args.password).read_text().strip()
        self.tls: ssl.SSLContext | None = None
        if args.roots:
            self.tls = ssl.create_default_context(cafile=args.roots)
            self.tls.check_hostname = False
        self.served = self.errors = 0
        self.begun_s = time.monotonic()

    def report(self, what: str, **more: Any) -> None:
        print(json.dumps({"what": what, "at_s": time.monotonic(), "errors": self.errors} | more), flush=True)

    def wrong(self, what: str) -> None:
        """Something on the wire that should not be there."""
        self.errors += 1
        print(what, file=sys.stderr, flush=True)

    def one_served(self) -> None:
        self.served += 1
        if self.served == self.args.count:
            self.report("served", took_s=time.monotonic() - self.begun_s)

    def one_gone(self, *, was_served: bool) -> None:
        if self.served == self.args.count:
            self.begun_s = time.monotonic()
            self.report("lost")
        self.served -= was_served


class Station(asyncio.Protocol):
    """One connection."""

    def __init__(self, crowd: Crowd, identity: str, gone: asyncio.Future[None]) -> None:
        self._crowd, self._identity, self._gone = crowd, identity, gone
        self._buffer, self._open, self._number = b"", False, 0
        self._queue: deque[tuple[str, dict[str, Any]]] = deque()
        self._bottomed = self._served = False
        self._setpoint_w: float | None = None
        self._seq = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is none by inheritance
        secret = b64encode(f"{self._identity}:{self._crowd.password}".encode()).decode()
        self._transport.write(
            f"GET /ocpp/{self._identity} HTTP/1.1\r\nHost: depot\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {b64encode(self._identity.encode().ljust(16)[:16]).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp2.1\r\nAuthorization: Basic {secret}\r\n\r\n"
            .encode()
        )  # fmt: skip

    def connection_lost(self, exc: Exception | None) -> None:
        if self._open:
            self._crowd.one_gone(was_served=self._served)
        else:
            self._crowd.wrong(f"{self._identity}: the handshake ended: {exc!r}")
        if not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._crowd.wrong(f"{self._identity}: {head[:60]!r}")
                assert self._transport is not None
                self._transport.close()
                return
            self._open = True
            self._boot()
        while (frame := _frame(data)) is not None:
            code, payload, data = frame
            if code == 1:
                self._heard(payload)
            elif code == 9:
                self._write(10, payload)
            elif code == 8:
                self._crowd.wrong(f"{self._identity}: closed with {payload!r}")
        self._buffer = data

    def meter(self) -> None:
        """Report what is measured."""
        if self._served and self._transport is not None and not self._transport.is_closing():
            self._event("Updated", "MeterValuePeriodic", {"chargingState": "Charging"})
            self._next()

    def _write(self, code: int, payload: bytes) -> None:
        assert self._transport is not None
        size = len(payload)
        head = bytes((0x80 | code, 0x80 | size)) if size < 126 else struct.pack("!BBH", 0x80 | code, 0xFE, size)
        self._transport.write(head + _MASK + payload)

    def _boot(self) -> None:
        card = {"chargingStation": {"model": "Simple", "vendorName": "benchmark"}, "reason": "PowerUp"}
        self._queue.append(("BootNotification", card))
        status = {"timestamp": _now(), "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
        self._queue.append(("StatusNotification", status))
        token = {"idToken": f"EV{self._identity}", "type": "EVCCID"}
        self._event("Started", "CablePluggedIn", {}, evse={"id": 1, "connectorId": 1}, idToken=token)
        self._event("Updated", "ChargingStateChanged", {"chargingState": "Charging"})
        self._send_next()

    def _event(self, kind: str, trigger: str, info: dict[str, Any], **more: Any) -> None:
        power_w = (self._setpoint_w or 0.0) + self._seq % 7
        rows = (("Energy.Active.Import.Register", float(self._seq)), ("Power.Active.Import", power_w), ("SoC", 50.0))
        values = [{"value": value, "measurand": name} for name, value in rows]
        at = _now()
        self._queue.append(("TransactionEvent", {
            "eventType": kind, "timestamp": at, "triggerReason": trigger, "seqNo": self._seq,
            "transactionInfo": {"transactionId": f"T{self._identity}"} | info,
            "meterValue": [{"timestamp": at, "sampledValue": values}],
        } | more))  # fmt: skip
        self._seq += 1

    def _next(self) -> None:
        if len(self._queue) == 1:
            self._send_next()

    def _send_next(self) -> None:
        action, payload = self._queue[0]
        self._number += 1
        self._write(1, _ENCODE([2, str(self._number), action, payload]))

    def _heard(self, payload: bytes) -> None:
        frame = _DECODE(payload)
        if frame[0] == 2:
            self._write(1, _ENCODE([3, frame[1], self._answer(frame[2], frame[3])]))
            self._look()
        elif frame[0] == 3 and frame[1] == str(self._number):
            self._queue.popleft()
            if self._queue:
                self._send_next()
            self._look()
        else:
            self._crowd.wrong(f"{self._identity}: {payload[:200]!r}")

    def _look(self) -> None:
        if not self._served and self._bottomed and not self._queue:
            self._served = True
            self._crowd.one_served()

    def _answer(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        if action == "UpdateDynamicSchedule":
            self._follow(asked["scheduleUpdate"].get("setpoint"))
        elif action == "SetChargingProfile":
            profile = asked["chargingProfile"]
            if profile["chargingProfilePurpose"] == "TxDefaultProfile":
                self._bottomed = True
            else:
                self._follow(profile["chargingSchedule"][0]["chargingSchedulePeriod"][0].get("setpoint"))
        elif action == "GetVariables":
            return {"getVariableResult": [
                {"attributeStatus": "Accepted" if (name := _name(each)) in VALUES else "UnknownVariable",
                 "component": each["component"], "variable": each["variable"]}
                | ({"attributeValue": VALUES[name]} if name in VALUES else {})
                for each in asked["getVariableData"]
            ]}  # fmt: skip
        elif action == "SetVariables":
            return {"setVariableResult": [
                {"attributeStatus": "Accepted", "component": each["component"], "variable": each["variable"]}
                for each in asked["setVariableData"]
            ]}  # fmt: skip
        return {"status": "Accepted"}

    def _follow(self, setpoint_w: float | None) -> None:
        """Measured a little later, each at another moment."""
        if setpoint_w != self._setpoint_w:
            self._setpoint_w = setpoint_w
            asyncio.get_running_loop().call_later(1.0 + hash(self._identity) % 2000 / 1000, self.meter)


def _name(asked: dict[str, Any]) -> str:
    return str(asked["variable"].get("instance") or asked["variable"]["name"])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame of a server, and what follows."""
    if len(data) < 2:
        return None
    size, begins = data[1], 2
    if size == 126:
        size, begins = int.from_bytes(data[2:4], "big"), 4
    if len(data) < begins + size or (begins == 4 and len(data) < 4):
        return None
    return data[0] & 0x0F, data[begins : begins + size], data[begins + size :]


async def _keep(crowd: Crowd, identity: str, stations: dict[str, Station]) -> None:
    """One station's connection, made again at once."""
    loop = asyncio.get_running_loop()
    while True:
        gone: asyncio.Future[None] = loop.create_future()
        station = Station(crowd, identity, gone)
        try:
            await loop.create_connection(
                lambda: station,  # noqa: B023
                "127.0.0.1",
                crowd.args.port,
                ssl=crowd.tls,
                ssl_handshake_timeout=300.0 if crowd.tls else None,
            )
        except ConnectionRefusedError:
            await asyncio.sleep(AGAIN_S)
            continue
        except OSError as error:
            crowd.wrong(f"{identity}: {error!r}")
            await asyncio.sleep(AGAIN_S)
            continue
        stations[identity] = station
        await gone
        await asyncio.sleep(AGAIN_S)  # a process that dies still accepts for a moment


async def run(args: argparse.Namespace) -> None:
    crowd, stations = Crowd(args), dict[str, Station]()
    tasks = [asyncio.create_task(_keep(crowd, f"CS{n:04}", stations)) for n in range(args.count)]
    number = 0
    while True:
        await asyncio.sleep(0.1)
        if args.meter_s:  # a share of them each time, so that they do not speak all at once
            share = round(args.count * 0.1 / args.meter_s)
            for each in range(number, number + share):
                if (station := stations.get(f"CS{each % args.count:04}")) is not None:
                    station.meter()
            number += share
        if any(each.done() for each in tasks):
            raise SystemExit("a station has ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--password", required=True, help="a file")
    parser.add_argument("--roots", help="TLS")
    parser.add_argument("--meter-s", type=float, default=0.0, help="how often each measures; 0: never")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
