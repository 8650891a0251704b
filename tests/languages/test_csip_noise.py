"""What a client of IEEE 2030.5 takes for an answer, and what for silence: a hostile server, over plain sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from py20305.client.http import Sep2Client
from py20305.client.retry import RetryPolicy
from py20305.events.comms_loss import CommsLossState
from py20305.models.sep.sep import DercontrolList, Time

from v2g.io import csip_client
from v2g.io.csip_client import LONGEST_OCTETS, MOST_LISTED, StrictClient

NS = "xmlns='urn:ieee:std:2030.5:ns'"
TIME = (
    f"<Time {NS} href='/tm'><currentTime>1800000000</currentTime><dstEndTime>0</dstEndTime><dstOffset>0</dstOffset>"
    "<dstStartTime>0</dstStartTime><quality>3</quality><tzOffset>0</tzOffset></Time>"
)
LIST = f"<DERControlList {NS} all='0' results='0' href='/derc'/>"


def control(multiplier: str) -> str:
    return (
        f"<DERControlList {NS} all='1' results='1' href='/derc'><DERControl href='/derc/1'><mRID>0A</mRID>"
        "<creationTime>1</creationTime><EventStatus><currentStatus>1</currentStatus><dateTime>1</dateTime><potentiallySuperseded>false"
        "</potentiallySuperseded></EventStatus><interval><duration>60</duration><start>1</start></interval><DERControlBase>"
        f"<opModTargetW><multiplier>{multiplier}</multiplier><value>5</value></opModTargetW></DERControlBase></DERControl>"
        "</DERControlList>"
    )


def answer(status: str, body: str = "", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n{body}".encode()


@asynccontextmanager
async def answering(said: list[bytes], stalls: asyncio.Event) -> AsyncIterator[StrictClient]:
    """A server that says the first of these, and a client of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said[0])
        await writer.drain()
        if said[0] is PART:
            await stalls.wait()  # the rest never comes
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client: Any = Sep2Client(f"http://{host}:{port}", retry=RetryPolicy(max_transient=1, base_delay=0.0))
    client.__class__, client.heard_s, client.failing, client.lost = StrictClient, 0.0, {}, CommsLossState()
    try:
        yield client
    finally:
        stalls.set()
        await client.close()
        server.close()


PART = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n<Time"
HOSTILE = {
    "noise": answer("200 OK", "<nonsense"),
    "another document": answer("200 OK", LIST),
    "an error": answer("500 Internal Server Error"),
    "a redirect": answer("302 Found", more="Location: https://elsewhere.example.com/\r\n"),
    "too many": answer("429 Too Many Requests", more="Retry-After: 999999999\r\n"),
    "too large": answer("200 OK", TIME.replace("<quality>", " " * LONGEST_OCTETS + "<quality>")),
    "a part": PART,
    "nothing": b"",
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_be_understood_is_no_contact(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csip_client, "WITHIN_S", 0.5)

    async def story() -> None:
        says = [said]
        async with answering(says, asyncio.Event()) as client:
            for _ in range(2):
                with pytest.raises(Exception):  # noqa: B017, PT011 - of the library, of many kinds
                    await client.get("/tm", Time)
            assert client.last_contact_epoch is None
            says[0] = answer("200 OK", TIME)
            await client.get("/tm", Time)
            heard_s = client.last_contact_epoch
            assert heard_s is not None
            assert client.last_validated_epoch == heard_s

    asyncio.run(story())


def test_one_resource_that_fails_again_and_again_is_silence_whatever_else_is_answered() -> None:
    async def story() -> None:
        says = [answer("200 OK", TIME)]
        async with answering(says, asyncio.Event()) as client:
            await client.get("/tm", Time)
            client.heard_s -= 100.0
            for _ in range(2):
                says[0] = answer("200 OK", "<nonsense")
                with pytest.raises(Exception, match="Failed to parse"):
                    await client.get("/derc?s=0&l=50", DercontrolList)
                client.failing = {path: (since_s - 50.0, at_s) for path, (since_s, at_s) in client.failing.items()}
            says[0] = answer("200 OK", TIME)
            await client.get("/tm", Time)
            silent_s = client.heard_s - float(client.last_contact_epoch or 0.0)
            assert 99.0 < silent_s < 110.0
            says[0] = answer("404 Not Found")  # it says that there is none
            with pytest.raises(Exception, match="404"):
                await client.get("/derc?s=0&l=50", DercontrolList)
            assert client.heard_s - float(client.last_contact_epoch or 0.0) < 1.0

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "document", "why"),
    [
        ("/derc", control("99999"), "a multiplier that no number has"),
        (f"/derc?s={MOST_LISTED + 50}&l=50", LIST, "a list of more than"),
        ("/derc", TIME, "not a DercontrolList|Failed to parse"),
    ],
)
def test_a_document_that_would_harm_is_refused(path: str, document: str, why: str) -> None:
    async def story() -> None:
        async with answering([answer("200 OK", document)], asyncio.Event()) as client:
            with pytest.raises(Exception, match=why):
                await client.get(path, DercontrolList)

    asyncio.run(story())
