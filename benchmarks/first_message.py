"""What the codec costs a process before it is warm: processor time of the import and of the first message."""

import subprocess
import sys
from statistics import median

from benchmarks.figure import Figure, Setting
from benchmarks.messages import iso20, iso15118_2

from v2g.messages import encode

RUNS = 7
_RUN = """
import time
start = time.process_time()
from v2g.messages import decode
import v2g.messages.{module}
loaded = time.process_time()
decode("{protocol}", bytes.fromhex("{octets}"))
print((loaded - start) * 1e3, (time.process_time() - loaded) * 1e3)
"""
_MODULES = {"iso20-dc": "iso20.dc", "iso2": "iso2"}
FIRST_MS, COLD_MS = 30.0, 80.0


def measure(setting: Setting) -> list[Figure]:
    """Of a charge-loop request of -20 and of -2, in new processes: the first decoding, and that with the import, ms."""
    figures = []
    for name, protocol, message, _ in (iso20()[0], iso15118_2()[0]):
        program = _RUN.format(module=_MODULES[protocol], protocol=protocol, octets=encode(protocol, message).hex())
        runs = [_run_ms(program) for _ in range(RUNS)]
        first_ms, cold_ms = median(first for _, first in runs), median(map(sum, runs))
        figures.append(Figure(f"first_{name}_decode", "ms", first_ms, limit=FIRST_MS))
        figures.append(Figure(f"import_and_first_{name}_decode", "ms", cold_ms, limit=COLD_MS))
    return figures


def _run_ms(program: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    importing, decoding = done.stdout.split()
    return float(importing), float(decoding)
