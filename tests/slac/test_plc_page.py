"""docs/plc.md: its tables are those of the code, and no case of ISO 15118-5 is missing."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from tests.slac import test_iso15118_5_car, test_iso15118_5_station

from v2g.slac.constant_fields import FROM_CAR, FROM_STATION, Fields, text
from v2g.slac.mme import Mme
from v2g.slac.station import STAGES

PAGE = (Path(__file__).parents[2] / "docs" / "plc.md").read_text()
FAMILIES = {
    "SECC_CMN_VTB_CmSlacParm": 9,
    "SECC_AC_VTB_CmSlacParm": 4,
    "SECC_CMN_VTB_AttenuationCharacterization": 20,
    "SECC_CMN_VTB_CmValidate": 13,
    "SECC_CMN_VTB_CmSlacMatch": 24,
    "SECC_CMN_VTB_CmAmpMap": 8,
    "SECC_CMN_VTB_PLCLinkStatus": 5,
    "SECC_AC_VTB_PLCLinkStatus": 12,
    "SECC_DC_VTB_PLCLinkStatus": 7,
    "EVCC_CMN_VTB_CmSlacParm": 14,
    "EVCC_AC_VTB_CmSlacParm": 2,
    "EVCC_CMN_VTB_AttenuationCharacterization": 13,
    "EVCC_AC_VTB_AttenuationCharacterization": 2,
    "EVCC_CMN_VTB_CmValidate": 21,
    "EVCC_CMN_VTB_CmValidateOrCmSlacMatch": 1,
    "EVCC_CMN_VTB_CmSlacMatch": 12,
    "EVCC_CMN_VTB_CmAmpMap": 8,
    "EVCC_CMN_VTB_PLCLinkStatus": 8,
    "EVCC_AC_VTB_PLCLinkStatus": 10,
    "EVCC_DC_VTB_PLCLinkStatus": 5,
}
"""How many SLAC cases of each family public lists have."""
NAME = re.compile(r"(?:SECC|EVCC)_[A-Z]+_VTB_[A-Za-z]+_\d{3}")
LEFT_OUT = re.compile(r"`((?:SECC|EVCC)_[A-Z]+_VTB_[A-Za-z]+)` ((?:\d{3}(?: to \d{3})?(?:, )?)+)")


def cases_of(module: ModuleType) -> Iterator[str]:
    """The cases that a module runs: by the name of a function, or of a parameter."""
    for name, function in vars(module).items():
        if name.startswith("test_"):
            yield from NAME.findall(name)
            for mark in getattr(function, "pytestmark", ()):
                yield from (each.id for each in mark.args[1] if each.id)


def left_out() -> Iterator[str]:
    """The cases that the page names with a reason."""
    for family, numbers in LEFT_OUT.findall(PAGE):
        for each in numbers.strip(", ").split(", "):
            first, _, last = each.partition(" to ")
            yield from (f"{family}_{number:03}" for number in range(int(first), int(last or first) + 1))


def test_every_case_is_tested_or_left_out_with_a_reason() -> None:
    ours = [*cases_of(test_iso15118_5_station), *cases_of(test_iso15118_5_car)]
    others = list(left_out())
    expected = [f"{family}_{number:03}" for family, count in FAMILIES.items() for number in range(1, count + 1)]
    assert sorted(ours + others) == sorted(expected)
    stations = sum(name.startswith("SECC") for name in ours)
    assert f"{stations} of 102 for stations and {len(ours) - stations} of 96 for cars" in " ".join(PAGE.split())


def test_the_stages_of_a_run_are_those_of_the_code() -> None:
    for stage, wait in STAGES.items():
        heard = ", ".join(_name(kind) for kind in wait.admits) or "-"
        assert f"| {stage} | {wait.timer} | {wait.seconds:g} s | {wait.repeats} | {heard} |\n" in PAGE


def test_the_constant_fields_are_those_of_the_code() -> None:
    tables: tuple[tuple[str, Mapping[type[Mme], Fields]], ...] = (("car", FROM_CAR), ("station", FROM_STATION))
    for sender, table in tables:
        for kind, fields in table.items():
            shown = ", ".join(f"`{name}` {text(right)}" for name, right in fields.items())
            assert f"| {_name(kind)} | {sender} | {shown} |\n" in PAGE


def _name(kind: type[Mme]) -> str:
    return ".".join(kind.__name__.rsplit("_", 1))
