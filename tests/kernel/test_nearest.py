"""A misspelt name is refused with the one that was meant, in every file and command that has names."""

from pathlib import Path

import msgspec
import pytest

from v2g.grid.settings import SettingsError, load
from v2g.kernel.nearest import did_you_mean, with_nearest
from v2g.power.quantity import MapError
from v2g.power.registers.map import parse
from v2g.run.tariff import FileTariff, TariffError
from v2g.station.config.settings import TariffSettings


class Box(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    width_m: float = msgspec.field(name="width", default=0.0)


def test_only_a_name_that_is_close_is_named() -> None:
    assert did_you_mean("Widht", ["width", "depth"]) == "did you mean width?"
    assert did_you_mean("colour", ["width", "depth"]) == ""
    assert did_you_mean("x" * 100_000, ["width"]) == ""


@pytest.mark.parametrize(("content", "end"), [({"widht": 1}, "; did you mean width?"), ({"colour": 1}, "`colour`")])
def test_a_key_by_its_name_in_the_file(content: dict[str, float], end: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(content, Box)
    assert with_nearest(caught.value, Box).endswith(end)


def test_what_is_no_unknown_key_stays_as_it_is() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"width": "a"}, Box)
    assert with_nearest(caught.value, Box) == str(caught.value)


def test_a_setting_of_a_grid_code() -> None:
    with pytest.raises(SettingsError, match=r"no such setting; did you mean trip\.uv1\.delay_s\?"):
        load("ieee1547-cat3").with_settings({"trip.uv1.dela_s": 5.0})


def test_a_key_of_a_register_map() -> None:
    with pytest.raises(MapError, match=r"unknown field `scal`; did you mean scale\?; correct or remove it"):
        parse("quantities: {power_w: {address: 1, type: u16, scal: 1}}", "map")


def test_a_key_of_a_tariff(tmp_path: Path) -> None:
    file = tmp_path / "tariff.yaml"
    file.write_text('name: a\ncurrency: EUR\nprices: [{from: "00:00", pric: 1, level: 1}]\n')
    with pytest.raises(TariffError, match=r"did you mean price\?"):
        FileTariff(TariffSettings(file=file))
