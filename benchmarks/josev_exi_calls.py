"""Josev's medians for `exi_calls.py`; runs in Josev's environment. In: {name: hex} on stdin. Out: one JSON line."""

import importlib
import json
import logging
import os
import sys
import tempfile
from statistics import median
from time import perf_counter
from typing import Any

NAMESPACE = "urn:iso:std:iso:15118:-20:DC"
WARM_UP, CALLS = 200, 300


def main() -> None:
    os.chdir(tempfile.gettempdir())
    os.environ["MESSAGE_LOG_JSON"] = os.environ["MESSAGE_LOG_EXI"] = "False"
    logging.disable(logging.CRITICAL)
    importlib.import_module("iso15118.shared.settings").load_shared_settings()
    exi: Any = importlib.import_module("iso15118.shared.exi_codec").EXI()
    exi.set_exi_codec(importlib.import_module("iso15118.shared.exificient_exi_codec").ExificientEXICodec())
    medians = {}
    for name, text in json.load(sys.stdin).items():
        octets = bytes.fromhex(text)
        message = exi.from_exi(octets, NAMESPACE)
        assert bytes(exi.to_exi(message, NAMESPACE)) == octets
        medians[name] = {
            "decode": median_us(exi.from_exi, octets),
            "encode": median_us(exi.to_exi, message),
        }
    print(json.dumps(medians))


def median_us(call: Any, argument: object) -> float:
    times = []
    for _ in range(WARM_UP + CALLS):
        start = perf_counter()
        call(argument, NAMESPACE)
        times.append(perf_counter() - start)
    return median(times[WARM_UP:]) * 1e6


if __name__ == "__main__":
    main()
