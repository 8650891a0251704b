"""The CSV list of stations of a large site."""

import json
from pathlib import Path

import pytest

from v2g.depot.station_list import StationListError, read_stations
from v2g.io.depot_configuration import load
from v2g.station.config.reader import ConfigurationError

HERE = Path("/etc/v2g")


def test_a_row_is_an_evse() -> None:
    text = (
        "id,password_file,evse,feeder,charge_w,discharge_w,phases\n"
        "CS1,secret,1,T1,11000,,12\nCS1,secret,2,,22000,20000,\n\nCS2,,,T1,7000,,3\n"
    )
    first, second = read_stations(text, HERE)
    assert (first.id, first.password_file) == ("CS1", HERE / "secret")
    assert [(each.id, each.feeder, each.charge_w, each.discharge_w, each.phases) for each in first.evses] == [
        (1, "T1", 11_000, 0, (1, 2)), (2, None, 22_000, 20_000, (1, 2, 3)),
    ]  # fmt: skip
    assert (second.password_file, second.evses[0].id, second.evses[0].phases) == (None, 1, (3,))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,charge\nCS1,5\n", "no column 'charge'"),
        ("charge_w\n5\n", "column id is missing"),
        ("id,charge_w\nCS1,5,6\n", "line 2: 3 values, but 2 columns"),
        ("id,charge_w\nCS1,-5\n", "line 2: Expected `float` >= 0"),
        ("id,charge_w\nCS 1,5\n", "line 2: Expected `str` matching"),
        ("id,charge_w,phases\nCS1,5,4\n", "line 2: Invalid enum value 4"),
        ("id,evse,charge_w\nCS1,1,5\nCS2,1,5\nCS1,2,5\n", "line 4: CS1 is there already"),
        ('id,charge_w\n"CS1,5\n', "line 2: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(StationListError) as refused:
        read_stations(text, HERE)
    assert says in str(refused.value)


def test_the_rules_of_the_configuration_hold_for_the_list(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("sixteen and more characters")
    document = {
        "feeders": [{"id": "site", "charge_w": 100_000}],
        "station_list": "stations.csv",
        "connect": {"security_profile": 1},
        "silence": {"safe_w": 2_000},
        "ledger": "depot.db",
    }
    (tmp_path / "depot.yaml").write_text(json.dumps(document))
    (tmp_path / "stations.csv").write_text("id,password_file,charge_w\nCS1,password,11000\nCS2,password,11000\n")
    assert [each.id for each in load(tmp_path / "depot.yaml").stations] == ["CS1", "CS2"]
    rows = "".join(f"CS{n},password,T9,11000\n" for n in range(2, 5))
    (tmp_path / "stations.csv").write_text(
        "id,password_file,feeder,charge_w\nCSX,,,11000\nCS1,password,,11000\n" + rows
    )
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path / "depot.yaml")
    assert "CSX: password_file: missing" in str(refused.value)
    assert "there is no feeder T9" in str(refused.value)


def test_a_site_has_stations(tmp_path: Path) -> None:
    (tmp_path / "depot.yaml").write_text(json.dumps({"feeders": [{"id": "site", "charge_w": 100_000}]}))
    with pytest.raises(ConfigurationError, match="write at least one station"):
        load(tmp_path / "depot.yaml")
