"""A depot as a VEN of OpenADR 3: it polls a VTN, and what that announces are requests to the depot's desk.

They end by themselves. Set-points end too once the VTN has not answered for `silence_s`; limits and prices hold to the
end that their events state. An event that cannot be understood counts as silence too: what it asked for before holds,
of set-points for `silence_s`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from v2g.depot.configuration import Configuration
from v2g.depot.desk import MOST, Channel
from v2g.depot.grid_configuration import OpenAdr
from v2g.depot.request import AnyRequest, LimitRequest
from v2g.io.grid_depot import Depot, Plant, ratings_of
from v2g.io.openadr_vtn import Vtn
from v2g.kernel.durations import MINUTE_S
from v2g.kernel.errors import V2GError
from v2g.languages.openadr import reports
from v2g.languages.openadr.objects import Event, OpenAdrError, Program, read
from v2g.languages.openadr.reports import Sample, Samples
from v2g.languages.openadr.requests import SET_POINT, Place, rank, requests_of, spans_of, strange

SAMPLE_S = 2.0
SKEW_S = 30.0
"""A difference of the clocks that a person should know of."""
_HELD_S = 15.0 * MINUTE_S
"""How long a power must be held to be offered."""


_NAMELESS = "?"
"""Stands for an event that states no name that can be understood."""


class _Id(Struct, frozen=True):
    id: str = _NAMELESS


class Ven:
    """What is held for the VTN."""

    def __init__(
        self, depot: Depot, configuration: Configuration, settings: OpenAdr, report: Callable[[str], None]
    ) -> None:
        self._depot, self._settings, self._report = depot, settings, report
        self._vtn = Vtn(settings)
        self.ven = settings.ven or configuration.name
        self._plant = Plant(depot, ratings_of(configuration), Channel.OPENADR)
        self._place = Place(ven=self.ven, charge_w=self._plant.ratings.charge_w, simple=settings.simple)
        self._samples = Samples()
        self._asked: dict[str, list[AnyRequest]] = {}
        """By event, what it asked for when it was understood last."""
        self._understood_s: dict[str, float] = {}
        self._seen_s: dict[str, float] = {}
        self._events: list[Event] = []
        self._said: dict[str, str] = {}
        self._reported: dict[str, tuple[str, int]] = {}
        """By event, the report's id and how many intervals were over."""
        self._put: list[AnyRequest] | None = None
        self._heard_s = depot.now()

    async def serve(self) -> NoReturn:
        """Until cancelled."""
        self._report(f"the VTN {self._settings.url} is polled every {self._settings.poll_s} s")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            while True:
                began_s = self._depot.now()
                await self._poll()
                await asyncio.sleep(max(began_s + self._settings.poll_s - self._depot.now(), 0.1))

    async def _watch(self) -> None:
        """Beside the polls: a VTN that takes long for each of many answers holds up neither samples nor silence."""
        while True:
            self._samples.add(self._sample(self._depot.now()))
            self._lapse()
            await asyncio.sleep(min(SAMPLE_S, self._settings.poll_s))

    async def _poll(self) -> None:
        try:
            found = await asyncio.to_thread(self._fetched)
            self._heard_s = self._depot.now()
            self.take(found)
            late = abs(self._vtn.skew_s) > SKEW_S
            self._say("clock", f"the VTN's clock is {self._vtn.skew_s:+.0f} s from this machine's" if late else "")
            await self._send_reports()
            if self._said.get(""):
                self._report(f"the VTN {self._settings.url} answers again")
            self._say("", "")
        except V2GError as error:
            self._say("", f"{error}; tried again every {self._settings.poll_s} s")

    def _fetched(self) -> list[tuple[Program, list[msgspec.Raw]]]:
        return [(program, self._vtn.events(program)) for program in self._vtn.programs()]

    def take(self, found: Iterable[tuple[Program, Sequence[msgspec.Raw]]]) -> None:
        """All that the VTN announces now, in the place of what it announced before."""
        now, events, asked = self._depot.now(), list[Event](), dict[str, list[AnyRequest]]()
        nameless = False
        for program, raw in found:
            for each in raw:
                id = _NAMELESS
                try:
                    id = read(each, _Id, "an event").id
                    event = read(each, Event, f"event {id}")
                    seen_s = self._seen_s.setdefault(event.id, now)
                    asked[id] = requests_of(event, program, self._place, seen_s, now)
                    events.append(event)
                    self._understood_s[id] = now
                    unknown = strange(event)
                    self._say(id, f"it has payloads that mean nothing here: {', '.join(unknown)}" if unknown else "")
                except OpenAdrError as error:
                    asked[id] = self._still_held(id, now)
                    nameless |= id == _NAMELESS
                    self._say(id, f"{error}; " + ("what it asked for before holds" if asked[id] else "it is left out"))
        if nameless:  # it may be any of those that are not there
            asked |= {id: self._still_held(id, now) for id in self._asked.keys() - asked.keys()}
        self._asked, self._events = asked, sorted(events, key=rank)
        self._seen_s = {id: at_s for id, at_s in self._seen_s.items() if id in asked}
        self._understood_s = {id: at_s for id, at_s in self._understood_s.items() if id in asked}
        self._hold()

    def _still_held(self, id: str, now: float) -> list[AnyRequest]:
        """Of an event that cannot be understood: what it asked for before; of set-points as long as through silence."""
        silent = now - self._understood_s.get(id, now) > self._settings.silence_s
        return [each for each in self._asked.get(id, []) if not (silent and SET_POINT in each.by)]

    def _lapse(self) -> None:
        if self._depot.now() - self._heard_s <= self._settings.silence_s:
            return
        lapsed = [each for each in self._depot.desk.of(Channel.OPENADR) if SET_POINT in each.by]
        for each in lapsed:
            self._depot.withdraw(each.by, Channel.OPENADR)
        if lapsed:
            self._put = None
            self._report(f"the VTN has not answered for {self._settings.silence_s} s: its set-points hold no longer")

    def _hold(self) -> None:
        """The desk has what the events ask for, and nothing else: the most important one last, as the latest counts."""
        ranked = {each.id: number for number, each in enumerate(self._events)}
        order = sorted(self._asked, key=lambda id: -ranked.get(id, len(ranked)))
        wanted = self._chosen([each for id in order for each in self._asked[id]])
        if wanted == self._put:
            return
        self._put = None
        names = {each.by for each in wanted}
        for each in self._depot.desk.of(Channel.OPENADR):
            if each.by not in names:
                self._depot.withdraw(each.by, Channel.OPENADR)
        for each in wanted:
            self._depot.put(Channel.OPENADR, each)
        self._put = wanted

    def _chosen(self, wanted: list[AnyRequest]) -> list[AnyRequest]:
        """As many as the desk takes, in the same order: limits before all else, then what begins first; of what has
        begun the most important."""
        left = len(wanted) - MOST
        many = (f"its events ask for {len(wanted)} things; the {left} that begin last wait for room, limits the last "
                "of all; name programs or targets under openadr")  # fmt: skip
        self._say("many", many if left > 0 else "")
        if left <= 0:
            return wanted
        now = self._depot.now()

        def place(number: int) -> tuple[bool, float, int]:
            each = wanted[number]
            begins_s = each.steps[0].from_unix_s if isinstance(each, LimitRequest) and each.steps else each.from_unix_s
            return not isinstance(each, LimitRequest), max(begins_s, now), -number

        return [wanted[number] for number in sorted(sorted(range(len(wanted)), key=place)[:MOST])]

    def _sample(self, now: float) -> Sample:
        dispatch, seen = self._depot.dispatch, self._plant.seen()
        able = self._plant.able()
        band, power_w = able.band(_HELD_S), seen.power_w
        return Sample(
            at_s=now,
            power_w=power_w,
            asked_w=None if dispatch is None else dispatch.requested_w,
            follows=dispatch is not None and dispatch.requested_by.startswith("OpenADR "),
            soc_pu=seen.soc_pu,
            capacity_wh=seen.capacity_wh,
            charge_w=max(band.most_w, 0.0),
            discharge_w=max(-band.least_w, 0.0),
            up_w=able.up_w(power_w or 0.0, _HELD_S),
            down_w=able.down_w(power_w or 0.0, _HELD_S),
        )

    async def _send_reports(self) -> None:
        now, known = self._depot.now(), dict[str, tuple[str, int]]()
        for event in self._events:
            id, count = self._reported.get(event.id, ("", 0))
            if not event.reportDescriptors:
                continue
            spans = spans_of(event, self._place, self._seen_s[event.id], now)
            over = [each for each in spans if each.until_s <= now and self._samples.known_of(each)]
            if len(over) > count:
                document = reports.report(
                    event, over, self._samples, ven=self.ven, resource=self.ven,
                    with_program=self._settings.edition == "3.0",
                )  # fmt: skip
                id = await asyncio.to_thread(self._sent, id, document)
            known[event.id] = id, len(over)
        self._reported = known

    def _sent(self, id: str, document: dict[str, Any]) -> str:
        if not id:
            return self._vtn.post(document)
        self._vtn.put(id, document)
        return id

    def _say(self, about: str, text: str) -> None:
        """The same trouble is reported once."""
        if self._said.get(about, "") != text:
            self._said[about] = text
            if text:
                self._report(f"OpenADR{f', event {about}' if about not in ('', 'clock', 'many') else ''}: {text}")


async def serve(depot: Depot, configuration: Configuration, settings: OpenAdr, report: Callable[[str], None]) -> None:
    """Serve until cancelled."""
    await Ven(depot, configuration, settings, report).serve()
