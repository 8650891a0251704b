"""Time of `v2g decode --json` for a capture of 5 000 messages, the whole process from start to end.

The capture is built of our own messages: a bidirectional DC session whose charge loop goes round until there are
enough.

    python -m benchmarks.bench_decode
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.capture.wire import EPOCH, conversation, pcap, session

MESSAGES = 5_000
RUNS = 5
LIMIT_S = 2.0
_RUN = """
import sys
from argparse import ArgumentParser
from v2g.cli import decode
parser = ArgumentParser()
decode.add_arguments(parser)
sys.exit(decode.run(parser.parse_args()))
"""


def capture(count: int = MESSAGES) -> bytes:
    """A session of that many messages."""
    recorded = session("josev-dc_bpt-dynamic")
    loop = next(place for place, message in enumerate(recorded) if place > 30 and message.payload_type == 0x8004)
    turns = recorded[loop : loop + 2]
    while len(recorded) < count:
        recorded[loop:loop] = turns
    paced = [message._replace(time=EPOCH + 0.05 * place) for place, message in enumerate(recorded[:count])]
    return pcap(conversation(paced))


def seconds(path: Path) -> float:
    """One run. Raises CalledProcessError if it fails, AssertionError if a message is missing."""
    start = perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, str(path), "--json"], capture_output=True, check=True)
    taken = perf_counter() - start
    assert done.stdout.count(b"\n") == MESSAGES
    return taken


def main() -> int:
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(capture())
        file.flush()
        taken_s = median(seconds(Path(file.name)) for _ in range(RUNS))
    print(f"decode_5000_messages  s  {taken_s:.3f}  (limit {LIMIT_S:g})")
    return 0 if taken_s <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
