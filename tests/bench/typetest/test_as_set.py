"""The settings as set: in the common file format, complete, and with a fingerprint that distinguishes them."""

import csv
from io import StringIO

import pytest

from v2g.bench.typetest import as_set
from v2g.bench.typetest.case import Subject


def rows(subject: Subject) -> dict[str, str]:
    head, *rest = csv.reader(StringIO(as_set.document(subject)))
    assert head == ["PARAMETER", "VALUE"]
    found = dict(rest)
    assert len(found) == len(rest)
    return found


def test_the_names_are_those_of_the_common_file_format() -> None:
    """As OpenDER's own example of category III, B has them ("AS-with std-values.csv")."""
    found = rows(Subject("ieee1547-cat3"))
    assert found["MT_FILE_INFO_TYPE"] == "AS"
    assert found["NP_ABNORMAL_OP_CAT"] == "CAT_III"
    assert found["NP_NORMAL_OP_CAT"] == "CAT_B"
    expected = {
        "AP_LIMIT_ENABLE": "DISABLED", "AP_LIMIT": "1", "ES_PERMIT_SERVICE": "ENABLED", "ES_V_LOW": "0.917",
        "ES_V_HIGH": "1.05", "ES_F_LOW": "59.5", "ES_F_HIGH": "60.1", "ES_DELAY": "300", "ES_RANDOMIZED_DELAY": "0",
        "ES_RAMP_RATE": "300", "QV_MODE_ENABLE": "DISABLED", "QV_VREF": "1", "QV_CURVE_V1": "0.92",
        "QV_CURVE_Q1": "0.44", "QV_CURVE_V4": "1.08", "QV_CURVE_Q4": "-0.44", "QV_OLRT": "5", "QP_CURVE_P3_GEN": "1",
        "QP_CURVE_Q3_GEN": "-0.44", "QP_CURVE_P1_LOAD": "-0.2", "QP_CURVE_Q3_LOAD": "0.44", "PV_CURVE_V1": "1.06",
        "PV_CURVE_P2": "0", "PV_OLRT": "10", "OV2_TRIP_V": "1.2", "OV2_TRIP_T": "0.16", "OV1_TRIP_T": "13",
        "UV1_TRIP_V": "0.88", "UV1_TRIP_T": "21", "UV2_TRIP_T": "2", "OF1_TRIP_F": "61.2", "UF2_TRIP_F": "56.5",
        "PF_DBOF": "0.036", "PF_KOF": "0.05", "PF_OLRT": "5",
    }  # fmt: skip
    assert {name: found[f"{name}-AS"] for name in expected} == expected


@pytest.mark.parametrize("name", ["ieee1547-cat1", "en50549-1", "vde-4105"])
def test_every_setting_is_in_the_file(name: str) -> None:
    subject = Subject(name, settings=(("reactive.mode", "volt_var"),))
    found = rows(subject)
    assert sum(each.endswith("-AS") for each in found) == len(subject.code.settings) + 3  # four modes for one setting
    assert found["QV_MODE_ENABLE-AS"] == "ENABLED"


def test_the_fingerprint_is_that_of_the_settings() -> None:
    one, same, other = (
        as_set.fingerprint(Subject("ieee1547-cat3", settings=(("trip.uv1.delay_s", delay_s),)).code)
        for delay_s in (25.0, 25, 26.0)
    )
    assert one == same != other
    assert as_set.fingerprint(Subject("ieee1547-cat3", "a").code) != as_set.fingerprint(Subject("ieee1547-cat3").code)
