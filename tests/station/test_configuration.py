"""Every violation is reported, with its line, its path and its remedy."""

import re
from importlib.resources import files
from pathlib import Path
from time import process_time

import msgspec
import pytest
from hypothesis import given, strategies

from v2g.io.configuration import load
from v2g.station.config.reader import ConfigurationError, read
from v2g.station.config.rules import OLD_KEYS, RULES
from v2g.station.config.settings import (
    Access,
    Capability,
    Control,
    Device,
    EvseSettings,
    GridCodeSettings,
    Metrics,
    PlanStep,
    Rule,
    Settings,
    Tls,
    Trace,
)

DEVICES = """inverter: {address: "127.0.0.1:5020"}
    contactor: {address: "127.0.0.1:5021"}
    meter: {address: "127.0.0.1:5022"}
    isolation: {address: "127.0.0.1:5023"}
"""
MINIMAL = f"""# Line 1.
evses:
  - {DEVICES}"""


def saying(text: str) -> str:
    """A file with one EVSE that says `text` from line 9 on."""
    return f"{MINIMAL}    # line 7\n    # line 8\n    {text}\n"


def findings(folder: Path, text: str | bytes) -> list[str]:
    """What is wrong with the file, without its name."""
    file = folder / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    lines = str(caught.value).split("\n")
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


def accepted(folder: Path, text: str) -> Settings:
    file = folder / "config.yaml"
    file.write_text(text)
    return load(file).settings


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    inverter, contactor, meter, isolation = (Device(address=f"127.0.0.1:{port}") for port in range(5020, 5024))
    each = EvseSettings(inverter=inverter, contactor=contactor, meter=meter, isolation=isolation)
    assert accepted(tmp_path, MINIMAL) == Settings(evses=(each,))


def test_every_kind_of_value_arrives(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text((files("v2g.power.registers") / "grid.yaml").read_text())
    text = (
        saying("port: 0")
        + """
    interface: eth0
    services: [DC_BPT]
    access: {grant: listed, evcc_ids: [02ab, 0123], unproved: yes, discharge: yes}
    dispatch:
      - {power_w: 15e3, for_s: 2.5}
      - {follow: frequency, w_per_hz: 10_000}
    precharge_tolerance_v: null
    grid: {address: "[::1]:502", unit: 3, registers: own.yaml}
    grid_code:
      name: ieee1547-cat2
      category: a
      phases: 1
      settings: {trip.ov1.delay_s: 1.5, enter_service.permitted: no, reactive.mode: volt_var}
tls:
trace: {file: log/trace.log, level: debug}
control: {mode: 0640}
"""
    )
    settings = accepted(tmp_path, text)
    evse = settings.evses[0]
    assert (evse.port, evse.interface, evse.services) == (0, "eth0", ("DC_BPT",))
    assert evse.access.evcc_ids == ("02ab", "0123")
    assert evse.access.discharge
    assert evse.grid_code == GridCodeSettings(
        name="ieee1547-cat2",
        category="a",
        phases=1,
        settings={"trip.ov1.delay_s": 1.5, "enter_service.permitted": False, "reactive.mode": "volt_var"},
    )
    assert [(step.power_w, step.follow, step.for_s) for step in evse.dispatch] == [
        (15_000.0, None, 2.5),
        (None, "frequency", None),
    ]
    assert evse.precharge_tolerance_v is None
    assert evse.grid == Device(address="[::1]:502", unit=3, registers=tmp_path / "own.yaml")
    assert settings.tls.directory == Path("/etc/ssl/v2g")
    assert settings.trace.file == tmp_path / "log/trace.log"
    assert settings.control.mode == "0640"


def test_evses_share_text_by_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = """
evses:
  - &first
    id: 1
    inverter: {address: "a:1"}
    contactor: {address: "b:1"}
    meter: {address: "c:1"}
    isolation: {address: "d:1"}
  - <<: *first
    id: 2
    evse_id: DE*V2G*E0000002
    port: 15119
    inverter: {address: "a:2"}
    contactor: {address: "b:2"}
    isolation: {address: "d:2"}
"""
    first, second = accepted(tmp_path, text).evses
    assert first.meter == second.meter
    assert second.inverter == Device(address="a:2")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("id: 0", "9:9: evses[0].id: is '0'; must be a whole number of at least 1"),
        ("evse_id: ''", "9:14: evses[0].evse_id: is empty; must be text of 1 to 255 characters"),
        (
            "interface: averyverylongname",
            "9:16: evses[0].interface: is 'averyverylongname'; must be text of 1 to 15 characters",
        ),
        ("port: 70000", "9:11: evses[0].port: is '70000'; must be a whole number from 0 to 65535"),
        (
            'port: "15118"',
            "9:11: evses[0].port: is the text '15118'; must be a whole number from 0 to 65535, without quotes",
        ),
        ("port: 151.18", "9:11: evses[0].port: is '151.18'; must be a whole number from 0 to 65535"),
        ("port:", "9:10: evses[0].port: is empty; must be a whole number from 0 to 65535"),
        ("port: [1]", "9:11: evses[0].port: is a list; must be a whole number from 0 to 65535"),
        (
            "services: DC",
            "9:15: evses[0].services: is 'DC'; must be a list, each item AC or AC_BPT "
            "or AC_DER_IEC or AC_DER_SAE or DC or DC_BPT or MCS or MCS_BPT",
        ),
        (
            "services: []",
            "9:15: evses[0].services: is an empty list; must be a list, each item AC or AC_BPT "
            "or AC_DER_IEC or AC_DER_SAE or DC or DC_BPT or MCS or MCS_BPT",
        ),
        (
            "services: [DC, dc_btp]",
            "9:20: evses[0].services[1]: is 'dc_btp'; must be AC or AC_BPT or AC_DER_IEC or AC_DER_SAE "
            "or DC or DC_BPT or MCS or MCS_BPT (did you mean DC_BPT?)",
        ),
        ("modes: [manual]", "9:13: evses[0].modes[0]: is 'manual'; must be dynamic or scheduled"),
        ("timing: lax", "9:13: evses[0].timing: is 'lax'; must be relaxed or standard (did you mean relaxed?)"),
        (
            "nominal_voltage_v: 24",
            "9:24: evses[0].nominal_voltage_v: is '24'; must be a whole number from 100 to 480",
        ),
        ("nominal_hz: 400", "9:17: evses[0].nominal_hz: is '400'; must be a number from 45 to 65"),
        ("pause: maybe", "9:12: evses[0].pause: is 'maybe'; must be true or false"),
        (
            "precharge_tolerance_v: 0",
            "9:28: evses[0].precharge_tolerance_v: is '0'; must be a number from 1 to 50",
        ),
        ("price_levels: 1", "9:19: evses[0].price_levels: is '1'; must be true or false"),
        (
            "capability: {charge_w: 2000000}",
            "9:28: evses[0].capability.charge_w: is '2000000'; must be a number from 0 to 1000000",
        ),
        (
            "capability: {discharge_w: -1}",
            "9:31: evses[0].capability.discharge_w: is '-1'; must be a number from 0 to 1000000",
        ),
        (
            "capability: {charge_a: 1:30}",
            "9:28: evses[0].capability.charge_a: is '1:30'; must be a number from 0 to 3000",
        ),
        (
            "capability: {discharge_a: much}",
            "9:31: evses[0].capability.discharge_a: is 'much'; must be a number from 0 to 3000",
        ),
        (
            "capability: {voltage_min_v: 500, voltage_max_v: 400}",
            "9:33: evses[0].capability.voltage_min_v: 500 is not below voltage_max_v, 400; correct one of them",
        ),
        (
            "capability: {voltage_max_v: 1501}",
            "9:33: evses[0].capability.voltage_max_v: is '1501'; must be a number from 0 to 1500",
        ),
        (
            "capability: {ramp_w_per_s: -5}",
            "9:32: evses[0].capability.ramp_w_per_s: is '-5'; must be a number from 0 to 1000000",
        ),
        (
            "access: {grant: all}",
            "9:21: evses[0].access.grant: is 'all'; must be asked or everyone or listed or nobody",
        ),
        (
            "access: {grant: listed}",
            "9:13: evses[0].access.certificates: empty, so that `grant: listed` admits no car; "
            "list the names in their certificates",
        ),
        (
            "access: {grant: listed, evcc_ids: [WMI1]}",
            "9:39: evses[0].access.evcc_ids: a car makes up its EVCCID, and nothing proves it; list the names of their "
            "certificates under `certificates`, or accept it with `unproved: true`",
        ),
        (
            "access: {evcc_ids: ['']}",
            "9:25: evses[0].access.evcc_ids[0]: is empty; must be text of 1 to 255 characters",
        ),
        ("access: {discharge: 5}", "9:25: evses[0].access.discharge: is '5'; must be true or false"),
        (
            "services: [DC_BPT]",
            "3:5: evses[0].access.discharge: false, while every service feeds the grid: no car could be served; "
            "allow it, or add DC or AC to services",
        ),
        ("services: [DC, DC]", "9:20: evses[0].services[1]: DC is listed twice; remove one"),
        (
            "services: [DC]\n    access: {negative_current: [DE8AAC1B2C3D4E5]}",
            "10:32: evses[0].access.negative_current: names cars, while DC_BPT is not in services; add it",
        ),
        ("modes: [dynamic, dynamic]", "9:22: evses[0].modes[1]: dynamic is listed twice; remove one"),
        ("dispatch: []", "9:15: evses[0].dispatch: has no step; add one, such as {power_w: 0}"),
        ("dispatch: [{power_w: .nan}]", "9:26: evses[0].dispatch[0].power_w: is '.nan'; must be a number"),
        ("dispatch: [{power_w: inf}]", "9:26: evses[0].dispatch[0].power_w: is 'inf'; must be a number"),
        (
            "dispatch: [{for_s: 5}]",
            "9:16: evses[0].dispatch[0]: a step has either power_w or follow; give one of them",
        ),
        (
            "dispatch: [{power_w: 1, follow: frequency}]",
            "9:16: evses[0].dispatch[0]: a step has either power_w or follow; give one of them",
        ),
        (
            "dispatch: [{power_w: 1, w_per_hz: 5}]",
            "9:16: evses[0].dispatch[0]: base_w, w_per_hz and deadband_hz belong to `follow: frequency`; "
            "remove them, or power_w",
        ),
        (
            "dispatch: [{power_w: 1, for_s: 0}]",
            "9:36: evses[0].dispatch[0].for_s: is '0'; must be a number above 0",
        ),
        (
            "dispatch: [{power_w: 1}, {power_w: 2}]",
            "9:16: evses[0].dispatch[0]: for_s is missing: the steps after it would never come; say how long it lasts",
        ),
        (
            "dispatch: [{follow: frequency}]",
            "9:25: evses[0].dispatch[0].follow: needs the frequency; add the grid sensing unit under `grid`",
        ),
        (
            "dispatch: [{follow: voltage}]",
            "9:25: evses[0].dispatch[0].follow: is 'voltage'; must be frequency",
        ),
        ("dispatch: [5]", "9:16: evses[0].dispatch[0]: is '5'; must be a mapping with the keys power_w, follow, "),
        (
            "grid: {address: nowhere}",
            "9:21: evses[0].grid.address: is 'nowhere'; must be an address such as modbus://192.168.1.10:502?unit=1",
        ),
        (
            'grid: {address: "host:0"}',
            "9:21: evses[0].grid.address: there is no port 0; name one from 1 to 65535",
        ),
        (
            'grid: {address: "host:1", unit: 256}',
            "9:37: evses[0].grid.unit: is '256'; must be a whole number from 0 to 255",
        ),
        (
            "grid: {unit: 1}",
            "9:11: evses[0].grid.address: missing; add an address such as modbus://192.168.1.10:502?unit=1",
        ),
        (
            "pasue: true",
            "9:5: evses[0].pasue: unknown key; did you mean pause?",
        ),
        ("zzz: 1", "9:5: evses[0].zzz: unknown key; the keys here are id, evse_id, "),
        ("[a, b]: 1", "9:5: a key must be a single word"),
        ("meter: {}", "9:5: meter: also in line 5; keep one of them"),
        ("capability: {charge_w: 1, charge_w: 2}", "9:31: charge_w: also in line 9; keep one of them"),
    ],
)
def test_a_wrong_field_of_an_evse(tmp_path: Path, line: str, expected: str) -> None:
    found = findings(tmp_path, saying(line))
    assert found[0].startswith(expected) if expected.endswith(", ") else expected in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "tls: {profile: iso20}",
            "7:16: tls.profile: is 'iso20'; must be interop-p256 or iso15118-20 (did you mean iso15118-20?)",
        ),
        ("tls: {directory: ''}", "7:18: tls.directory: is empty; must be a path"),
        ("tls: {private_key: [a]}", "7:20: tls.private_key: is a list; must be a path"),
        ("tls: {certifcate: a.pem}", "7:7: tls.certifcate: unknown key; did you mean certificate?"),
        ("trace: {level: trace}", "7:16: trace.level: is 'trace'; must be debug or info"),
        ("trace: {file: {}}", "7:15: trace.file: is a mapping; must be a path"),
        ("control: {mode: rw}", "7:17: control.mode: is 'rw'; must be octal permissions, such as 0660"),
        ("control: {socket: }", "7:18: control.socket: is empty; must be a path"),
        ("evse: []", "7:1: evse: unknown key; did you mean evses?"),
        ("control: 5", "7:10: control: is '5'; must be a mapping with the keys socket, mode"),
    ],
)
def test_a_wrong_field_beside_the_evses(tmp_path: Path, text: str, expected: str) -> None:
    assert findings(tmp_path, MINIMAL + text) == [expected]


@pytest.mark.parametrize(
    ("url", "profile", "remedy"),
    [
        ("ws://a.example", 1, ""),
        ("mqtt://a.example/cs", 1, ""),
        ("wss://a.example", 2, ""),
        ("mqtts://a.example/cs", 2, ""),
        ("wss://a.example", 1, "write ws:// or mqtt:// there"),
        ("ws://a.example", 2, "write wss:// there"),
        ("mqtt://a.example", 2, "write mqtts:// there"),
        ("http://a.example", 2, "must be an address such as"),
        ("mqtt://a.example/c+s", 1, "must be an address such as"),
    ],
)
def test_the_address_of_a_back_end_and_its_security_profile(
    tmp_path: Path, url: str, profile: int, remedy: str
) -> None:
    way = f"url: '{url}', security_profile: {profile}, password_file: p, roots: r"
    for text in (
        f"ocpp: {{identity: CS1, {way}}}",
        f"ocpp: {{identity: CS1, url: 'wss://b.example', password_file: p, roots: r, fallbacks: [{{{way}}}]}}",
    ):
        if not remedy:
            assert accepted(tmp_path, MINIMAL + text).ocpp is not None
            continue
        (found,) = findings(tmp_path, MINIMAL + text)
        assert remedy in found


def test_a_dc_service_needs_its_devices(tmp_path: Path) -> None:
    text = "evses:\n  - contactor: {address: 'a:1'}\n    meter: {address: 'b:1'}\n"
    remedy = "missing; a DC service needs one: add its address, or offer AC services only"
    assert findings(tmp_path, text) == [
        f"2:5: evses[0].inverter: {remedy}",
        f"2:5: evses[0].isolation: {remedy}",
    ]
    assert accepted(tmp_path, text + "    services: [AC]\n").evses[0].inverter is None


def test_what_every_evse_needs(tmp_path: Path) -> None:
    found = findings(tmp_path, "evses: [{services: [AC]}]")
    keys = "a mapping with the keys address, unit, driver, registers"
    assert found == [
        f"1:9: evses[0].contactor: missing; add {keys}",
        f"1:9: evses[0].meter: missing; add {keys}",
    ]
    assert findings(tmp_path, "trace: {}")[0].startswith("1:1: evses: missing; add a list, each item a mapping")


def test_two_evses_share_nothing_but_meter_and_grid(tmp_path: Path) -> None:
    text = saying("interface: eth0\n    grid: {address: 'g:1'}") + f"  - {DEVICES}    interface: eth0\n"
    found = findings(tmp_path, text + "    grid: {address: 'g:1'}")
    named = {finding.split(": ")[1].removeprefix("evses[1].") for finding in found}
    assert named == {"id", "evse_id", "interface", "port", "inverter", "contactor", "isolation"}
    assert "15:16: evses[1].interface: eth0 is also that of evses[0]; give each EVSE its own" in found


@pytest.mark.parametrize(
    ("pilot", "finding"),
    [
        ("device: {address: 'modbus://p:1'}", "pilot.device: modbus://p:1?unit=1 is also that of evses[0]"),
        (
            "pwm: {high: {channel: 0}, low: {channel: 1}}",
            "pilot.pwm: channel 0 of /sys/class/pwm/pwmchip0 is also",
        ),
    ],
)
def test_two_evses_do_not_share_a_control_pilot(tmp_path: Path, pilot: str, finding: str) -> None:
    text = saying(f"pilot: {{{pilot}}}") + f"  - {DEVICES}    pilot: {{{pilot}}}\n"
    assert any(f"evses[1].{finding}" in found for found in findings(tmp_path, text))


def test_register_maps_are_read(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = saying(f"grid: {{address: 'g:1', registers: {file}}}")
    place = "9:39: evses[0].grid.registers:"
    assert findings(tmp_path, text) == [f"{place} {file}: No such file or directory; name a readable register map"]
    file.write_text("quantities: {a: {address: -1, type: u16}}")
    assert findings(tmp_path, text)[0].startswith(f"{place} {file}: quantities.a: ")


def test_all_findings_come_at_once_and_in_order(tmp_path: Path) -> None:
    text = saying("port: x\n    timing: y\n    access: {grant: z}") + "trace: {level: w}\nport: 1\nport: 2\n"
    lines = [int(finding.split(":")[0]) for finding in findings(tmp_path, text)]
    assert lines == [9, 10, 11, 12, 13, 14]


def test_a_rule_is_not_judged_on_fields_that_are_wrong_themselves(tmp_path: Path) -> None:
    assert len(findings(tmp_path, saying("capability: {voltage_min_v: 1400, voltage_max_v: x}"))) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", " the file is empty; `v2g config example` prints one"),
        ("# nothing\n", " the file is empty; `v2g config example` prints one"),
        ("a: [1\nb: 2", "2:2: not YAML: expected ',' or ']', but got ':'; see https://yaml.org for the form"),
        ("a:\n\tb: 1", "2:1: not YAML: found character '\\t' that cannot start any token; indent with spaces"),
        ("a: *b", "1:4: not YAML: found undefined alias 'b'; see https://yaml.org for the form"),
        (
            "5",
            "1:1: the file: is '5'; must be a mapping with the keys evses, site, tls, trace, recording, control, "
            "metrics, telemetry, maintenance, tariff, ocpp, local_api, sunspec, kept",
        ),
        ("a: 1\n---\nb: 1", "2:1: not YAML: but found another document; see https://yaml.org for the form"),
    ],
)
def test_what_is_no_mapping_at_all(tmp_path: Path, text: str, expected: str) -> None:
    assert findings(tmp_path, text) == [expected]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, b"a: \xff\xfe\x00")
    assert found == " not YAML: invalid start byte at position 3; write it as UTF-8 text"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"none\.yaml: No such file or directory; `v2g config example` prints one"
    ):
        load(tmp_path / "none.yaml")


def test_the_example_is_good_and_complete(tmp_path: Path, repository: Path) -> None:
    example = (repository / "src/v2g/deploy/config.yaml").read_text()
    assert accepted(tmp_path, example).evses[0].access.grant == "listed"
    everything = re.sub(r"^( *)#(?=\w)", r"\1", example, flags=re.MULTILINE)
    evse = accepted(tmp_path, everything).evses[0]
    assert evse.grid is not None
    for kind in (EvseSettings, Capability, Access, Rule, Device, PlanStep, Tls, Trace, Control, Metrics, Settings):
        for name in kind.__struct_fields__:
            assert re.search(rf"\b{name}\b", example), f"{kind.__name__}.{name} is not explained"


def test_the_driver_of_a_device(tmp_path: Path) -> None:
    grid = accepted(tmp_path, saying("grid: {address: 'g:1', driver: sunspec}")).evses[0].grid
    assert grid == Device(address="g:1", driver="sunspec")
    (found,) = findings(tmp_path, MINIMAL.replace("meter: {", "meter: {driver: sunspec, "))
    assert "evses[0].meter.driver: there is no driver sunspec for the meter; use register-map or signal-map" in found
    (found,) = findings(tmp_path, saying("grid: {address: 'g:1', driver: modbus}"))
    assert "evses[0].grid.driver: there is no driver modbus for the grid; use register-map or signal-map or " in found
    (tmp_path / "own.yaml").write_text("quantities: {}")
    (found,) = findings(tmp_path, saying("grid: {address: 'g:1', driver: sunspec, registers: own.yaml}"))
    assert "evses[0].grid.driver: a SunSpec grid sensing unit has no register map; remove `registers`" in found
    (found,) = findings(tmp_path, MINIMAL.replace("inverter: {", "inverter: {driver: waveform, "))
    assert "evses[0].inverter.driver: there is no driver waveform for the inverter; use register-map or " in found


def test_the_old_form_of_an_address_is_read_with_a_line_that_says_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = MINIMAL.replace('"127.0.0.1:5020"', '"modbus://127.0.0.1:5020"')
    text = text.replace('"127.0.0.1:5022"', '"[::1]:5022", unit: 2')
    file.write_text(text + '    grid: {address: "127.0.0.1:5024", driver: waveform}\n')
    settings, warnings = load(file)
    assert warnings == [
        f"{file}:4:26: evses[0].contactor.address: the old form; write `address: modbus://127.0.0.1:5021?unit=1`",
        f"{file}:5:22: evses[0].meter.address: the old form; write `address: modbus://[::1]:5022?unit=2`",
        f"{file}:6:26: evses[0].isolation.address: the old form; write `address: modbus://127.0.0.1:5023?unit=1`",
        f"{file}:7:21: evses[0].grid.address: the old form; write `address: udp://127.0.0.1:5024`",
    ]
    assert str(settings.evses[0].meter.where) == "modbus://[::1]:5022?unit=2"


@pytest.mark.parametrize(
    ("evse_id", "has_the_form"),
    [
        ("DE*V2G*E0000001", True),
        ("DEV2GE1", True),
        ("FR*A23*E45B*78C", True),
        ("ZZ00000", True),
        ("DE*V2G*0000001", False),
        ("de*V2G*E1", False),
        ("+49*810*000*438", False),
        ("DE*V2G*E", False),
        ("DE*V2G*E" + "1" * 32, False),
        ("garage", False),
    ],
)
def test_an_id_of_another_form_than_that_of_the_standard_is_a_warning(
    tmp_path: Path, evse_id: str, has_the_form: bool
) -> None:
    """[V2G20-192]"""
    file = tmp_path / "config.yaml"
    file.write_text(saying(f'evse_id: "{evse_id}"'))
    settings, warnings = load(file)
    assert settings.evses[0].evse_id == evse_id
    said = [line for line in warnings if "evses[0].evse_id" in line]
    assert len(said) == (not has_the_form)
    assert all("write country, operator, E and a number, as in DE*V2G*E0000001" in line for line in said)


def test_a_serial_line_has_one_baud_rate_and_a_bus_many_devices(tmp_path: Path) -> None:
    line = "modbus+rtu:///dev/ttyUSB0?unit=%d&baud=%d"
    text = f"grid: {{address: '{line % (7, 9600)}'}}\n    ccid: {{address: '{line % (8, 19200)}'}}\n"
    (found,) = findings(tmp_path, saying(text + f"    lock: {{address: '{line % (9, 9600)}'}}"))
    assert "evses[0].ccid.address: modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E&stop=1 and " in found
    assert "modbus+rtu:///dev/ttyUSB0?baud=9600&parity=E&stop=1 (evses[0].grid) are one line; give both" in found
    (tmp_path / "other.yaml").write_text((files("v2g.power.signals") / "contactor.yaml").read_text())
    second = "  - {id: 2, evse_id: DE*2, port: 2, services: [AC], contactor: {%s}, meter: {address: 'can://can0'}}\n"
    first = MINIMAL.replace('"127.0.0.1:5021"', "'can://can0'")
    (found,) = findings(tmp_path, first + second % "address: 'can://can0'")
    assert "evses[1].contactor: can://can0 is also that of evses[0]; give each EVSE its own" in found
    accepted(tmp_path, first + second % "address: 'can://can0', registers: other.yaml")


def test_an_address_and_its_driver_must_fit(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, saying("grid: {address: 'udp://g:1', driver: register-map}"))
    assert "evses[0].grid.driver: this driver of the grid needs an address that begins with modbus:// or " in found
    (found,) = findings(tmp_path, saying("lock: {address: 'http://g:1'}"))
    assert "evses[0].lock.address: no driver goes with http://g:1; name one under `driver`: register-map" in found


GRID = 'grid: {address: "127.0.0.1:5024"}'


def test_a_grid_code_needs_no_more_than_its_name(tmp_path: Path) -> None:
    text = saying(f"{GRID}\n    access: {{grant: everyone, discharge: true}}\n    grid_code: {{name: vde-4105}}")
    assert accepted(tmp_path, text).evses[0].grid_code == GridCodeSettings(name="vde-4105")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("access: {grant: everyone, discharge: true}", "evses[0].grid: missing, while access.discharge is true"),
        (f"{GRID}\n    access: {{grant: everyone, discharge: true}}", "evses[0].grid_code: missing, while"),
        ("grid_code: {name: vde-4105}", "evses[0].grid: missing, while there is a grid_code"),
        (f"{GRID}\n    grid_code: {{name: en50549-1, category: a}}", "grid_code.category: en50549-1 has no categories"),
        (
            f"{GRID}\n    grid_code: {{name: vde-4106}}",
            "grid_code.name: there is no grid code 'vde-4106'; did you mean vde-4105?",
        ),
        (f"{GRID}\n    grid_code: {{name: vde-4105, phases: 2}}", "grid_code.phases: is '2'; must be 1 or 3"),
        (
            f"{GRID}\n    grid_code: {{name: ieee1547-cat3, settings: {{trip.ov1.delay_s: 99}}}}",
            "grid_code.settings: trip.ov1.delay_s: 99 is out of range: 1 to 13",
        ),
        (
            f"{GRID}\n    grid_code: {{name: ieee1547-cat3, settings: {{trip.ov9.delay_s: 1}}}}",
            "there is no such setting",
        ),
        ("pilot: {}", "evses[0].pilot: name either the microcontroller under `device`"),
        ("plc: {}", "evses[0].plc: needs `interface`: the modem is behind it; add it, or remove plc"),
        ("thermal: {}", "nothing measures contactor, coolant, ambient; add `safety` or `temperatures`"),
    ],
)
def test_what_belongs_together_is_asked_for(tmp_path: Path, lines: str, complaint: str) -> None:
    assert any(complaint in finding for finding in findings(tmp_path, saying(lines)))


def warnings(folder: Path, text: str) -> list[str]:
    """The warnings about a good file, without its name."""
    file = folder / "config.yaml"
    file.write_text(text)
    return [line.removeprefix(f"{file}:") for line in load(file).warnings]


MODERN = re.sub(r'"127.0.0.1:(\d+)"', r'"modbus://127.0.0.1:\1"', MINIMAL)


def test_old_keys_are_read_with_a_warning_that_shows_the_new_line(tmp_path: Path) -> None:
    text = MODERN.replace("evses:", "connectors:") + "journal: /var/lib/v2g/journal.json\n"
    assert warnings(tmp_path, text) == [
        "2:1: connectors: the old name; write `evses:`",
        "7:1: journal: the old name; write `kept: /var/lib/v2g/journal.json`",
    ]
    assert accepted(tmp_path, text) == accepted(tmp_path, MODERN + "kept: /var/lib/v2g/journal.json\n")
    assert findings(tmp_path, MODERN + "kept: a\njournal: b\n") == [
        "8:1: journal: the old name of kept, which is there too; remove `journal`"
    ]


def test_every_old_key_has_a_successor_and_is_free() -> None:
    for kind, names in OLD_KEYS.items():
        for old, new in names.items():
            fields = {field.name for field in msgspec.structs.fields(kind)}
            assert new in fields
            assert old not in fields


def test_what_belongs_on_a_bench_is_a_warning(tmp_path: Path) -> None:
    text = MODERN + "    bench_ac_bpt: true\n    services: [AC, AC_BPT]\ntls: {key_log: /tmp/keys}\n"
    assert warnings(tmp_path, text) == [
        "7:19: evses[0].bench_ac_bpt: an AC car may feed the grid, and nothing detects islanding; "
        "remove it outside a bench",
        "9:16: tls.key_log: whoever reads this file can read every session; remove it outside a bench",
    ]
    assert warnings(tmp_path, MODERN) == []


GUARDED = "    grid: {address: 'modbus://127.0.0.1:5024'}\n    grid_code: {name: ieee1547-cat3}\n"


def test_a_name_that_nothing_proves_lets_a_car_feed_only_where_it_is_called_so(tmp_path: Path) -> None:
    place = "evses[0].access.negative_current"
    allowed = f"{MODERN}    services: [DC, DC_BPT]\n{GUARDED}    access: "
    assert any(
        f"{place}[0]: 02:00:00:00:00:01 is an EVCCID, not a contract; list it under negative_current_unproved" in found
        for found in findings(tmp_path, allowed + "{discharge: true, negative_current: ['02:00:00:00:00:01']}")
    )
    found = findings(tmp_path, allowed + "{negative_current_unproved: [DE8AAC1B2C3D4E5], unknown: nothing}")
    assert [each.partition(": ")[2] for each in found] == [
        f"{place}_unproved: names cars, while `unknown: nothing` refuses them; let such cars charge "
        "(`unknown: charge`), or remove the names",
        f"{place}_unproved[0]: DE8AAC1B2C3D4E5 is no EVCCID of ISO 15118-2 or DIN; write the EVCCID in hexadecimal "
        "digits, as the trace has it; contracts go into negative_current",
    ]
    said = warnings(tmp_path, allowed + "{discharge: true, negative_current_unproved: [020000000001]}")
    assert [each.partition(": ")[2] for each in said] == [
        f"{place}_unproved[0]: nothing proves 020000000001: whoever states this EVCCID is taken for the car and feeds "
        "the grid; use its contract if it has one"
    ]


def test_two_evses_with_one_coolant_pump_are_a_warning(tmp_path: Path) -> None:
    evses = (
        f"  - {{id: {number}, evse_id: DE*V2G*E{number}, port: 0, services: [AC], access: {{grant: everyone}}, "
        f"contactor: {{address: 'modbus://c:{number}'}}, meter: {{address: 'modbus://m:1'}}, "
        "safety: {address: 'modbus://s:1'}}\n"
        for number in (1, 2)
    )
    (found,) = warnings(tmp_path, "evses:\n" + "".join(evses))
    assert "evses[1].safety: modbus://s:1?unit=1 is also that of evses[0], and both set the speed of the pump" in found


def test_a_listed_name_that_nothing_proves_must_be_marked(tmp_path: Path) -> None:
    access = "access: {grant: listed, evcc_ids: [WMIV1234567890ABCDEX]"
    (found,) = findings(tmp_path, saying(access + "}"))
    assert "nothing proves it" in found
    assert "`unproved: true`" in found
    assert accepted(tmp_path, saying(access + ", unproved: true}")).evses[0].access.unproved
    proved = saying("access: {grant: listed, certificates: [WMIV1234567890ABCDEX]}")
    assert accepted(tmp_path, proved).evses[0].access.certificates == ("WMIV1234567890ABCDEX",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 3000, "1:33: nested more than 32 deep; check brackets and indentation"),
        ("\n".join(f"{' ' * depth}a:" for depth in range(300)), "32:32: nested more than 32 deep; check brackets"),
        ("a: &a [*a]", "1:1: a: unknown key; the keys here are evses, "),
        ("<<: 5", "1:5: <<: is '5'; must be a mapping, or a list of mappings"),
        ("&a\n<<: *a\nb: 1", "3:1: b: unknown key; the keys here are "),
        ("x" * 1_000_001, " larger than 1000 kB; is this the configuration?"),
    ],
)
def test_a_hostile_text_is_refused_in_a_line(tmp_path: Path, text: str, expected: str) -> None:
    assert any(finding.startswith(expected) for finding in findings(tmp_path, text))


def test_many_findings_are_counted_and_not_all_listed(tmp_path: Path) -> None:
    found = findings(tmp_path, MODERN + "".join(f"key{number}: 1\n" for number in range(250)))
    assert len(found) == 51
    assert found[0].startswith("7:1: key0: unknown key")
    assert found[-1] == " and 200 more"


def test_a_file_of_250_000_evses_is_refused_in_time(tmp_path: Path) -> None:
    begun_s = process_time()
    (found,) = findings(tmp_path, "evses: [" + "{}," * 250_000 + "]")
    assert "more than 20000 keys and values" in found
    evse = "&a {dispatch: &d [" + "{power_w: 0, for_s: 1}," * 900 + "{power_w: 0}]}"
    (found,) = findings(tmp_path, f"evses: [{evse}" + ", *a" * 5_000 + "]")
    assert "more than 20000 values with all aliases" in found
    aliases = "b0: &b0 {a: 1}\n" + "".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}]}}\n" for n in range(1, 2000))
    (found,) = findings(tmp_path, aliases + "<<: *b1999\n")
    assert "merged more than 32 deep" in found
    assert process_time() - begun_s < 20


_WORDS = strategies.sampled_from(
    [
        *"[]{}:,&*<-?#\n\t'\"",
        "  ",
        ": ",
        "- ",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "evses",
        "plc",
        "inverter",
        "pilot",
        "5",
        "~",
    ]
)


@given(strategies.lists(_WORDS, max_size=60))
def test_whatever_a_file_says_it_is_accepted_or_refused_with_its_places(words: list[str]) -> None:
    refusal = ""
    try:
        read("".join(words).encode(), "config.yaml", Settings, RULES, Path("/"))
    except ConfigurationError as error:
        refusal = str(error)
    assert all(line.startswith("config.yaml:") for line in refusal.splitlines())


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("pause: !!bool maybe", "9:12: evses[0].pause: is 'maybe'; must be true or false"),
        ("id: 1" + "0" * 400, "9:9: evses[0].id: is '1000"),
        (
            'evse_id: "a\\0b"',
            r"9:14: evses[0].evse_id: is the text 'a\x00b'; must be text of 1 to 255 characters, without",
        ),
        (
            'evse_id: "a\\ud800"',
            r"9:14: evses[0].evse_id: is the text 'a\ud800'; must be text of 1 to 255 characters, wit",
        ),
        ('interface: "e\\n"', r"9:16: evses[0].interface: is the text 'e\n'; must be"),
        ("thermal: {coolant: {none_above_c: 65}}", "9:24: evses[0].thermal.coolant.full_to_c: missing"),
    ],
)
def test_no_value_ends_the_check(tmp_path: Path, text: str, finding: str) -> None:
    assert any(each.startswith(finding) for each in findings(tmp_path, saying(text))), findings(tmp_path, saying(text))


@pytest.mark.parametrize("value", ["{a: 1}", "[1]", "null"])
def test_a_setting_of_a_grid_code_that_is_no_value_is_one_finding(tmp_path: Path, value: str) -> None:
    code = f"{{name: ieee1547-cat3, settings: {{enter_service.delay_s: {value}}}}}"
    text = saying(f'grid: {{address: "modbus://a:1"}}\n    grid_code: {code}')
    (finding,) = [each for each in findings(tmp_path, text) if "the old form" not in each]
    assert "evses[0].grid_code.settings.enter_service.delay_s: is " in finding


@pytest.mark.parametrize("key", ["kept", "trace: {file", "control: {socket", "tls: {certificate"])
def test_a_path_that_no_file_can_have_is_a_finding(tmp_path: Path, key: str) -> None:
    text = f'{MINIMAL}{key}: "a\\0b"' + ("}" if "{" in key else "")
    (finding,) = findings(tmp_path, text)
    assert "must be a path, without control characters" in finding


def test_an_ac_service_that_only_charges_is_a_warning(tmp_path: Path) -> None:
    feeds = "    grid: {address: 'modbus://[::1]:9'}\n    grid_code: {name: ieee1547-cat3}\n"
    bidirectional = MODERN + "    access: {grant: everyone, discharge: true}\n" + feeds
    [found] = warnings(tmp_path, bidirectional + "    services: [AC_BPT, AC]\n")
    assert "AC_BPT only charges" in found
    assert "offer AC_DER_IEC or AC_DER_SAE, or name vehicles under access.certified" in found
    assert warnings(tmp_path, bidirectional + "    services: [AC_DER_IEC, AC]\n") == []
    unwatched = bidirectional.replace("cat3}", "cat3, settings: {islanding.probe_enabled: false}}")
    [found] = warnings(tmp_path, unwatched + "    services: [AC_DER_SAE, AC]\n")
    assert "without the islanding probe AC_DER_SAE only charge" in found
    [found] = warnings(tmp_path, unwatched + "    services: [AC, DC_BPT]\n")
    assert "without the islanding probe DC_BPT only charge" in found


@pytest.mark.parametrize(
    ("beside", "finding"),
    [
        ("services: [AC]\n    phases: 1", "is for an EVSE with `phases: 3`"),
        ("services: [AC]", "needs `pilot`: a car is asked to stop before a phase is switched"),
        ("services: [AC]", "phase_contactor.address: is that of `contactor` too"),
    ],
)
def test_a_contactor_of_l2_and_l3_has_what_it_needs(tmp_path: Path, beside: str, finding: str) -> None:
    address = "5021" if "too" in finding else "5029"
    text = saying(f'{beside}\n    phase_contactor: {{address: "127.0.0.1:{address}"}}')
    assert any(finding in each for each in findings(tmp_path, text))
