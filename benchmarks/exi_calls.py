"""Median time of one EXI call: octets to a typed message and back, for the two messages of the DC charge loop.

Ours in this process; Josev's by `josev_exi_calls.py` in its own environment, with its typed messages and Java codec.
"""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figure import Figure, Setting, Value
from tests.interop.josev import Josev

from v2g.messages import decode, encode

TRACE = Path(__file__).parents[1] / "tests/traces/josev-dc_bpt-dynamic.jsonl"
PEER_SCRIPT = Path(__file__).with_name("josev_exi_calls.py")
WARM_UP, CALLS = 200, 2000


def measure(setting: Setting) -> list[Figure]:
    """Decoding and encoding of DC_ChargeLoopReq and DC_ChargeLoopRes (bidirectional, dynamic control), microseconds."""
    exchanges = charge_loop_exchange()
    peer = _peer_medians_us(setting.josev, exchanges)
    figures = []
    for name, exi in exchanges.items():
        message = decode("iso20-dc", exi)
        figures += [
            Figure(f"{name}_decode", "us", _median_us(partial(decode, "iso20-dc", exi)), peer(name, "decode")),
            Figure(f"{name}_encode", "us", _median_us(partial(encode, "iso20-dc", message)), peer(name, "encode")),
        ]
    return figures


def charge_loop_exchange() -> dict[str, bytes]:
    """The first charge-loop request and response of a recorded session."""
    found: dict[str, bytes] = {}
    for line in TRACE.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["payload_type"] == 0x8004:
            exi = bytes.fromhex(record["exi"])
            name = type(decode("iso20-dc", exi)).__name__
            if name.startswith("DC_ChargeLoop"):
                found.setdefault(name.lower().replace("chargeloop", "charge_loop_"), exi)
    return found


def _median_us(call: Callable[[], object]) -> float:
    for _ in range(WARM_UP):
        call()
    times = []
    for _ in range(CALLS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times) * 1e6


def _peer_medians_us(josev: Josev | str, exchanges: dict[str, bytes]) -> Callable[[str, str], Value]:
    if isinstance(josev, str):
        return lambda name, call: josev
    request = json.dumps({name: exi.hex() for name, exi in exchanges.items()})
    done = subprocess.run(
        [str(josev.python), str(PEER_SCRIPT)], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = f"failed: {done.stderr.strip()[-200:]}"
        return lambda name, call: reason
    medians: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return lambda name, call: medians[name][call]
