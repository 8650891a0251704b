"""The long forms of what the tests show, for a release: `make proof`, or `make proof ARGS='mishaps roots'`.

Each proof is a command whose exit code is its verdict, and whose last lines say what it found. The results are kept in
proof/results.json, each with the commit and the day of its run, and drawn into docs/proof.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.walk import WALKS, script

ROOT = Path(__file__).parent.parent
RESULTS, PAGE, LOGS = ROOT / "proof" / "results.json", ROOT / "docs" / "proof.md", ROOT / ".cache" / "proof"
V2G = str(Path(sys.executable).parent / "v2g")
SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
USERS = {
    "root": "root",
    "root-confined": "root without the right to make network namespaces",
    "user": "an ordinary user",
}
KILLS, DEPOT_KILLS = "tests/run/test_kill_campaign.py", "tests/csms/test_kill_campaign.py"
HOUR = "tests/cli/test_hour_of_sessions.py"
FLEET = "tests/fleet/test_fault_campaign.py"
WATCHING = "tests/run/test_prometheus.py"
SOAK = "tests/station/back_end/test_day_of_sessions.py"
CODES = (
    "ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3", "rule21", "en50549-1", "vde-4105", "g99", "cei-0-21",
    "as-nzs-4777-2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proof:
    """A command, and what it shows."""

    name: str
    """Its group, a slash and what distinguishes it: `roots/trixie/user/demo`."""
    shows: str
    command: tuple[str, ...]
    lines: int = 1
    """How many of its last lines are the finding."""

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]


def proofs() -> Iterator[Proof]:
    """All of them, in the order in which they run."""
    yield Proof(
        "tests", "the tests in their long form: kills, soaks, campaigns",
        (sys.executable, "-m", "pytest", "-m", "proof", "--timeout", "3600", f"--ignore={KILLS}",
         f"--ignore={DEPOT_KILLS}", f"--ignore={SOAK}",
         f"--ignore={HOUR}", f"--ignore={WATCHING}", f"--ignore={FLEET}"),
    )  # fmt: skip
    yield Proof(
        "fleet",
        "a fleet's servers killed, frozen, with a store cut short, a link cut for 10 min, a full disk: no entry lost "
        "or doubled, set-points again within 5 s of the link",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "--timeout", "3600", FLEET), 8,
    )  # fmt: skip
    yield Proof(
        "kills", "200 kills of station, back end and broker, over each carrier: the ledger adds up to the meter",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "--timeout", "3600", KILLS), 8,
    )  # fmt: skip
    yield Proof(
        "depot-kills",
        "200 kills of a depot's controllers, broker, database, CSMS and stations, and a controller that stands still: "
        "every ledger equals its meter",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "--timeout", "3600", DEPOT_KILLS), 5,
    )  # fmt: skip
    yield Proof(
        "mishaps", "10 000 random sessions with injected faults, seeds that `make test` does not use",
        (V2G, "mishaps", "--runs", "10000", "--seed", "1000000"),
    )  # fmt: skip
    yield Proof(
        "ocpp", "blocks Q and R of OCPP 2.1 by requirement, OCTT's station cases by name",
        (V2G, "conformance", "ocpp"),
    )  # fmt: skip
    for code in CODES:
        yield Proof(f"grid/{code}", f"every case of the type test of {code}", (V2G, "grid", "test", "--code", code))
    yield Proof(
        "mutants", "edits of the grid functions and their settings: the type test notices them",
        (sys.executable, str(ROOT / "tools" / "mutants.py")),
    )  # fmt: skip
    yield Proof(
        "stability", "islands found in time with late set-points, no false trip and no limit cycle on weak grids",
        (sys.executable, "-m", "benchmarks.grid_stability"), 16,
    )  # fmt: skip
    yield Proof(
        "soak", "24 h of sessions back to back, hostile cars, back end lost every 10 min: no growth, nothing lost",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "--timeout", "7200",
         SOAK), 2,
    )  # fmt: skip
    yield Proof(
        "hour", "an hour of real sessions, hostile cars, back end lost every 10 min: no growth, nothing lost",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "--timeout", "7200", HOUR), 2,
    )  # fmt: skip
    yield Proof(
        "watching", "Prometheus reads a station, takes the rules and answers the dashboard's queries; each alert fires",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof or not proof", WATCHING,
         "tests/docs/test_watching.py"),
        2,
    )  # fmt: skip
    yield Proof(
        "small", "four EVSEs, back end, metrics and recording of one daemon in a control group of 256 MiB",
        (sys.executable, "-m", "pytest", "-q", "-s", "-m", "proof", "tests/run/test_small_machine.py"), 2,
    )  # fmt: skip
    yield Proof(
        "scheduling", "the charge loop of four EVSEs while a core burns, with SCHED_FIFO and without: p99 <= 10 ms",
        (sys.executable, "-m", "benchmarks.scheduling"), 9,
    )  # fmt: skip
    yield Proof(
        "captures", "captures with 1 %, 5 % and 20 % of their packets dropped: messages still read, no false finding",
        (sys.executable, "-m", "benchmarks", "lossy_captures"), 4,
    )  # fmt: skip
    yield Proof(
        "sessions", "sessions over a line with 5 % loss and 50 ms delay",
        (sys.executable, "-m", "benchmarks", "lossy_sessions"), 4,
    )  # fmt: skip
    yield Proof(
        "supply", "the same commit makes the same source and wheel, at another place and with another mask",
        (sys.executable, "-m", "pytest", "-q", "-m", "proof", "--timeout", "3600",
         "tests/packaging/test_supply_chain.py"),
    )  # fmt: skip
    loads = r"""grep -rlE '<(script|link|img|iframe)[^>]*(src|href)="?https?:' build/site --include=*.html"""
    yield Proof(
        "site", "the documentation is built without a warning, and loads nothing from elsewhere",
        ("bash", "-c", f"make docs && ! {loads} && echo 'no page loads anything from elsewhere'"),
    )  # fmt: skip
    yield from _packages()
    for suite, debian in SUITES.items():
        for user, who in USERS.items():
            yield _in_root(suite, user, "demo", f"`make demo` in a fresh {debian} as {who}", "make demo", 14)
        for name, walk in WALKS.items():
            shows = f"the page [{walk.page}]({walk.page}.md) in a fresh {debian}: {walk.shows}"
            yield _in_root(suite, walk.user, name, shows, script(walk), 1)
    for suite, debian in SUITES.items():
        yield _in_root(suite, "root", "test", f"`make test` in a fresh {debian} as root", "make test", 12)
        yield _in_root(suite, "user", "test", f"`make test` in a fresh {debian} as an ordinary user", "make test", 12)


def _packages() -> Iterator[Proof]:
    """The Debian package, made twice: an upgrade needs two revisions."""
    make = "make --no-print-directory deb ARGS='--revision 1 2'"
    lint = "lintian --fail-on error,warning --tag-display-limit 0 dist/v2g_*-1_amd64.deb dist/v2g-*_*-1_amd64.deb"
    yield Proof("package/build", "the packages are made", ("bash", "-c", make), 6)
    yield Proof(
        "package/lintian", "lintian finds nothing but what is overridden, by name",
        ("bash", "-c", f"{lint} && echo 'nothing found'"),
    )  # fmt: skip
    yield Proof(
        "package/arm64", "the arm64 package installed in an arm64 Debian 12 under qemu-user: version, decode, sessions",
        ("bash", "-c", "make deb ARGS='--arch arm64 --only v2g' && tools/prove_arm64.sh"), 2,
    )  # fmt: skip
    for suite, debian in SUITES.items():
        command = (str(ROOT / "tools" / "fresh_root.sh"), suite, "root", "tools/prove_package.sh")
        yield Proof(
            f"package/{suite}", f"the packages installed, upgraded in a session, removed, purged in a fresh {debian}",
            ("env", "WITH_DIST=1", *command),
        )  # fmt: skip


def _in_root(suite: str, user: str, name: str, shows: str, command: str, lines: int) -> Proof:
    script = str(ROOT / "tools" / "fresh_root.sh")
    return Proof(f"roots/{suite}/{user}/{name}", shows, (script, suite, user, command), lines)


def run(proof: Proof) -> dict[str, Any]:
    """Its result. All that it prints is kept beside the environment."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{proof.name.replace('/', '-')}.log"
    begun_s, commit = time.monotonic(), _commit()  # another may be made before a long run ends
    with log.open("w") as file:
        code = subprocess.run(proof.command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    printed = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return {
        "shows": proof.shows,
        "passed": code == 0,
        "seconds": round(time.monotonic() - begun_s),
        "found": printed[-proof.lines :],
        "commit": commit,
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def page(results: Mapping[str, Mapping[str, Any]], machine: str) -> str:
    """docs/proof.md."""
    rows = [
        f"| `{name}` | {each['shows']} | {'passed' if each['passed'] else '**FAILED**'} | {each['seconds']} s "
        f"| {each['commit']}, {each['day']} |"
        for name, each in results.items()
    ]
    found = [
        "\n".join([f"## {name}", "", "```text", *each["found"], "```", ""])
        for name, each in results.items()
        if each["found"]
    ]
    head = f"""\
# Proof

The long forms of what the tests show: `make proof` runs them before a release and draws this page
(`tools/prove.py`). Machine of the last run: {machine}.

| proof | what it shows | result | time | commit, day |
|---|---|---|---|---|
"""
    return head + "\n".join(rows) + "\n\nThe last lines that each of them printed:\n\n" + "\n".join(found)


def _commit() -> str:
    """The commit, and whether anything but the results of this run differs from it."""
    changed = _git("status", "--porcelain", "--", ".", *(f":!{each.relative_to(ROOT)}" for each in (RESULTS, PAGE)))
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def main() -> int:
    """Returns 1 if a proof failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="groups or beginnings of names; all if left out")
    parser.add_argument("--list", action="store_true", help="name the proofs and run none")
    args = parser.parse_args()
    chosen = [each for each in proofs() if not args.names or any(each.name.startswith(name) for name in args.names)]
    if args.list:
        print("\n".join(f"{each.name:32} {each.shows}" for each in chosen))
        return 0
    failed = 0
    for proof in chosen:
        print(f"{proof.name}: {proof.shows} ...", flush=True)
        result = run(proof)
        failed += not result["passed"]
        print(
            f"  {'passed' if result['passed'] else 'FAILED'} in {result['seconds']} s: {result['found'][-1:]}",
            flush=True,
        )
        kept = (
            json.loads(RESULTS.read_text()) if RESULTS.exists() else {"results": {}}
        )  # another may have run meanwhile
        kept["machine"] = f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}"
        kept["results"][proof.name] = result
        order = [each.name for each in proofs()]
        kept["results"] = {name: kept["results"][name] for name in order if name in kept["results"]}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
        PAGE.write_text(page(kept["results"], kept["machine"]))
    print(f"{len(chosen)} proofs, {failed or 'none'} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
