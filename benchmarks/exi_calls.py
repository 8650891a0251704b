"""Median time of one EXI call: octets to a typed message and back, of messages that matter.

Ours in this process; Josev's by `josev_exi_calls.py` in its own environment, with its typed messages and Java codec.
No codec in C stands beside them: libcbv2g and OpenV2G are sources to compile. PyPI was asked in November 2026 for
libcbv2g, pycbv2g, cbexigen, openv2g, pyexi, py-exi, exipy, exicodec, exificient, iso15118-exi and v2gdecoder, in vain.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figure import Figure, Setting, Value
from benchmarks.messages import handshake, iso20, iso15118_2
from tests.interop.josev import Josev

from v2g.exi.grammar import namespace
from v2g.messages import decode, encode

PEER_SCRIPT = Path(__file__).with_name("josev_exi_calls.py")
WARM_UP, CALLS = 200, 2000


@dataclass(frozen=True)
class Exchange:
    """One message on the wire, and how long decoding it may take."""

    name: str
    protocol: str
    exi: bytes
    limit_us: float | None = None


def measure(setting: Setting) -> list[Figure]:
    """Decoding and encoding of the charge loops of -20 (bidirectional, dynamic) and -2, and of long messages, us."""
    exchanges = [
        Exchange(name, protocol, encode(protocol, message), limit_us)
        for name, protocol, message, limit_us in (*iso20(), *iso15118_2(), *handshake())
    ]
    peer = _peer_medians_us(setting.josev, exchanges)
    figures = []
    for each in exchanges:
        message = decode(each.protocol, each.exi, strict=True)
        decode_us = _median_us(partial(decode, each.protocol, each.exi))
        encode_us = _median_us(partial(encode, each.protocol, message))
        figures += [
            Figure(f"{each.name}_decode", "us", decode_us, {"josev": peer(each.name, "decode")}, each.limit_us),
            Figure(f"{each.name}_encode", "us", encode_us, {"josev": peer(each.name, "encode")}),
        ]
    return figures


def _median_us(call: Callable[[], object]) -> float:
    for _ in range(WARM_UP):
        call()
    times = []
    for _ in range(CALLS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times) * 1e6


def _peer_medians_us(josev: Josev | str, exchanges: list[Exchange]) -> Callable[[str, str], Value]:
    if isinstance(josev, str):
        return lambda name, call: josev
    request = json.dumps(
        {each.name: [namespace(type(decode(each.protocol, each.exi))), each.exi.hex()] for each in exchanges}
    )
    done = subprocess.run(
        [str(josev.python), str(PEER_SCRIPT)], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = f"failed: {done.stderr.strip()[-200:]}"
        return lambda name, call: reason
    medians: dict[str, dict[str, Value]] = json.loads(done.stdout.splitlines()[-1])
    return lambda name, call: medians[name][call]
