"""The settings as they are, in the form in which utilities exchange them: EPRI's common file format for the settings of
IEEE 1547 (a CSV file of the type `AS`, as OpenDER reads it), and their fingerprint.

A setting that the format does not know follows with its own name, in capitals.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO

from v2g.bench.chart import origin
from v2g.bench.typetest.case import RATED_W, Subject
from v2g.bench.typetest.standard import Value, text
from v2g.grid.settings import GridCode

_PLAIN: Mapping[str, str] = {
    "AP_LIMIT_ENABLE": "active_power_limit.enabled",
    "AP_LIMIT": "active_power_limit.fed_pu",
    "ES_PERMIT_SERVICE": "enter_service.permitted",
    "ES_V_LOW": "enter_service.lowest_pu",
    "ES_V_HIGH": "enter_service.highest_pu",
    "ES_F_LOW": "enter_service.lowest_hz",
    "ES_F_HIGH": "enter_service.highest_hz",
    "ES_DELAY": "enter_service.delay_s",
    "ES_RANDOMIZED_DELAY": "enter_service.random_delay_s",
    "ES_RAMP_RATE": "enter_service.ramp_s",
    "CONST_PF": "constant_power_factor.power_factor",
    "CONST_Q": "constant_var.injected_pu",
    "QV_VREF": "volt_var.reference_pu",
    "QV_VREF_AUTO_MODE": "volt_var.autonomous",
    "QV_VREF_TIME": "volt_var.reference_time_s",
    **{f"QV_CURVE_{letter.upper()}{n}": f"volt_var.{letter}{n}_pu" for n in (1, 2, 3, 4) for letter in "vq"},
    "QV_OLRT": "volt_var.response_s",
    **{
        f"QP_CURVE_{letter.upper()}{n}_{side}": f"watt_var.{ours}_{letter}{n}_pu"
        for side, ours in (("GEN", "fed"), ("LOAD", "drawn"))
        for n in (1, 2, 3)
        for letter in "pq"
    },
    "PV_MODE_ENABLE": "volt_watt.enabled",
    **{f"PV_CURVE_{letter.upper()}{n}": f"volt_watt.{letter}{n}_pu" for n in (1, 2) for letter in "vp"},
    "PV_OLRT": "volt_watt.response_s",
    **{f"{name.upper()}_TRIP_V": f"trip.{name}.threshold_pu" for name in ("ov2", "ov1", "uv1", "uv2")},
    **{f"{name.upper()}_TRIP_F": f"trip.{name}.threshold_hz" for name in ("of2", "of1", "uf1", "uf2")},
    **{
        f"{name.upper()}_TRIP_T": f"trip.{name}.delay_s"
        for name in ("ov2", "ov1", "uv1", "uv2", "of2", "of1", "uf1", "uf2")
    },
    "PF_DBOF": "frequency_droop.over_deadband_hz",
    "PF_DBUF": "frequency_droop.under_deadband_hz",
    "PF_KOF": "frequency_droop.over_droop",
    "PF_KUF": "frequency_droop.under_droop",
    "PF_OLRT": "frequency_droop.response_s",
}
"""Name of the format -> setting."""
_MODES = {
    "CONST_PF_MODE_ENABLE": "constant_power_factor",
    "CONST_Q_MODE_ENABLE": "constant_var",
    "QV_MODE_ENABLE": "volt_var",
    "QP_MODE_ENABLE": "watt_var",
}
_NAMED_OTHERWISE = ("reactive.mode", "constant_power_factor.excitation")


def fingerprint(code: GridCode) -> str:
    """SHA-256 of the code, its variant, its nominal frequency and every setting with its value."""
    lines = [f"{code.name} {code.variant} {code.nominal_hz:g}"]
    lines += [f"{name}={text(setting.value)}" for name, setting in sorted(code.settings.items())]
    return sha256("\n".join(lines).encode()).hexdigest()


def document(subject: Subject) -> str:
    """The content of the file."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("PARAMETER", "VALUE"))
    writer.writerows(_rows(subject))
    return out.getvalue()


def _rows(subject: Subject) -> Iterator[tuple[str, str]]:
    code = subject.code
    yield "MT_FILE_INFO_TYPE", "AS"
    yield "COMMENT", f"{subject.title}; settings SHA-256 {fingerprint(code)}"
    yield "MT_VALIDATION_DATE", f"{datetime.now(UTC):%m/%d/%Y}"
    yield from _nameplate(subject)
    for name, setting in _PLAIN.items():
        if setting in code.settings:
            yield f"{name}-AS", _word(code.settings[setting].value)
    for name, mode in _MODES.items():
        yield f"{name}-AS", _word(code.reactive.mode == mode)
    excitation = code.constant_power_factor.excitation
    yield "CONST_PF_EXCITATION-AS", "INJ" if excitation == "injecting" else "ABS"
    named = {*_PLAIN.values(), *_NAMED_OTHERWISE}
    for setting, each in code.settings.items():
        if setting not in named:
            yield f"{setting.replace('.', '_').upper()}-AS", _word(each.value)


def _nameplate(subject: Subject) -> Iterator[tuple[str, str]]:
    """Of the inverter of the type test: replace it by that of the device."""
    code = subject.code
    rated, reactive = f"{RATED_W:g}", f"{subject.rating.reactive_max_var:g}"
    yield "NP_P_MAX", rated
    yield "NP_VA_MAX", rated
    yield "NP_P_MAX_CHARGE", rated
    yield "NP_APPARENT_POWER_CHARGE_MAX", rated
    yield "NP_Q_MAX_INJ", reactive
    yield "NP_Q_MAX_ABS", reactive
    yield "NP_AC_V_NOM", "400" if subject.phases == 3 else "230"
    if code.variant in ("a", "b"):
        yield "NP_NORMAL_OP_CAT", f"CAT_{code.variant.upper()}"
    if (number := code.name.rpartition("cat")[2]) in ("1", "2", "3"):
        yield "NP_ABNORMAL_OP_CAT", f"CAT_{'I' * int(number)}"
    yield "NP_SUPPORTED_MODES", "QV-PV-PF-CONST_PF-CONST_Q-QP"
    yield "NP_FW_VER", origin()


def _word(value: Value) -> str:
    return ("ENABLED" if value else "DISABLED") if isinstance(value, bool) else text(value)
