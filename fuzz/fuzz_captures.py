"""Fuzzes the reading of captures: packets of real sessions that are lost, repeated, reordered, cut and damaged.

    python fuzz/fuzz_captures.py [--seconds 120] [--seed 1]     searches; prints the seed of each failure
    python fuzz/fuzz_captures.py --replay SEED                  does the run with this seed again

Each run must end without an exception and in bounded time, and give every record the time of its packet. Unless octets
were damaged, each message must be one of the capture.
The sessions are the recorded ones of the tests, in plain and encrypted, and the captures beside the checkout.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from traceback import print_exc

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from tests.capture.lossy import Item, read_and_judged
from tests.capture.talk import certificate, talk
from tests.capture.test_judge_slac import captured, matching
from tests.capture.wire import EPOCH, TRACES, Captured, Flow, conversation, discovery, pcapng, session

from v2g.capture.file import Packet, read
from v2g.capture.statistics import Statistics
from v2g.capture.table import rows
from v2g.cli.decode import as_document, json
from v2g.v2gtp.framing import pack

SECONDS_EACH_PACKET = 0.02
"""Processor time: a hundred times what a packet of a sound capture takes."""
Packets = list[Item]


def corpus() -> list[Packets]:
    """The captures that are mutated."""
    names = sorted(path.stem for path in TRACES.glob("*.jsonl"))
    beginning = [*captured(matching()), *discovery(time=EPOCH + 5)]
    found = [_items([*beginning, *conversation(session(name), mss=mss)]) for name in names[:4] for mss in (60, 1440)]
    with tempfile.TemporaryDirectory() as folder:
        station = certificate(Path(folder) / "station.pem")
        for suite in (None, "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"):
            said = [(message.from_car, pack(message.payload_type, message.exi)) for message in session(names[0])]
            wire, lines = talk(station, Path(folder) / f"{suite}.log", said, suite)
            flow = Flow()
            flow.open()
            for number, (from_car, data) in enumerate(wire):
                flow.say(EPOCH + number / 10, from_car, data)
            found.append(_items(flow.frames, lines))
    checkout = Path(__file__).parents[1]
    folder_of_others = Path(os.environ.get("V2G_SHARED", checkout.parent / "shared")) / "captures"
    for path in sorted(folder_of_others.glob("*.pcap*")):
        found.append(list(read(BytesIO(path.read_bytes()), path.name))[:600])
    return found


def _items(frames: list[Captured], lines: bytes = b"") -> Packets:
    return list(read(BytesIO(pcapng(frames, secrets=lines)), "fuzz"))


def lose(items: Packets, random: Random) -> Packets:
    rate = random.choice((0.01, 0.05, 0.2, 0.5))
    return [item for item in items if random.random() >= rate]


def lose_a_stretch(items: Packets, random: Random) -> Packets:
    start = random.randrange(len(items) + 1)
    return items[:start] + items[start + random.randrange(60) :]


def repeat(items: Packets, random: Random) -> Packets:
    return [copy for item in items for copy in [item] * random.choice((1, 1, 1, 2, 3))]


def reorder(items: Packets, random: Random) -> Packets:
    reach = random.choice((2, 5, 40))
    order = sorted(range(len(items)), key=lambda place: place + random.uniform(0, reach))
    return [items[place] for place in order]


def begin_again(items: Packets, random: Random) -> Packets:
    """The same ports and numbers once more, perhaps much later."""
    later = random.choice((0.0, 0.3, 100.0))
    return items + [item._replace(time=item.time + later) if isinstance(item, Packet) else item for item in items]


def cut(items: Packets, random: Random) -> Packets:
    size = random.choice((20, 60, 80, 96, 128))
    return [
        item._replace(data=item.data[:size]) if isinstance(item, Packet) and random.random() < 0.3 else item
        for item in items
    ]


def flip(items: Packets, random: Random) -> Packets:
    def damaged(data: bytes) -> bytes:
        octets = bytearray(data)
        for _ in range(random.randrange(1, 4)):
            octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
        return bytes(octets)

    rate = random.choice((0.01, 0.1, 0.5))
    return [
        item._replace(data=damaged(item.data))
        if isinstance(item, Packet) and item.data and random.random() < rate
        else item
        for item in items
    ]


def change_link_type(items: Packets, random: Random) -> Packets:
    link_type = random.choice((0, 12, 101, 113, 276, 127))
    return [item._replace(link_type=link_type) if isinstance(item, Packet) else item for item in items]


def shake_the_clock(items: Packets, random: Random) -> Packets:
    jump = random.choice((-1e9, -1.0, 0.7, 1e9))
    return [
        item._replace(time=item.time + jump) if isinstance(item, Packet) and random.random() < 0.1 else item
        for item in items
    ]


MUTATIONS: tuple[Callable[[Packets, Random], Packets], ...] = (
    lose,
    lose_a_stretch,
    repeat,
    reorder,
    begin_again,
    cut,
    flip,
    change_link_type,
    shake_the_clock,
)


DAMAGING = {cut, flip, change_link_type}


def mutated(captures: list[Packets], seed: int) -> tuple[Packets, bool]:
    """A capture, or two that are mixed, with a few mutations, and whether octets are as they were. Packets are numbered
    again."""
    random = Random(seed)  # noqa: S311
    items = list(random.choice(captures))
    if random.random() < 0.1:
        other = list(random.choice(captures))
        place = random.randrange(len(items) + 1)
        items[place:place] = other
    mutations = random.choices(MUTATIONS, k=random.randrange(1, 5))
    for mutation in mutations:
        items = mutation(items, random)
    numbered = [
        item._replace(number=place) if isinstance(item, Packet) else item for place, item in enumerate(items, 1)
    ]
    return numbered, not DAMAGING & set(mutations)


def run(items: Packets, known: set[bytes] | None) -> None:
    """Raises AssertionError, or what the decoder raises, if anything is wrong about these packets.

    `known`: the messages that may be in them.
    """
    start = process_time()
    records = read_and_judged(items)
    taken = process_time() - start
    times = {item.number: item.time for item in items if isinstance(item, Packet)}
    statistics = Statistics()
    for record in records:
        assert times[record.packet] == record.time, f"{record.packet} is not of {record.time}"
        assert all(finding.packet == record.packet for finding in record.findings)
        assert known is None or not record.payload or record.payload in known, f"{record.message} of {record.packet}"
        list(rows(record, 80))
        json(as_document(record))
        statistics.add(record)
    list(statistics.text())
    assert taken < 1 + SECONDS_EACH_PACKET * len(items), f"{taken:.1f} s for {len(items)} packets"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=int)
    args = parser.parse_args()
    captures = corpus()
    known = {record.payload for items in captures for record in read_and_judged(items)}

    def try_one(seed: int) -> None:
        items, is_sound = mutated(captures, seed)
        run(items, known if is_sound else None)

    if args.replay is not None:
        try_one(args.replay)
        return 0
    end, seed, failures = perf_counter() + args.seconds, args.seed, 0
    while perf_counter() < end:
        try:
            try_one(seed)
        except Exception:
            failures += 1
            print(f"seed {seed}:")
            print_exc()
        seed += 1
    print(f"{seed - args.seed} captures, {failures} failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
