"""The commands of the pages that readers follow, as they stand there, for fresh roots (`make proof ARGS=roots`).

A script has every command of a page in its order: blocks of `sh` as a whole, and the lines of a `console` after `$`.
What the page supposes to be there (a terminal more, a modem, a car) is in the path's `instead`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
_BLOCK = re.compile(r"^ *```(sh|console|yaml)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ENDS = "kill $(jobs -p) 2>/dev/null || true; wait || true"
_PROCESS = re.compile(r"v2g (sim|daemon) ")
INSTALL = "python3 -m venv ~/v2g && ~/v2g/bin/pip install --quiet '.[station]' && PATH=~/v2g/bin:$PATH && cd ~"
CAR = "v2g ev --host ::1 --port 15118 --battery 127.0.0.1:5021 --duration 600 >/tmp/car.log 2>&1 &"
SESSION = f"""\
session() {{ # of a car that tries again: hardware beside much else may be late
    {CAR} car=$!
    until v2g status --json | grep -q '"stage": "ENERGY"'; do
        kill -0 $car 2>/dev/null || {{ tail -n 3 /tmp/car.log; {CAR} car=$!; }}
        sleep 0.2
    done
}}
up() {{ until v2g status >/dev/null 2>&1; do sleep 0.2; done; }}
"""


@dataclass(frozen=True, slots=True)
class Walk:
    """A reader's way through a page."""

    page: str
    shows: str
    user: str = "root"
    """As `tools/fresh_root.sh` has it."""
    before: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Beginning of a command -> what is typed in its place; empty: it cannot be typed here."""
    after: str = ""


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of one kind on a page."""
    return [text for found, text in _BLOCK.findall((DOCS / f"{page}.md").read_text()) if found == kind]


def commands(page: str) -> Iterator[str]:
    """What the page says to type, in its order."""
    for kind, text in _BLOCK.findall((DOCS / f"{page}.md").read_text()):
        if kind == "sh":
            yield text.rstrip("\n")
        elif kind == "console":
            lines = text.replace("\\\n", "").splitlines()
            yield from (line.strip().removeprefix("$ ") for line in lines if line.lstrip().startswith("$ "))


def typed(command: str, instead: Mapping[str, str]) -> str:
    """The command, or what stands for it. A process that goes on gets a terminal of its own, so to speak."""
    for beginning, other in instead.items():
        if command.startswith(beginning):
            return other
    if "\n" in command or not _PROCESS.match(command):
        return command
    if (listens := re.search(r"--listen [\d.]+:(\d+)", command)) is None:
        return f"{command} &\nuntil v2g status --socket control.sock >/dev/null 2>&1; do sleep 0.2; done"
    return f"{command} &\nuntil (: </dev/tcp/127.0.0.1/{listens[1]}) 2>/dev/null; do sleep 0.1; done"


def script(walk: Walk) -> str:
    """All of it, for bash; it ends with the first command that fails."""
    lines = [typed(command, walk.instead) for command in commands(walk.page)]
    ends = f"{_ENDS}; echo 'walked: {walk.page}.md, {sum(map(bool, lines))} steps'"
    begins = "set -euxo pipefail; export DEBIAN_FRONTEND=noninteractive"
    return "\n".join([begins, walk.before, *lines, walk.after, ends])


def _written(file: str, text: str) -> str:
    return f"cat >{file} <<'END'\n{text}END"


_SYSTEMD = {"systemctl": ""}
_SET_UP = Walk(
    "set-up",
    "set up a station, first session",
    instead={**_SYSTEMD, "v2g harden apply": ""},  # the root has the machine's own network
)
_FOR_YEARS = script(
    Walk(
        "set-up",
        "",
        instead={
            **_SET_UP.instead,
            # In the place of systemd, which starts the daemon again.
            "install -d -o v2g -g v2g -m 0750 /run/v2g": "install -d -o v2g -g v2g -m 0750 /run/v2g /var/log/v2g "
            "/var/lib/v2g\nwhile sleep 0.2; do runuser -u v2g -- v2g_daemon || true; done &\n"
            "until v2g status >/dev/null 2>&1; do sleep 0.2; done",
        },
    )
).partition(_ENDS)[0]
_BENCH = _written("bench.yaml", blocks("integrator", "yaml")[0])
WALKS = {
    "newcomer": Walk("quick-start", "the demonstration, questions, a session by hand", "user",
        instead={
            "v2g config example | less": "v2g config example | cat",
            "v2g pki init pki": f"mkdir bench && cd bench\n{_BENCH}\nv2g pki init pki",
        },
    ),
    "set-up": _SET_UP,
    "operator": Walk("operator", "status, doctor, commands, trace, faults, restart, hardening",
        before=f"{_FOR_YEARS}\n{SESSION}\nsession",
        instead={
            "v2g stop": "v2g stop; wait $car || true; session",
            "v2g doctor": "v2g doctor || [ $? = 1 ]",  # a container has faults
            "v2g plc status": "",  # no modem
            "v2g pilot --modbus": "v2g sim pilot --listen 127.0.0.1:33153 >/dev/null &\n"
            "until v2g pilot --modbus 127.0.0.1:33153; do sleep 0.5; done",
            "grep -i error": "grep -i error /var/log/v2g/session_trace.log || [ $? = 1 ]",
            "v2g restart --force": "v2g restart --force; sleep 2; up",
            "v2g restart": "if v2g restart; then exit 1; fi",
            # It is written once the hardware has been seen safe, which may be after the daemon answers.
            'grep "the last process"': "session; pkill -KILL -u v2g -f v2g_daemon; sleep 1; up\ntimeout 30 bash -c "
            "\"until grep 'the last process ended in ENERGY' /var/log/v2g/session_trace.log; do sleep 0.2; done\" || "
            "{ tail -n 30 /var/log/v2g/session_trace.log; exit 1; }",
            "v2g harden apply": "",  # the root has the machine's own network
            "v2g harden audit": "v2g harden audit || [ $? = 1 ]",
        },
    ),
    "power-engineer": Walk("power-engineer", "a setting changed, tested, handed over", "user", INSTALL,
        instead={
            "v2g config check --offline": "sed -i 's/{name: ieee1547-cat3}/"
            "{name: ieee1547-cat3, settings: {trip.uv1.delay_s: 25}}/' config.yaml\n"
            "v2g config check --offline --no-tls config.yaml\n"
            "v2g grid codes --config config.yaml | grep '^\\*' | grep trip.uv1.delay_s",
        },
        after="grep -q ^NP_ settings.csv; if grep -E '(src|href)=.?https?:' report.html; then exit 1; fi",
    ),
    "integrator": Walk("integrator", "install, certificates, configuration, a session, an inverter's map, cases",
        before="apt-get -qq update && apt-get -qq -y --no-install-recommends install python3-venv openssl >/dev/null",
        instead={
            "/opt/v2g/bin/v2g --version": "/opt/v2g/bin/v2g --version; PATH=/opt/v2g/bin:$PATH",
            "openssl verify -CAfile v2g_root.pem -untrusted": "cd /etc/ssl/v2g\n"
            "openssl verify -CAfile v2g_root.pem -untrusted cpo_chain.pem secc_cert.pem",
            "openssl s_client": "cd /src",  # nothing listens yet
            "v2g config check bad.yaml": "printf 'evses:\\n  - services: [DC_BTP]\\n' >bad.yaml\n"
            "v2g config check bad.yaml && exit 1 || [ $? = 2 ]",
            "v2g pki init pki": f"mkdir /tmp/bench && cd /tmp/bench\n{_BENCH}\nv2g pki init pki",
            "v2g ev --interface": f"{_ENDS}; cd /src",  # no second end of a cable
            "v2g config check own.yaml": "cp src/v2g/power/registers/inverter.yaml my_inverter.yaml\n"
            "sed 's/\"off\"/off/' my_inverter.yaml >their_inverter.yaml\n"
            "sed '/port: 15118/d; s/^tls:.*//; s#inverter: {#inverter: {registers: their_inverter.yaml, #' "
            "/tmp/bench/bench.yaml >own.yaml\n"
            "v2g config check --no-tls own.yaml && exit 1 || [ $? = 2 ]\n"
            "sed -i s/their_/my_/ own.yaml && v2g config check --no-tls own.yaml\n"
            "v2g sim contactor --listen 127.0.0.1:5022 >/dev/null &",
            "v2g conformance iso15118-20 --at": "",  # no other station
            "v2g conformance din --interface": "",
        },
    ),
    "contributor": Walk("contributing", "tests, checks, drawings, a proof", "user",
        before="git init -q && git add -A && git -c user.name=me -c user.email=me@example.org commit -qm as-cloned",
        instead={
            "make bench": "",  # measures for itself
            "make proof": "make proof ARGS=grid/rule21",
            ".venv/bin/python -m tests.interop.record": "",  # replaces recordings
        },
        after="git diff --exit-code -- . ':!proof' ':!docs/proof.md'",
    ),
}  # fmt: skip
"""The readers that the pages have, each in a root of its own."""
