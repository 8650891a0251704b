"""`v2g config show|default|diff|migrate`: what holds and why, what differs, how an older file is lifted."""

import json
import os
import stat
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, strategies
from hypothesis import settings as with_settings

from v2g.cli import main
from v2g.io.configuration_file import kind_of, parsed, settings_of
from v2g.station.config.keys import all_mappings, keys
from v2g.station.config.leaves import between, from_defaults, leaves, masked
from v2g.station.config.migration import lift, modern
from v2g.station.config.reader import ConfigurationError, Rules, read
from v2g.station.config.settings import Settings
from v2g.station.config.shown import text

NEW = """\
# A garage.
evses:
  - services: [AC]
    access: {grant: everyone}   # family
    port: 0
    contactor: {address: "modbus://127.0.0.1:1?unit=7"}
    meter:
      address: "modbus://127.0.0.1:2?unit=1"
      # the one in the cellar
    grid: {address: "udp://127.0.0.1:3", driver: waveform}
    grid_code: {name: ieee1547-cat3, settings: {trip.uv1.delay_s: 21, reactive.mode: volt_var}}
kept: kept.json                 # over restarts
tls: {profile: iso15118-20}
"""
OLD = (
    NEW.replace("evses:", "connectors:")
    .replace("kept: ", "journal: ")
    .replace('"modbus://127.0.0.1:1?unit=7"', '"127.0.0.1:1", unit: 7')
    .replace('address: "modbus://127.0.0.1:2?unit=1"', "address: 127.0.0.1:2\n      unit: 1")
    .replace('"udp://127.0.0.1:3"', '"127.0.0.1:3"')
)
OLDEST = OLD.replace("profile: iso15118-20", "profile: iso20")
DEPLOY = files("v2g").joinpath("deploy")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(NEW)
    return file


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "CS-01.password").write_text("0123456789abcdef")
    file = tmp_path / "site.yaml"
    file.write_text(DEPLOY.joinpath("site.yaml").read_text())
    return file


def config(*words: object) -> int:
    return main(["config", *map(str, words)])


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines, each with one blank between its words."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_shown_is_each_setting_with_its_line_or_default(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config("show", file) == 0
    lines = printed(capsys)
    for line in (
        "port: 0 # line 5",
        "nominal_hz: 50 # default",
        'address: "modbus://127.0.0.1:1?unit=7" # line 6',
        f"kept: {file.parent}/kept.json # line 12",
        "trip.uv1.delay_s: 21 # line 11",
        "ocpp: null # default",
    ):
        assert line in lines


def test_what_is_shown_is_a_configuration_with_the_same_settings(file: Path, site: Path) -> None:
    for each in (DEPLOY.joinpath("config.yaml").read_bytes(), NEW.encode(), site.read_bytes()):
        first = parsed(each, file)
        again = parsed(text(first.settings, first.places).encode(), file)
        assert again.settings == first.settings
        assert from_defaults(again.settings) == from_defaults(first.settings)


def test_no_command_prints_a_secret(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(NEW.replace("profile: iso15118-20", "key_uri: 'pkcs11:token=v2g;object=secc?pin-value=1234'"))
    assert config("show", file, "--json") == 0
    rows = {each["key"]: each for each in json.loads(capsys.readouterr().out)}
    key_uri = "pkcs11:token=v2g;object=secc?pin-value=***"
    assert rows["tls.key_uri"] == {"key": "tls.key_uri", "value": key_uri, "from": "line 13"}
    assert rows["evses[0].services"]["value"] == ["AC"]
    for words in (["show", file], ["diff", file], ["diff", file, "--json"]):
        assert config(*words) == 0
        out = capsys.readouterr().out
        assert "pin-value=***" in out
        assert "1234" not in out


@pytest.mark.parametrize(
    "line",
    [
        "tls: {key_uri: 'pkcs11:token=v2g?pin-value=1234'}",
        "ocpp: {url: 'wss://me:secret@example.com/ocpp', identity: A, roots: r, password_file: p, store: s}",
        "local_api: {mqtt: {url: 'mqtts://me:secret@example.com', roots: r}}",
    ],
)
def test_a_secret_in_the_configuration_is_a_warning(line: str, file: Path) -> None:
    found = parsed(f"{NEW[: NEW.index('tls:')]}{line}\n".encode(), file).warnings
    assert any("carries a secret; keep it in a file of its own" in each for each in found)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("wss://me:secret@csms.example.com/ocpp", "wss://me:***@csms.example.com/ocpp"),
        ("postgresql://v2g:se%40cret@db/v2g", "postgresql://v2g:***@db/v2g"),
        ("https://example.com/?zone=DE&securityToken=abc", "https://example.com/?zone=DE&securityToken=***"),
        ("https://example.com/?api_key=abc&zone=DE", "https://example.com/?api_key=***&zone=DE"),
        ("pkcs11:object=a;token=v2g?pin-source=/etc/pin", "pkcs11:object=a;token=v2g?pin-source=/etc/pin"),
        ("modbus://192.168.1.10:502?unit=1", "modbus://192.168.1.10:502?unit=1"),
        (("install", "https://u:p@h/"), ("install", "https://u:***@h/")),
    ],
)
def test_no_secret_in_an_address_is_shown(value: object, shown: object) -> None:
    assert masked(value) == shown


def test_the_difference_to_the_defaults(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config("diff", file) == 0
    lines = printed(capsys)
    assert "evses[0].services [DC_BPT, DC] -> [AC]" in lines
    assert "evses[0].port 15118 -> 0" in lines
    assert "evses[0].grid_code.settings.trip.uv1.delay_s (absent) -> 21" in lines
    assert 'evses[0].contactor.address (needed) -> "modbus://127.0.0.1:1?unit=7"' in lines
    assert not any("nominal_hz" in line or "recording" in line for line in lines)


def test_the_difference_between_two_files(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(NEW.replace("port: 0", "port: 15119") + "metrics: {}\n")
    assert config("diff", file, other) == 1
    assert printed(capsys) == [
        "evses[0].port 0 -> 15119",
        "metrics null -> (absent)",
        'metrics.host (absent) -> "127.0.0.1"',
        "metrics.port (absent) -> 9464",
    ]
    other.write_text(NEW + "# a comment\n")
    assert config("diff", file, other) == 0
    assert printed(capsys) == []


def test_two_files_of_different_kinds_are_not_compared(
    file: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config("diff", file, site) == 2
    assert "files of different kinds" in capsys.readouterr().err


def test_every_key_is_listed_with_default_unit_and_range(capsys: pytest.CaptureFixture[str]) -> None:
    assert config("default", "evses.capability") == 0
    lines = printed(capsys)
    assert lines[:2] == [
        "evses[].capability a mapping",
        "evses[].capability.charge_w 15000 W a number from 0 to 1000000",
    ]
    assert config("default", "evses[].capabilty") == 2
    assert "did you mean evses[].capability?" in capsys.readouterr().err
    for kind in ("station", "depot", "site"):
        assert config("default", "--of", kind) == 0
        assert len(printed(capsys)) == len(list(keys(settings_of(kind)[0])))


@pytest.mark.parametrize("old", [OLD, OLDEST, OLD.replace("\n", "\r\n")], ids=["old", "oldest", "crlf"])
def test_an_old_file_becomes_a_new_one_and_keeps_its_comments(
    old: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(old.encode())
    file.chmod(0o640)
    assert config("migrate", file) == 0
    out = capsys.readouterr().out
    assert "line 2: connectors: -> evses:" in out
    assert "line 6: address: 127.0.0.1:1, unit 7 -> modbus://127.0.0.1:1?unit=7" in out
    assert "+evses:" in out
    assert file.read_bytes() == old.encode()
    assert config("migrate", file, "--write") == 0
    assert file.read_bytes().decode().replace("\r\n", "\n") == NEW
    assert file.with_name("config.yaml.old").read_bytes() == old.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(os.listdir(file.parent)) == ["config.yaml", "config.yaml.old"]
    capsys.readouterr()
    assert config("migrate", file) == 0
    assert capsys.readouterr().out == f"{file}: nothing to change\n"


def test_what_must_be_decided_by_hand_is_a_finding_and_changes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = OLD.replace("{grant: everyone}", "{grant: listed, evcc_ids: [A]}")
    file.write_text(old)
    assert config("migrate", file, "--write") == 2
    assert "a car makes up its EVCCID" in capsys.readouterr().err
    assert file.read_text() == old


def test_a_unit_that_stands_elsewhere_is_left_to_a_person(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The address is shared by an anchor, the unit is not."""
    old = """\
evses:
  - services: [AC]
    access: {grant: everyone}
    contactor: &one {address: "127.0.0.1:1"}
    meter: {<<: *one, unit: 2}
"""
    file.write_text(old)
    assert config("migrate", file, "--write") == 2
    assert "unit=2" in capsys.readouterr().err
    assert file.read_text() == old


@with_settings(max_examples=40)
@given(
    strategies.lists(
        strategies.sampled_from(
            ["    port: 7  # a", "    grid: {unit: 1, address: 'a:1'}", "    isolation: {address: a:1, unit: 2}  # d",
             "    inverter:\n      unit: 3  # e\n      address: b:2",
             "    inverter:\n      address: b:2\n      unit: 3",
             "    pilot: {device: {address: 'c:3', unit: 4}}", "    # f", "",
             "    ccid: &c {address: 'd:4'}", "    lock: *c", "    safety: {<<: *c, driver: register-map}"]
        ),
        max_size=6, unique=True,
    ),
    strategies.sampled_from(["evses", "connectors"]),
    strategies.sampled_from(["", "kept: a", "journal: a # g", "'journal': a"]),
)  # fmt: skip
def test_lifting_never_changes_what_a_file_means(lines: list[str], evses: str, last: str) -> None:
    """What could be read before means the same after, nothing is left to lift, and no comment is lost."""
    devices = "    contactor: {address: x:1}\n    meter: {address: y:1, unit: 9}"
    old = "\n".join([f"{evses}:", "  - services: [AC]", "    access: {grant: everyone}", devices, *lines, last, ""])
    place = Path("/nowhere/config.yaml")
    try:
        before = parsed(old.encode(), place).settings
    except ConfigurationError:
        return
    lifted = lift(old, Settings)
    assert modern(parsed(lifted.text.encode(), place).settings) == modern(before)
    assert lift(lifted.text, Settings).changes == []
    assert lifted.text.count("#") == old.count("#")


@pytest.mark.parametrize("kind", ["station", "depot", "site"])
def test_an_unknown_key_is_refused_with_the_nearest_name_at_every_level(kind: str) -> None:
    mappings = all_mappings(settings_of(kind)[0])
    assert len(mappings) > 10
    for each in mappings:
        name = max(each.__struct_fields__, key=len)
        with pytest.raises(ConfigurationError, match=rf"{name}x: unknown key; did you mean {name}\?"):
            read(f"{name}x: 1".encode(), "file", each, Rules(), Path("/"))


def test_the_kind_of_a_file_is_known_by_its_keys() -> None:
    for name, kind in (("config", "station"), ("depot", "depot"), ("site", "site")):
        assert kind_of(DEPLOY.joinpath(f"{name}.yaml").read_bytes()) == kind


def test_keys_and_leaves_name_the_same_things(file: Path) -> None:
    settings = parsed(NEW.encode(), file).settings
    known = {
        name
        for key in keys(Settings)
        for name in (key.path.replace("[]", "[0]"), key.path.replace("[]", "[0]").removesuffix("[0]"))
    }
    assert {path for path, _ in leaves(settings) if ".grid_code.settings." not in path} - known == set()
    assert between(settings, settings) == []


def test_check_takes_the_file_of_a_site_too(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config("check", site) == 0
    assert capsys.readouterr().out == f"{site} is good: a site\n"
