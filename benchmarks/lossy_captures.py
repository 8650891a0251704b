"""Share of the messages that are still read if packets of a capture are dropped at random: 1 %, 5 % and 20 % of them.

Measured on the recorded sessions of the tests, and if there are captures beside the checkout, on those in plain and
those with TLS. Of the latter a session is lost with the packet that has the ServerHello (TLS 1.2) or a secret.
"""

import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from statistics import mean

from benchmarks.figure import Figure, Setting, Value
from tests.capture.lossy import RATES, Item, compared, dropped, read_and_judged
from tests.capture.wire import TRACES, conversation, pcap, session

from v2g.capture.file import read

SEEDS = range(10)


def measure(_: Setting) -> list[Figure]:
    """The mean over ten seeds and all captures of a kind, in percent of the messages."""
    recorded = [_items(pcap(conversation(session(path.stem)))) for path in sorted(TRACES.glob("*.jsonl"))]
    captures = _captures()
    kinds: dict[str, Iterable[list[Item]] | str] = {"recorded_sessions": recorded}
    for kind, encrypted in (("plain_captures", False), ("tls_captures", True)):
        found = [items for name, items in captures.items() if ("TLS" in name) == encrypted]
        kinds[kind] = found or "no captures beside the checkout"
    return [
        Figure(f"read_of_{kind}_with_{rate:.0%}_lost".replace("%", "_percent"), "%", _share(captures, rate))
        for kind, captures in kinds.items()
        for rate in RATES
    ]


def _captures() -> dict[str, list[Item]]:
    checkout = Path(__file__).parents[1]
    folder = Path(os.environ.get("V2G_SHARED", checkout.parent / "shared")) / "captures"
    return {path.name: _items(path.read_bytes()) for path in sorted(folder.glob("*.pcap*"))}


def _items(data: bytes) -> list[Item]:
    return list(read(BytesIO(data), "capture"))


def _share(captures: Iterable[list[Item]] | str, rate: float) -> Value:
    if isinstance(captures, str):
        return captures
    shares = []
    for items in captures:
        whole = read_and_judged(items)
        shares += [compared(whole, read_and_judged(dropped(items, rate, seed))).share for seed in SEEDS]
    return 100 * mean(shares)
