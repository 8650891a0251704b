"""A small server of IEEE 2030.5 for one end device, as CSIP has it: a process of its own,
`python -m tests.languages.csip_server FOLDER LFDI`.

Its documents are written and read by models of another project (`envoy_schema`). It speaks TLS 1.2 with
ECDHE-ECDSA-AES128-CCM8 alone, and wants a client's certificate. The test controls it over HTTP in clear; both addresses
are its first line.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from envoy_schema.server.schema.sep2 import der, end_device, metering_mirror, response
from envoy_schema.server.schema.sep2.der_control_types import ActivePower
from envoy_schema.server.schema.sep2.device_capability import DeviceCapabilityResponse
from envoy_schema.server.schema.sep2.event import EventStatus
from envoy_schema.server.schema.sep2.function_set_assignments import (
    FunctionSetAssignmentsListResponse,
    FunctionSetAssignmentsResponse,
)
from envoy_schema.server.schema.sep2.identification import Link, ListLink
from envoy_schema.server.schema.sep2.time import TimeResponse
from envoy_schema.server.schema.sep2.types import DateTimeIntervalType, TimeQualityType
from pydantic_xml import element
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.broker import free_port

CIPHER = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
POLL_S = 1


class Capability(der.DERCapability, tag="DERCapability"):
    """Outside Australia."""

    doeModesSupported: str | None = element(default=None)  # type: ignore[assignment,unused-ignore]


READ: dict[str, Any] = {
    "/rsp": response.DERControlResponse,
    "/mup": metering_mirror.MirrorUsagePointRequest,
    "/mup/1": metering_mirror.MirrorMeterReadingListRequest,
    "/edev/1/der/1/dercap": Capability,
    "/edev/1/der/1/ders": der.DERStatus,
    "/edev/1/der/1/derg": der.DERSettings,
    "/edev/1/der/1/dera": der.DERAvailability,
}
"""What a client sends, and what that must be."""


class Server:
    def __init__(self, lfdi: str) -> None:
        self.lfdi = lfdi
        self.controls: dict[str, der.DERControlResponse] = {}
        self.read = set[Any]()
        self.default: dict[str, Any] = {}
        self.noise = False
        """Whether it answers with what is no document."""
        self.seen: list[tuple[str, str]] = []
        self.secure = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "PUT"])])
        self.clear = Starlette(routes=[
            Route("/control", self.controlled, methods=["PUT"]), Route("/default", self.defaulted, methods=["PUT"]),
            Route("/noise", self.noisy, methods=["PUT"]), Route("/seen", self.shown),
        ])  # fmt: skip

    async def controlled(self, request: Request) -> Response:
        """`{"mrid": "..", "for_s": 3, "modes": {"opModTargetW": 4000}}`: from when a client first reads it."""
        asked = await request.json()
        now = int(time.time())
        self.controls[asked["mrid"]] = der.DERControlResponse(
            href=f"/derp/1/derc/{asked['mrid']}",
            replyTo="/rsp",
            responseRequired="03",
            mRID=asked["mrid"],
            creationTime=now,
            EventStatus_=EventStatus(currentStatus=1, dateTime=now, potentiallySuperseded=False),
            interval=DateTimeIntervalType(duration=asked["for_s"], start=now),
            DERControlBase_=base(asked["modes"]),
        )
        return JSONResponse({})

    async def defaulted(self, request: Request) -> Response:
        self.default = await request.json()
        return JSONResponse({})

    async def noisy(self, request: Request) -> Response:
        self.noise = (await request.json())["on"]
        return JSONResponse({})

    async def shown(self, request: Request) -> Response:
        return JSONResponse(self.seen)

    async def answer(self, request: Request) -> Response:
        path, body = request.url.path, await request.body()
        if request.method != "GET":
            model = READ.get(path)
            if model is None:
                return Response(status_code=404)
            try:
                document = model.from_xml(body)
            except ValueError as error:
                self.seen.append((f"refused {path}", f"{error} {body.decode()}"))
                return Response(status_code=400)
            status = getattr(document, "status", None)
            self.seen.append((f"{request.method} {path}", str(int(status)) if status is not None else body.decode()))
            if request.method == "PUT":
                return Response(status_code=204)
            return Response(status_code=201, headers={"Location": "/mup/1" if path == "/mup" else f"{path}/1"})
        if self.noise:
            return Response(
                b"<DERControlList xmlns='urn:ieee:std:2030.5:ns'><nonsense", media_type="application/sep+xml"
            )
        found = self.document(path)
        if found is None:
            return Response(status_code=404)
        return Response(found.to_xml(skip_empty=False, exclude_none=True), media_type="application/sep+xml")

    def document(self, path: str) -> Any:
        now = int(time.time())
        listed: dict[str, Any] = {"all_": 1, "results": 1, "href": path}
        match path:
            case "/dcap":
                return DeviceCapabilityResponse(
                    href=path, pollRate=POLL_S, TimeLink=Link(href="/tm"),
                    EndDeviceListLink=ListLink(href="/edev", all_=1),
                    MirrorUsagePointListLink=ListLink(href="/mup", all_=0),
                )  # fmt: skip
            case "/tm":
                return TimeResponse(
                    href=path,
                    currentTime=now,
                    dstEndTime=0,
                    dstOffset=0,
                    dstStartTime=0,
                    quality=TimeQualityType(3),
                    tzOffset=0,
                )
            case "/edev":
                return end_device.EndDeviceListResponse(EndDevice=[self.device()], pollRate=POLL_S, **listed)
            case "/edev/1":
                return self.device()
            case "/edev/1/der":
                own = "/edev/1/der/1"
                return der.DERListResponse(DER_=[der.DER(
                    href=own, DERCapabilityLink=Link(href=f"{own}/dercap"), DERStatusLink=Link(href=f"{own}/ders"),
                    DERSettingsLink=Link(href=f"{own}/derg"), DERAvailabilityLink=Link(href=f"{own}/dera"),
                )], **listed)  # fmt: skip
            case "/edev/1/fsa":
                assigned = FunctionSetAssignmentsResponse(
                    href="/edev/1/fsa/1",
                    mRID="aa",
                    DERProgramListLink=ListLink(href="/derp", all_=1),
                    TimeLink=Link(href="/tm"),
                )
                return FunctionSetAssignmentsListResponse(FunctionSetAssignments=[assigned], pollRate=POLL_S, **listed)
            case "/derp":
                program = der.DERProgramResponse(
                    href="/derp/1", mRID="bb", primacy=1, DefaultDERControlLink=Link(href="/derp/1/dderc"),
                    DERControlListLink=ListLink(href="/derp/1/derc", all_=len(self.controls)),
                )  # fmt: skip
                return der.DERProgramListResponse(DERProgram=[program], pollRate=POLL_S, **listed)
            case "/derp/1/derc":
                found = list(self.controls.values())
                for each in found:
                    if each.mRID not in self.read:
                        self.read.add(each.mRID)
                        each.interval.start = int(time.time())
                count: dict[str, Any] = {"all_": len(found), "results": len(found), "href": path}
                return der.DERControlListResponse(DERControl=found, **count)
            case "/derp/1/dderc":
                return der.DefaultDERControl(href=path, mRID="cc", DERControlBase_=base(self.default))
            case "/mup":
                return metering_mirror.MirrorUsagePointListResponse(all_=0, results=0, href=path)
        return None

    def device(self) -> end_device.EndDeviceResponse:
        return end_device.EndDeviceResponse(
            href="/edev/1", lFDI=self.lfdi, sFDI=1, changedTime=int(time.time()), enabled=True,
            DERListLink=ListLink(href="/edev/1/der", all_=1),
            FunctionSetAssignmentsListLink=ListLink(href="/edev/1/fsa", all_=1),
        )  # fmt: skip


def base(modes: dict[str, Any]) -> der.DERControlBase:
    """Powers are in W; percentages in hundredths, as they travel."""
    in_w = ("opModTargetW", "opModExpLimW", "opModImpLimW", "opModGenLimW", "opModLoadLimW")
    values: dict[str, Any] = {
        mode: ActivePower(multiplier=0, value=value) if mode in in_w else value for mode, value in modes.items()
    }
    return der.DERControlBase(**values)


async def serve(folder: Path, lfdi: str) -> None:
    server, ports = Server(lfdi), (free_port(), free_port())
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    tls: dict[str, Any] = {
        "ssl_certfile": folder / "root.pem", "ssl_keyfile": str(folder / "key.pem"), "ssl_cert_reqs": 2,
        "ssl_ca_certs": str(folder / "root.pem"), "ssl_ciphers": CIPHER,
    }  # fmt: skip
    servers = [
        uvicorn.Server(uvicorn.Config(server.secure, "127.0.0.1", ports[0], **quiet, **tls)),
        uvicorn.Server(uvicorn.Config(server.clear, "127.0.0.1", ports[1], **quiet)),
    ]
    tasks = [asyncio.create_task(each.serve()) for each in servers]
    while not all(each.started for each in servers):  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    print(f"https://127.0.0.1:{ports[0]} http://127.0.0.1:{ports[1]}", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
