"""Josev's medians for `exi_calls.py`, in its environment. stdin: {name: [namespace, hex]}; stdout: one JSON line."""

import importlib
import json
import logging
import os
import sys
import tempfile
from statistics import median
from time import perf_counter
from typing import Any

WARM_UP, CALLS, ENOUGH_S = 100, 200, 10.0


def main() -> None:
    os.chdir(tempfile.gettempdir())
    os.environ["MESSAGE_LOG_JSON"] = os.environ["MESSAGE_LOG_EXI"] = "False"
    logging.disable(logging.CRITICAL)
    importlib.import_module("iso15118.shared.settings").load_shared_settings()
    exi: Any = importlib.import_module("iso15118.shared.exi_codec").EXI()
    exi.set_exi_codec(importlib.import_module("iso15118.shared.exificient_exi_codec").ExificientEXICodec())
    medians: dict[str, dict[str, float | str]] = {}
    for name, (namespace, text) in json.load(sys.stdin).items():
        octets = bytes.fromhex(text)
        try:
            message = exi.from_exi(octets, namespace)
            back = bytes(exi.to_exi(message, namespace))
        except Exception as error:
            medians[name] = dict.fromkeys(("decode", "encode"), f"refused: {error!r:.80}")
            continue
        medians[name] = {
            "decode": median_us(exi.from_exi, octets, namespace),
            "encode": median_us(exi.to_exi, message, namespace) if back == octets else "writes other octets",
        }
    print(json.dumps(medians))


def median_us(call: Any, argument: object, namespace: str) -> float:
    """Of the last calls, so many as there is time for."""
    times: list[float] = []
    while len(times) < WARM_UP + CALLS and sum(times) < ENOUGH_S:
        start = perf_counter()
        call(argument, namespace)
        times.append(perf_counter() - start)
    return median(times[-CALLS:]) * 1e6


if __name__ == "__main__":
    main()
