"""Source and wheel in dist/, the same octets from the same commit: `make dist`. SHA256SUMS has their sums.

Times are those of the commit (or SOURCE_DATE_EPOCH), modes 0644 and 0755, owners 0, names sorted. The wheel is made
from the source that is delivered. setuptools does all that for a wheel, and nothing of it for a source.
"""

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
EARLIEST_S = 315_532_800
"""1980: the first time that a zip file knows."""


def epoch(source: Path) -> int:
    """SOURCE_DATE_EPOCH, or the commit's time; 1980 without either."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or EARLIEST_S)


def build(source: Path, target: Path) -> list[Path]:
    """Build both; returns their paths. Raises `CalledProcessError`."""
    at_s = epoch(source)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as work:
        raw = _run(source, Path(work) / "sdist", "sdist", at_s)
        sdist = target / raw.name
        sdist.write_bytes(normal(raw.read_bytes(), at_s))
        with tarfile.open(sdist) as archive:
            archive.extractall(Path(work) / "source", filter="tar")
        (unpacked,) = (Path(work) / "source").iterdir()
        made = _run(unpacked, Path(work) / "wheel", "wheel", at_s)
        wheel = target / made.name
        wheel.write_bytes(made.read_bytes())
    return [sdist, wheel]


def _run(source: Path, out: Path, kind: str, at_s: int) -> Path:
    command = [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(out), str(source)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(at_s), "PYTHONHASHSEED": "0"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, umask=0o022)
    (made,) = out.iterdir()
    return made


def normal(archive: bytes, at_s: int) -> bytes:
    """A tar.gz with the same files, and nothing in it of the machine that made it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for each in sorted(old.getmembers(), key=lambda member: member.name):
            each.mtime, each.uid, each.gid, each.uname, each.gname, each.pax_headers = at_s, 0, 0, "", "", {}
            each.mode = 0o755 if each.isdir() or each.mode & 0o100 else 0o644
            new.addfile(each, old.extractfile(each) if each.isfile() else None)
    return gzip.compress(packed.getvalue(), 9, mtime=at_s)


def main() -> int:
    """Prints the paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="default: dist/")
    target = parser.parse_args().out
    made = build(ROOT, target)
    sums = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in made)
    (target / "SHA256SUMS").write_text(sums)
    print("\n".join(str(each) for each in [*made, target / "SHA256SUMS"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
