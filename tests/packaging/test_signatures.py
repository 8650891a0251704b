"""The signatures of a release, by the commands of docs/security.md: what is changed afterwards is refused."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.docs.pages import REPOSITORY, blocks

pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="needs gpg (as root: apt-get install gnupg)")
CONTROL = "Package: v2g\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: a trial\n"
SOURCES = "deb [signed-by={key} arch=amd64] file:{dist} ./\n"


def commands(word: str) -> list[str]:
    """Those of the page's blocks in which the word stands."""
    page = REPOSITORY / "docs" / "security.md"
    found = [text for _, text in blocks(page, "console") if word in text]
    assert len(found) == 1
    return [line.removeprefix("$ ") for line in found[0].splitlines()]


def run(line: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def release(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory with `dist`, and the environment of a publisher with a key."""
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    make = "gpg --batch --quiet --passphrase '' --quick-gen-key 'A publisher <p@example.org>' ed25519 sign 1d"
    assert run(make, tmp_path, environment).returncode == 0
    dist = tmp_path / "dist"
    dist.mkdir()
    for name in ("v2g-1.2-py3-none-any.whl", "v2g-1.2.tar.gz", "v2g-1.2.cdx.json"):
        (dist / name).write_text(name)
    (tmp_path / "package" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "package" / "DEBIAN" / "control").write_text(CONTROL)
    built = run("dpkg-deb --root-owner-group --build package dist/v2g_1.2-3_all.deb", tmp_path, environment)
    assert built.returncode == 0, built.stderr
    yield tmp_path, environment
    run("gpgconf --kill all", tmp_path, environment)


def test_what_is_changed_after_it_was_signed_is_refused(release: tuple[Path, dict[str, str]]) -> None:
    folder, environment = release
    sums, sign, verify = commands("SHA256SUMS.asc")
    for line in (sums, sign, verify):
        done = run(line, folder, environment)
        assert done.returncode == 0, done.stderr
    wheel = folder / "dist" / "v2g-1.2-py3-none-any.whl"
    wheel.write_text("another")
    assert "FAILED" in run(verify, folder, environment).stdout
    assert run(sums, folder, environment).returncode == 0
    assert run(verify, folder, environment).returncode != 0  # good sums that nobody has signed


@pytest.mark.skipif(shutil.which("apt-ftparchive") is None, reason="needs apt-ftparchive (Debian package apt-utils)")
def test_apt_takes_from_an_archive_only_what_is_signed(release: tuple[Path, dict[str, str]]) -> None:
    folder, environment = release
    for line in commands("apt-ftparchive"):
        done = run(line, folder, environment)
        assert done.returncode == 0, done.stderr
    state = folder / "apt"
    for name in (
        "state/lists/partial",
        "cache/archives/partial",
        "etc/sources.list.d",
        "etc/preferences.d",
        "etc/trusted",
    ):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    (state / "etc" / "sources.list").write_text(SOURCES.format(key=folder / "v2g.gpg", dist=folder / "dist"))
    options = {
        "Dir::State": state / "state", "Dir::State::status": state / "status", "Dir::Cache": state / "cache",
        "Dir::Etc": state / "etc", "APT::Architecture": "amd64", "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root", "Debug::NoLocking": "1",
    }  # fmt: skip
    apt = f"apt-get {' '.join(f'-o {name}={value}' for name, value in options.items())}"
    updated = run(f"{apt} update", folder, environment)
    assert updated.returncode == 0, updated.stderr
    taken = run(f"{apt} download v2g", folder, environment)
    assert taken.returncode == 0, taken.stderr
    assert (folder / "v2g_1.2-3_all.deb").exists()

    (folder / "v2g_1.2-3_all.deb").unlink()
    package = folder / "dist" / "v2g_1.2-3_all.deb"
    whole = package.read_bytes()
    package.write_bytes(whole[:-1] + b"!")
    refused = run(f"{apt} download v2g", folder, environment)
    assert refused.returncode != 0
    assert re.search("Hash Sum mismatch", refused.stderr)
    package.write_bytes(whole)
    signed = folder / "dist" / "InRelease"
    signed.write_text(signed.read_text().replace("Date:", "Date: "))
    changed = run(f"{apt} update", folder, environment)
    assert "BADSIG" in changed.stderr  # apt goes on with what it has
    shutil.rmtree(state / "state" / "lists")
    (state / "state" / "lists" / "partial").mkdir(parents=True)
    assert run(f"{apt} update", folder, environment).returncode != 0
