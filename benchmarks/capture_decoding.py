"""Time of `v2g decode --json` for a capture of 5 000 messages, the whole process from start to end.

The capture is built of our own messages: a bidirectional DC session whose charge loop goes round until there are
enough.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figure import Figure, Setting
from tests.capture.wire import EPOCH, conversation, pcap, session

MESSAGES = 5_000
RUNS = 5
LIMIT_S = 2.0


def measure(setting: Setting) -> list[Figure]:
    """The median of five runs."""
    file = setting.folder / "capture.pcap"
    file.write_bytes(_capture())
    return [Figure(f"capture_of_{MESSAGES}_messages", "s", median(_run_s(file) for _ in range(RUNS)), limit=LIMIT_S)]


def _capture() -> bytes:
    recorded = session("josev-dc_bpt-dynamic")
    loop = next(place for place, message in enumerate(recorded) if place > 30 and message.payload_type == 0x8004)
    turns = recorded[loop : loop + 2]
    while len(recorded) < MESSAGES:
        recorded[loop:loop] = turns
    paced = [message._replace(time=EPOCH + 0.05 * place) for place, message in enumerate(recorded[:MESSAGES])]
    return pcap(conversation(paced))


def _run_s(file: Path) -> float:
    start = perf_counter()
    done = subprocess.run([sys.executable, "-m", "v2g", "decode", str(file), "--json"], capture_output=True, check=True)
    taken_s = perf_counter() - start
    assert done.stdout.count(b"\n") == MESSAGES
    return taken_s
