"""Median time of one EXI call: octets to a typed message and back, of messages that matter.

Ours in this process; Josev's by `josev_exi_calls.py` in its own environment, with its typed messages and Java codec.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.bench_codec import iso15118_2
from benchmarks.figure import Figure, Setting, Value
from tests.interop.josev import Josev

from v2g.messages import decode, encode
from v2g.messages.iso20 import dc

TRACE = Path(__file__).parents[1] / "tests/traces/josev-dc_bpt-dynamic.jsonl"
PEER_SCRIPT = Path(__file__).with_name("josev_exi_calls.py")
WARM_UP, CALLS = 200, 2000


@dataclass(frozen=True)
class Exchange:
    """One message on the wire, and the name by which Josev knows its schema."""

    name: str
    protocol: str
    namespace: str
    exi: bytes


def measure(setting: Setting) -> list[Figure]:
    """Decoding and encoding of the charge loops of -20 (bidirectional, dynamic) and -2, and of a day's schedule, us."""
    exchanges = [*charge_loop_exchange(), *_of_iso2()]
    peer = _peer_medians_us(setting.josev, exchanges)
    figures = []
    for each in exchanges:
        message = decode(each.protocol, each.exi)
        ours = {
            "decode": _median_us(partial(decode, each.protocol, each.exi)),
            "encode": _median_us(partial(encode, each.protocol, message)),
        }
        figures += [Figure(f"{each.name}_{call}", "us", ours[call], peer(each.name, call)) for call in ours]
    return figures


def charge_loop_exchange() -> list[Exchange]:
    """The first charge-loop request and response of a recorded session."""
    found: dict[str, Exchange] = {}
    for line in TRACE.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["payload_type"] == 0x8004:
            exi = bytes.fromhex(record["exi"])
            name = type(decode("iso20-dc", exi)).__name__
            if name.startswith("DC_ChargeLoop"):
                key = name.lower().replace("chargeloop", "charge_loop_")
                found.setdefault(key, Exchange(key, "iso20-dc", dc.NAMESPACE, exi))
    return list(found.values())


def _of_iso2() -> list[Exchange]:
    names = ("iso2_current_demand_req", "iso2_current_demand_res", "iso2_charge_parameter_discovery_res_96_entries")
    return [
        Exchange(name, protocol, "urn:iso:15118:2:2013:MsgDef", encode(protocol, message))
        for name, (_, protocol, message, _) in zip(names, iso15118_2(), strict=True)
    ]


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
    request = json.dumps({each.name: [each.namespace, each.exi.hex()] for each in exchanges})
    done = subprocess.run(
        [str(josev.python), str(PEER_SCRIPT)], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = f"failed: {done.stderr.strip()[-200:]}"
        return lambda name, call: reason
    medians: dict[str, dict[str, Value]] = json.loads(done.stdout.splitlines()[-1])
    return lambda name, call: medians[name][call]
