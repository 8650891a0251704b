"""A plant as a SunSpec inverter at a Modbus address: who may write, one request at a time, refusals as exceptions."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from v2g.io import modbus_server
from v2g.io.modbus_server import (
    DEVICE_BUSY,
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    NO_SUCH_UNIT,
    Client,
    Refusal,
    Request,
)
from v2g.kernel.errors import V2GError
from v2g.kernel.sparing import Sparing
from v2g.languages.plant import NotReady, Plant
from v2g.languages.sunspec.inverter import Inverter
from v2g.power.sunspec.image import NoSuchRegister

SHARE_S = 5.0
WRITES = "control"
"""The role of a certificate whose owner may write; any other one reads."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask, and for how long a set-point without a reversion timer holds after its client was heard last."""

    unit: int
    writers: tuple[str, ...]
    """Addresses and networks."""
    silence_s: float

    def may_write(self, client: Client) -> bool:
        """By its address, and with TLS by the role in its certificate too."""
        if client.role is not None and client.role != WRITES:
            return False
        address = ip_address(client.host.partition("%")[0])
        return any(address in ip_network(each) for each in self.writers)


class SunSpecServer:
    """Answers requests. `report` gets refusals, for the log."""

    def __init__(
        self, plant: Plant, rules: Rules, report: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plant, self._rules, self._report, self._clock = plant, rules, Sparing(report, clock), clock
        self._turn = asyncio.Lock()
        self._inverter: Inverter | None = None

    async def serve(self, listen: str, tls: ssl.SSLContext | None = None) -> None:
        """Serve until cancelled. Raises `ModbusServerError`."""
        host, _, port = listen.rpartition(":")

        def ready(at: str) -> None:
            self._report(f"SunSpec clients connect at {at}")

        await modbus_server.serve(
            self.answer, host.strip("[]"), int(port), ready, tls, "sunspec.listen", self._rules.may_write
        )

    async def share(self, share_again: Callable[[], Awaitable[None]]) -> None:
        """Let a plant of several parts share its set-point again, until cancelled."""
        while True:
            await asyncio.sleep(SHARE_S)
            async with self._turn:
                try:
                    await share_again()
                except V2GError as error:
                    self._report(f"the set-point cannot be shared: {error}")

    async def answer(self, unit: int, request: Request, client: Client) -> Sequence[int]:
        """The words that were read. Raises `Refusal`."""
        if unit != self._rules.unit:
            raise Refusal(NO_SUCH_UNIT)
        if request.words and not self._rules.may_write(client):
            self._report(f"SunSpec client {client.host} may not write; name it under sunspec.writers")
            raise Refusal(ILLEGAL_FUNCTION)
        async with self._turn:
            inverter = await self._seen()
            if not request.words:
                if self._rules.may_write(client):
                    await self._renew(inverter, client)
                try:
                    return inverter.image.read(request.address, request.count)
                except NoSuchRegister as error:
                    raise Refusal(ILLEGAL_ADDRESS) from error
            await self._write(inverter, request, client)
        return ()

    async def _seen(self) -> Inverter:
        """The device as the plant is now. Raises `Refusal`."""
        now = self._clock()
        try:
            seen = await self._plant.look()
        except NotReady as error:
            raise Refusal(DEVICE_BUSY) from error
        except V2GError as error:
            raise Refusal(DEVICE_FAILURE) from error
        if self._inverter is None:
            self._inverter = Inverter(self._plant.about, seen, self._rules.silence_s)
        self._inverter.look(seen, now)
        return self._inverter

    async def _renew(self, inverter: Inverter, client: Client) -> None:
        try:
            for order in inverter.heard(self._clock()):
                await self._plant.obey(order, by(client))
        except V2GError as error:
            self._report(f"the set-point of {by(client)} is not followed any longer: {error}")

    async def _write(self, inverter: Inverter, request: Request, client: Client) -> None:
        try:
            written = inverter.write(request.address, request.words, self._clock())
        except NoSuchRegister as error:
            raise Refusal(ILLEGAL_ADDRESS) from error
        except ValueError as error:
            self._report(f"{by(client)} is refused: {error}")
            raise Refusal(ILLEGAL_VALUE) from error
        try:
            for order in written.orders:
                await self._plant.obey(order, by(client))
        except V2GError as error:
            self._report(f"{by(client)} is refused: {error}")
            if inverter.refused(written):
                return
            raise Refusal(DEVICE_BUSY if isinstance(error, NotReady) else ILLEGAL_VALUE) from error


def by(client: Client) -> str:
    """For a person."""
    return f"SunSpec client {client.host}"
