"""SECC discovery over a pair of virtual Ethernet interfaces."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from ipaddress import IPv6Address
from typing import Any

import pytest

from v2g.io.discovery import Endpoint, InterfaceError, find_station, link_local, respond, scoped
from v2g.v2gtp.sdp import PORT, SdpError, SdpResponse, Security

Cables = tuple[tuple[str, str], tuple[str, str]]
"""Two cables, each with the interface of the car's end and of the station's."""
LIMIT_S = 20.0


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await scenario

    asyncio.run(bounded())


class Refusals(list[tuple[str, str]]):
    def note(self, sender: str, error: SdpError | str) -> None:
        self.append((sender, str(error)))


def silent(sender: str, error: SdpError | str) -> None:
    raise AssertionError(f"{sender}: {error}")


def test_an_interface_that_is_not_there_is_named_with_those_that_are() -> None:
    async def scenario() -> None:
        with pytest.raises(InterfaceError, match=r"there is no interface nosuch0; there are .*lo"):
            await link_local("nosuch0")
        with pytest.raises(InterfaceError, match="no interface nosuch0"):
            await find_station("nosuch0", Security.TLS, silent)
        with pytest.raises(InterfaceError, match="no interface nosuch0"):
            await respond("nosuch0", SdpResponse(IPv6Address("fe80::1"), 1), silent)

    run(scenario())


def test_an_interface_without_a_link_local_address_says_what_to_do() -> None:
    class FastLoop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return 50 * super().time()

    async def scenario() -> None:
        with pytest.raises(InterfaceError, match="lo has no usable IPv6 link-local address; bring it up"):
            await link_local("lo")

    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(scenario())


def test_link_local_addresses_are_written_with_their_interface() -> None:
    assert scoped(IPv6Address("fe80::1"), "eth0") == "fe80::1%eth0"
    assert scoped(IPv6Address("2001:db8::1"), "eth0") == "2001:db8::1"


@pytest.mark.netns
def test_the_address_of_a_fresh_interface_is_waited_for_until_it_can_be_bound(cables: Cables) -> None:
    _, station_end = cables[0]

    async def scenario() -> None:
        address = await link_local(station_end)
        assert address.is_link_local
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as usable:
            usable.bind((str(address), 0, 0, socket.if_nametoindex(station_end)))

    run(scenario())


@pytest.mark.netns
def test_a_car_finds_the_station_on_its_cable_and_only_that(cables: Cables) -> None:
    (car_end, station_end), (second_car, second_station) = cables

    async def scenario() -> None:
        responders = [
            await respond(name, SdpResponse(await link_local(name), port), silent)
            for name, port in ((station_end, 50001), (second_station, 50002))
        ]
        first, second = await asyncio.gather(
            find_station(car_end, Security.TLS, silent), find_station(second_car, Security.TLS, silent)
        )
        assert first == Endpoint(f"{await link_local(station_end)}%{car_end}", 50001)
        assert second == Endpoint(f"{await link_local(second_station)}%{second_car}", 50002)
        for responder in responders:
            responder.close()

    run(scenario())


@pytest.mark.netns
def test_the_answer_comes_from_the_link_local_address_and_the_sdp_port(cables: Cables) -> None:
    car_end, station_end = cables[0]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        own = await link_local(station_end)
        responder = await respond(station_end, SdpResponse(own, 50001), silent)
        car, index = await link_local(car_end), socket.if_nametoindex(car_end)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.bind((str(car), 0, 0, index))
            asking.sendto(bytes.fromhex("01fe9000000000020000"), ("ff02::1", PORT, 0, index))
            datagram, (host, port, _, scope) = await loop.sock_recvfrom(asking, 100)
        assert (host.split("%")[0], port, scope) == (str(own), PORT, index)
        assert SdpResponse.unpack(datagram) == SdpResponse(own, 50001)
        responder.close()

    run(scenario())


@pytest.mark.netns
def test_malformed_requests_are_told_and_do_not_stop_the_responder(cables: Cables) -> None:
    car_end, station_end = cables[0]

    async def scenario() -> None:
        refusals = Refusals()
        responder = await respond(station_end, SdpResponse(await link_local(station_end), 50001), refusals.note)
        car, index = await link_local(car_end), socket.if_nametoindex(car_end)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as noisy:
            noisy.bind((str(car), 0, 0, index))
            noisy.sendto(b"garbage", ("ff02::1", PORT, 0, index))
        await find_station(car_end, Security.TLS, silent)
        [(sender, reason)] = refusals
        assert sender.split("%")[0] == str(car)
        assert "7 bytes instead of 10" in reason
        responder.close()

    run(scenario())


@pytest.mark.netns
def test_a_car_that_wants_tls_hears_of_a_station_without_and_goes_on_searching(cables: Cables) -> None:
    car_end, station_end = cables[0]

    async def scenario() -> None:
        refusals, heard = Refusals(), asyncio.Event()

        def note(sender: str, error: SdpError | str) -> None:
            refusals.note(sender, error)
            heard.set()

        plain = await respond(station_end, SdpResponse(await link_local(station_end), 50001, Security.NONE), silent)
        search = asyncio.create_task(find_station(car_end, Security.TLS, note))
        await heard.wait()
        assert "offers security NONE instead of TLS" in refusals[0][1]
        assert not search.done()
        plain.close()
        honest = await respond(station_end, SdpResponse(await link_local(station_end), 50002), silent)
        assert (await search).port == 50002
        honest.close()

    run(scenario())


@pytest.mark.netns
def test_a_car_that_the_station_does_not_want_to_hear_gets_no_answer(cables: Cables) -> None:
    car_end, station_end = cables[0]

    async def scenario() -> None:
        refusals, heard, wanted = Refusals(), asyncio.Event(), asyncio.Event()

        def note(sender: str, error: str) -> None:
            refusals.note(sender, error)
            heard.set()

        offer = SdpResponse(await link_local(station_end), 50001)
        closed: Callable[[str], str | None] = lambda _: None if wanted.is_set() else "no car is plugged in"  # noqa: E731
        responder = await respond(station_end, offer, note, closed)
        search = asyncio.create_task(find_station(car_end, Security.TLS, silent))
        await heard.wait()
        assert refusals[0][1] == "no car is plugged in"
        assert not search.done()
        wanted.set()
        assert (await search).port == 50001
        responder.close()

    run(scenario())
