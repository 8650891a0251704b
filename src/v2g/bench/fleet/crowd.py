"""Many depots in one process: what a fleet sees of them, with real messages; their chargers are columns of numbers.

No controller of a depot runs here: a depot follows its set-point at once, within what its vehicles can do. So this
measures servers, fleet and ledger, and costs little itself.
"""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import numpy as np
from nats.aio.client import Client
from nats.aio.msg import Msg

from v2g.depot.allocation import Floats
from v2g.depot.flexibility import DURATIONS_S, Band, Flexibility
from v2g.fleet.view import Accepted, Aggregate, Batch, Entry, Setpoint
from v2g.io.fleet_nats import TROUBLES
from v2g.kernel.durations import HOUR_S

RATING_W, EFFICIENCY = 11_000.0, 0.94
SLICES = 20
"""Of a second: depots do not all speak at the same instant."""
ACKNOWLEDGED_S = 30.0


class Crowd:
    """Depots by the thousand. `run` speaks for them over a few connections."""

    def __init__(self, names: Sequence[str], chargers: int, entries_each: int, seed: int = 1) -> None:
        """`entries_each`: of a depot in a second."""
        random = np.random.default_rng(seed)
        size = (len(names), chargers)
        self.names, self.chargers = list(names), chargers
        self._number = {name: number for number, name in enumerate(names)}
        present = random.random(size) < 0.7
        sizes_wh: Floats = np.array([40_000.0, 60_000.0, 77_000.0])
        self._capacity_wh: Floats = random.choice(sizes_wh, size) * present
        self._energy_wh: Floats = self._capacity_wh * random.uniform(0.35, 0.9, size)
        self._floor_wh: Floats = 0.3 * self._capacity_wh
        self._vehicles = present.sum(axis=1)
        self.power_w: Floats = np.zeros(len(names))
        self._setpoint_w: Floats = np.full(len(names), np.nan)
        self._until_s: Floats = np.zeros(len(names))
        self._set_number = [0] * len(names)
        self._entries_each = entries_each
        self._before = [0] * len(names)
        self._least_w: Floats = np.zeros(len(names))
        self._most_w: Floats = np.zeros(len(names))
        self.arrived_s: Floats = np.zeros(len(names))
        """When each depot got its latest set-point with another power (monotonic)."""
        self.entries = self.stored = self.lost = self.aggregates = 0
        self._waiting: set[asyncio.Task[None]] = set()

    async def join(self, clients: Sequence[Client]) -> None:
        """Hear the set-points; a depot is on the same connection always."""
        self._clients = clients
        for number, name in enumerate(self.names):
            await clients[number % len(clients)].subscribe(f"fleet.setpoint.{name}", cb=self._take)

    async def _take(self, message: Msg) -> None:
        found = msgspec.msgpack.decode(message.data, type=Setpoint)
        number = self._number[found.depot]
        if found.power_w != self._setpoint_w[number]:
            self.arrived_s[number] = time.monotonic()
        self._setpoint_w[number], self._until_s[number] = found.power_w, found.until_unix_s
        self._set_number[number] = found.number
        accepted = Accepted(depot=found.depot, number=found.number, taken=True)
        await message.respond(msgspec.msgpack.encode(accepted))

    def step(self, seconds: float, now: float) -> None:
        """Let time pass for all chargers."""
        above_wh = np.maximum(self._energy_wh - self._floor_wh, 0.0)
        room_wh = np.maximum(self._capacity_wh - self._energy_wh, 0.0)
        self._least_w = -RATING_W * (above_wh > 0.0).sum(axis=1, dtype=np.float64)
        self._most_w = RATING_W * (room_wh > 0.0).sum(axis=1, dtype=np.float64)
        held = (self._until_s > now) & np.isfinite(self._setpoint_w)
        self.power_w = np.where(held, np.clip(np.nan_to_num(self._setpoint_w), self._least_w, self._most_w), 0.0)
        weights = np.where(self.power_w[:, None] < 0.0, above_wh, room_wh)
        sums = weights.sum(axis=1)
        share = weights / np.where(sums > 0.0, sums, 1.0)[:, None]
        into = np.where(self.power_w > 0.0, EFFICIENCY, 1.0 / EFFICIENCY) * self.power_w * seconds / HOUR_S
        self._energy_wh = np.clip(self._energy_wh + share * into[:, None], 0.0, self._capacity_wh)
        self.above_wh, self.room_wh = above_wh.sum(axis=1), room_wh.sum(axis=1)

    def aggregate(self, number: int, now: float) -> Aggregate:
        """A depot in few numbers."""
        held = self._until_s[number] > now
        above, room = float(self.above_wh[number]), float(self.room_wh[number])
        least_w, most_w = float(self._least_w[number]), float(self._most_w[number])
        bands = tuple(
            Band(each, max(least_w, -above * HOUR_S / each), min(most_w, room * HOUR_S / each)) for each in DURATIONS_S
        )
        power_w = float(self.power_w[number])
        return Aggregate(
            depot=self.names[number], unix_s=now, power_w=power_w, plan_w=0.0,
            setpoint_w=float(self._setpoint_w[number]) if held else None,
            setpoint_number=self._set_number[number] if held else 0, asked_by="fleet" if held else "nobody",
            flexibility=Flexibility(bands=bands, above_floor_wh=above, to_full_wh=room), chargers=self.chargers,
            vehicles=int(self._vehicles[number]), discharging=int(self._vehicles[number]) if power_w < 0.0 else 0,
        )  # fmt: skip

    def batch(self, number: int, now: float) -> Batch:
        """What a depot books in a second."""
        name, entries = self.names[number], list[Entry]()
        energy_wh = float(self.power_w[number]) / self.chargers / HOUR_S * (self.chargers / self._entries_each)
        for place in range(self._entries_each):
            sequence = max(self._before[number] + 1, int(now * 1e6))
            entries.append(
                Entry(
                    depot=name, sequence=sequence, before=self._before[number], from_unix_s=now - 900.0,
                    until_unix_s=now, charger=f"{name}-{place}/1", vehicle=f"{name} car {place}",
                    contract=f"DE-V2G-{number}-{place}", request="fleet (tso)", charged_wh=max(energy_wh, 0.0),
                    discharged_wh=max(-energy_wh, 0.0), asked_wh=energy_wh, why="",
                )
            )  # fmt: skip
            self._before[number] = sequence
        return Batch(name, tuple(entries))

    async def run(self, seconds: float, clock_s: float = 1.0) -> None:
        """Speak once a second for each depot."""
        began_s = time.monotonic()
        for second in range(int(seconds / clock_s)):
            self.step(clock_s, time.time())
            for part in range(SLICES):
                for number in range(part, len(self.names), SLICES):
                    await self._speak(number, time.time())
                due_s = began_s + (second + (part + 1) / SLICES) * clock_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def _speak(self, number: int, now: float) -> None:
        client, name = self._clients[number % len(self._clients)], self.names[number]
        await client.publish(f"fleet.aggregate.{name}", msgspec.msgpack.encode(self.aggregate(number, now)))
        self.aggregates += 1
        if self._entries_each:
            batch = self.batch(number, now)
            self.entries += len(batch.entries)
            task = asyncio.create_task(self._store(client, name, msgspec.msgpack.encode(batch), len(batch.entries)))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _store(self, client: Client, name: str, data: bytes, count: int) -> None:
        """Until the servers have it on their disks."""
        try:
            answer = await client.request(f"fleet.ledger.{name}", data, timeout=ACKNOWLEDGED_S)
            self.stored += count if b'"seq"' in answer.data else 0
        except TROUBLES:
            self.lost += count

    async def stored_all(self) -> None:
        """Wait for the servers."""
        await asyncio.gather(*self._waiting)
