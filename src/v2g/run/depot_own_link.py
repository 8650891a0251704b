"""Carries the depot's own link to its CSMS (`v2g.csms.own_link`), for as long as the process runs."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from v2g.csms.own_link import OwnLink
from v2g.csms.own_profiles import Requests
from v2g.depot.configuration import Configuration
from v2g.depot.request import Limited
from v2g.io.carrier import BackEndError, BackOff
from v2g.io.websocket import Connection, connect
from v2g.run.depot_relay import AGAIN_S, DOUBLINGS, RANDOM_S, STEADY_S, endpoint

LOOK_S = 1.0
"""Between two looks at what is due."""


class DepotOwnLink:
    """One link, opened again whenever it is lost."""

    def __init__(
        self, configuration: Configuration, requests: Requests, now: Callable[[], float], report: Callable[[str], None]
    ) -> None:
        """`report` gets lines for a person. Raises `V2GError` for a file that cannot be read."""
        upstream = configuration.upstream
        assert upstream is not None
        assert upstream.identity is not None
        self._endpoint = endpoint(upstream, upstream.identity, upstream.password_file)
        self._versions, self._now, self._said = upstream.versions, now, ""
        self._report = report
        self._link = OwnLink(configuration.feeders[0].charge_w, requests)
        self._news = asyncio.Event()

    def limited(self, limit: Limited) -> None:
        """What the site may draw and feed just now."""
        self._link.limited(limit)
        self._news.set()

    async def serve(self) -> None:
        """Until cancelled."""
        wait = BackOff()
        while True:
            try:
                link = await connect(self._endpoint, self._versions)
            except BackEndError as error:
                self._say(f"the depot's own link to the CSMS: {error}")
            else:
                began_s = self._now()
                self._say("the depot's own link to the CSMS stands")
                await self._speak(link)
                if self._now() - began_s >= STEADY_S:
                    wait.succeeded()
            await asyncio.sleep(wait.next_s(AGAIN_S, RANDOM_S, DOUBLINGS))

    async def _speak(self, link: Connection) -> None:
        self._link.connected(link.subprotocol, self._now())
        hearing = asyncio.create_task(self._hear(link))
        try:
            while not hearing.done():
                self._say(self._link.step(self._now()))
                for frame in self._link.taken():
                    await link.send(frame)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
                self._news.clear()
        except BackEndError:
            pass
        finally:
            hearing.cancel()
            self._link.gone()
            await link.close()

    async def _hear(self, link: Connection) -> None:
        with suppress(BackEndError):
            while True:
                self._say(self._link.receive(await link.receive(), self._now()))
                self._news.set()
        self._news.set()

    def _say(self, text: str) -> None:
        """The same line is reported once."""
        if text and text != self._said:
            self._said = text
            self._report(text)
