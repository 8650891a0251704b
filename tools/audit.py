"""Known vulnerabilities of the packages that v2g is delivered with: a part of `make check`.

Asks the database OSV by pip-audit, at most once a day for the same versions. Without a network, or if the database does
not answer, this says so and succeeds: the check of a change does not depend on who can be reached. A known
vulnerability fails it, unless it is accepted below with a reason.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.make_sbom import versions

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".cache" / "audit.json"
DATABASE = "https://api.osv.dev/v1/query"
ACCEPTED: Mapping[str, str] = {}
"""Id of a vulnerability -> why it does not concern a station."""
DAY_S, HOUR_S = 86_400.0, 3_600.0
LONGEST_S = 60.0


def audit(packages: Mapping[str, str], database: str, longest_s: float = LONGEST_S) -> list[str] | None:
    """A line for each known vulnerability; None if nobody answered."""
    with TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", str(listed), "--no-deps", "--disable-pip",
            "--format", "json", "--progress-spinner", "off", "--timeout", "5", "--cache-dir", folder,
            "--vulnerability-service", "osv", "--osv-url", database,
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=longest_s)
            found = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None
    return [_line(package, each) for package in found for each in package.get("vulns", ()) if not _accepted(each)]


def _accepted(found: Mapping[str, Any]) -> bool:
    return not {found["id"], *found.get("aliases", ())}.isdisjoint(ACCEPTED)


def _line(package: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    releases = found.get("fix_versions")
    remedy = f"install {' or '.join(releases)}" if releases else "no release is without it"
    return f"{package['name']} {package['version']}: {found['id']}: {remedy}"


def main() -> int:
    """Returns 1 if a vulnerability is known."""
    packages, now_s = versions(), time.time()
    database = os.environ.get("V2G_AUDIT_DATABASE", DATABASE)
    key = hashlib.sha256(json.dumps([packages, database, sorted(ACCEPTED)]).encode()).hexdigest()
    try:
        kept = json.loads(KEPT.read_text())
        holds_s = HOUR_S if kept["found"] is None else DAY_S
        known = kept["key"] == key and 0 <= now_s - kept["at_s"] < holds_s
    except (OSError, ValueError, KeyError):
        known = False
    found = kept["found"] if known else audit(packages, database)
    if not known:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps({"key": key, "at_s": now_s, "found": found}))
        if found is None:
            print(f"audit: {database} does not answer; {len(packages)} packages are not looked up")
    for line in found or ():
        print(f"audit: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
