import grp
import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from v2g.cli import main
from v2g.pki.explain import explain
from v2g.pki.hierarchy import BUNDLES, EMAID, EVCCID, HIERARCHY, PkiError, create

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)


def load(directory: Path, stem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / f"{stem}.pem").read_bytes())


def run(*arguments: str | Path) -> int:
    return main(["pki", *map(str, arguments)])


@pytest.fixture
def copy(p521: "Hierarchy", tmp_path: Path) -> Path:
    return Path(shutil.copytree(p521.directory, tmp_path / "copy"))


def test_every_key_is_private_and_nothing_else_is_written(p521: "Hierarchy") -> None:
    assert stat.S_IMODE(p521.directory.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in p521.directory.iterdir()}
    keys = {node.key_file for node in HIERARCHY}
    assert files == dict.fromkeys(keys, 0o600) | dict.fromkeys(
        {n.certificate_file for n in HIERARCHY} | {*BUNDLES}, 0o644
    )


def test_extensions_follow_the_profile(p521: "Hierarchy") -> None:
    for node in HIERARCHY:
        certificate = load(p521.directory, node.stem)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert constraints.critical
        assert usage.critical
        assert constraints.value.path_length == node.path_length
        assert constraints.value.ca == usage.value.key_cert_sign == (node.path_length is not None)
        assert usage.value.digital_signature != usage.value.key_cert_sign
        assert certificate.version is x509.Version.v3


def test_leaves_say_who_they_are(p521: "Hierarchy") -> None:
    vehicle, station = load(p521.directory, "vehicle_cert"), load(p521.directory, "secc_cert")
    assert vehicle.subject.rfc4514_string() == f"DC=EV,O=v2g test,CN={EVCCID}"
    assert station.subject.rfc4514_string() == "DC=CPO,O=v2g test,CN=SECC-1"
    assert f"CN={EMAID}" in load(p521.directory, "contract_cert").subject.rfc4514_string()
    for certificate, usage in [(vehicle, ExtendedKeyUsageOID.CLIENT_AUTH), (station, ExtendedKeyUsageOID.SERVER_AUTH)]:
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        assert extended.critical
        assert list(extended.value) == [usage]


def test_evccid_check_digit() -> None:
    """ISO 15118-20 Annex C: decimal digits of each letter, weighted with powers of two, modulo eleven."""
    digits = "".join(str(int(character, 36)) for character in EVCCID[:-1])
    assert not set(EVCCID) & set("IOQ")
    assert sum(int(digit) << (place % 28) for place, digit in enumerate(digits)) % 11 == int(EVCCID[-1])


def test_earlier_hierarchy_is_replaced_only_by_force(copy: Path) -> None:
    before = load(copy, "v2g_root")
    with pytest.raises(PkiError, match="holds a certificate hierarchy already; --force replaces it"):
        create(copy, now=NOW)
    assert load(copy, "v2g_root") == before
    create(copy, now=NOW, force=True)
    assert load(copy, "v2g_root") != before
    assert all(not found.problems for found in explain(copy, NOW))


def test_directory_in_use_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(PkiError, match="is in use and holds no certificate hierarchy"):
        create(tmp_path, now=NOW, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    assert tmp_path.stat().st_mode == mode


def test_explanation_of_a_sound_hierarchy(p521: "Hierarchy") -> None:
    found = {explanation.files[0]: explanation for explanation in explain(p521.directory, NOW)}
    assert list(found) == [node.certificate_file for node in HIERARCHY]
    assert [problem for explanation in found.values() for problem in explanation.problems] == []
    assert found["secc_cert.pem"].chain == ["CPO Sub-CA 2", "CPO Sub-CA 1", "V2G Root CA"]
    assert found["secc_cert.pem"].key_file == "secc_key.pem"
    assert found["secc_cert.pem"].key_type == "secp521r1"
    assert found["secc_cert.pem"].days_left == 89
    assert found["mo_sub_ca2.pem"].files == ["mo_sub_ca2.pem", "mo_chain.pem", "v2g_root.pem"]


def problems(directory: Path, now: datetime = NOW) -> dict[str, list[str]]:
    return {found.files[0]: found.problems for found in explain(directory, now) if found.problems}


def test_expiry_is_flagged_in_time(copy: Path) -> None:
    assert problems(copy, NOW + timedelta(days=65)) == {"secc_cert.pem": ["expires in 24 days"]}
    late = problems(copy, NOW + timedelta(days=91))
    assert list(late) == ["secc_cert.pem"]
    assert late["secc_cert.pem"][0].startswith("expired on ")


def test_expired_authority_is_named_as_the_culprit(copy: Path) -> None:
    late = problems(copy, NOW + timedelta(days=735))
    assert late["secc_cert.pem"][1].startswith("no valid chain: CN=CPO Sub-CA 2, O=v2g test, DC=V2G expired on ")


def test_loose_key_is_flagged(copy: Path) -> None:
    (copy / "secc_key.pem").chmod(0o644)
    assert problems(copy) == {"secc_cert.pem": ["secc_key.pem has mode 0644; chmod 600 it, or 640 for a group"]}


def test_wrong_key_is_flagged(copy: Path) -> None:
    shutil.copy(copy / "vehicle_key.pem", copy / "secc_key.pem")
    assert problems(copy)["secc_cert.pem"] == ["secc_key.pem is not the key of this certificate, or is encrypted"]


def test_missing_root_is_flagged(copy: Path) -> None:
    (copy / "oem_root.pem").unlink()
    found = problems(copy)
    assert sorted(found) == ["oem_prov_cert.pem", "oem_sub_ca1.pem", "oem_sub_ca2.pem", "vehicle_cert.pem"]
    assert found["vehicle_cert.pem"] == ["no valid chain: CN=OEM Root CA, O=v2g test, DC=OEM is not here"]


def test_certificates_of_other_makers_are_explained_as_well(p521: "Hierarchy", tmp_path: Path) -> None:
    for theirs, ours in [("root", "oem_root"), ("leaf", "vehicle_cert"), ("subs", "oem_chain")]:
        shutil.copy(p521.directory / f"{ours}.pem", tmp_path / f"{theirs}.pem")
    found = {explanation.files[0]: explanation.purpose for explanation in explain(tmp_path, NOW)}
    assert found["root.pem"] == "Root authority."
    assert found["leaf.pem"] == "Leaf: identifies one party."
    assert found["subs.pem"] == "Intermediate authority."


def test_command_makes_and_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "etc" / "ssl" / "v2g"
    assert run("init", directory, "--curve", "p256") == 0
    assert "PRIVATE" not in capsys.readouterr().out
    assert run("show", directory) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "secc_cert.pem\n  The station proves itself with it in TLS" in text
    assert "secp256r1, secc_key.pem (0600)" in text
    assert run("show", directory, "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["subject"] == "CN=V2G Root CA, O=v2g test, DC=V2G"
    (directory / "secc_key.pem").chmod(0o660)
    assert run("show", directory) == 1
    assert "PROBLEM  secc_key.pem has mode 0660" in capsys.readouterr().out


@pytest.mark.parametrize("make", [None, "empty", "broken"])
def test_useless_directory_is_exit_code_2(make: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "pki"
    if make:
        directory.mkdir()
    if make == "broken":
        (directory / "x.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert run("show", directory) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"v2g: error: {directory}")


def test_a_group_may_read_what_a_station_needs(tmp_path: Path) -> None:
    own = grp.getgrgid(os.getgid()).gr_name
    assert run("init", tmp_path / "pki", "--curve", "p256", "--group", own) == 0
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "pki").iterdir()}
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o750
    assert {name for name, mode in modes.items() if mode == 0o640} == {"secc_key.pem", "vehicle_key.pem"}
    assert {mode for name, mode in modes.items() if name.endswith("_key.pem")} == {0o600, 0o640}
    assert run("show", tmp_path / "pki") == 0


def test_an_unknown_group_is_an_error_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", tmp_path / "pki", "--group", "no-such-group") == 2
    assert "make it with groupadd --system no-such-group" in capsys.readouterr().err
    assert not (tmp_path / "pki").exists()


def test_init_twice_is_exit_code_2(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", copy) == 2
    assert "--force" in capsys.readouterr().err
