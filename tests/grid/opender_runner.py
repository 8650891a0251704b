"""Runs in OpenDER's own environment: reads cases as JSON from standard input, writes the answers as JSON.

A case: `category`, `normal`, `dt_s`, `settings` by OpenDER's names, and `stretches` of seconds, voltages (pu),
frequency (Hz) and demanded power (pu, positive feeds). Its answer: status, whether the time to ride through has passed,
and active and reactive power (pu, positive feeds) of every step. With `defaults` the answer is the settings themselves;
with `benchmark` it is the seconds that each step took.
"""

import json
import logging
import sys
from time import perf_counter
from typing import Any

from opender import DER, DER_BESS  # type: ignore[import-not-found]
from opender.common_file_format.common_file_format_BESS import (  # type: ignore[import-not-found]
    DERCommonFileFormatBESS,
)

logging.disable(logging.CRITICAL)


def model(case: dict[str, Any]) -> Any:
    file = DERCommonFileFormatBESS(
        NP_VA_MAX=10_000,
        NP_P_MAX=10_000,
        NP_P_MAX_CHARGE=10_000,
        NP_APPARENT_POWER_CHARGE_MAX=10_000,
        NP_AC_V_NOM=480,
        NP_Q_MAX_INJ=4_400,
        NP_Q_MAX_ABS=4_400 if case["normal"] == "CAT_B" else 2_500,
        NP_ABNORMAL_OP_CAT=case["category"],
        NP_NORMAL_OP_CAT=case["normal"],
        NP_BESS_CAPACITY=1_000_000,
        SOC_INIT=0.5,
    )
    for name, value in case.get("settings", {}).items():
        setattr(file, name, value)
    return file


def answer(case: dict[str, Any]) -> Any:
    file = model(case)
    if "defaults" in case:
        return {name: float(getattr(file, name)) for name in case["defaults"]}
    DER.t_s = case["dt_s"]
    der = DER_BESS(file)
    steps, times = [], []
    for seconds, voltages_pu, frequency_hz, demand_pu in case["stretches"]:
        for _ in range(round(seconds / case["dt_s"])):
            started = perf_counter()
            der.update_der_input(p_dem_pu=demand_pu, v_pu=voltages_pu, f=frequency_hz)
            der.run()
            times.append(perf_counter() - started)
            passed = bool(der.opstatus.ridethroughcrit.rt_pass_time_req)
            steps.append((der.der_status, passed, float(der.p_out_pu), float(der.q_out_pu)))
    return times if case.get("benchmark") else steps


if __name__ == "__main__":
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
