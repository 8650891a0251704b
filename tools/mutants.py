"""Edits the product in a copy of the tree, and says which edits the type test catches: `make mutants`.

The edits are those listed in tools/mutants.toml (thresholds, timers, signs, resets, priorities, data), and others that
are drawn at random from the syntax of the grid's files and from the figures of the settings files: `--seed` draws
others. An edit is caught if a case fails. The case that caught it the last time comes first, then those that touch the
edited part, and the first one that fails ends the run; a survivor has passed all cases that touch it, and all others of
two codes. Exits with 1 if fewer than 95 % of those that are not equivalent are caught, or if a survivor has no
explanation.

Results are kept in .cache/mutants.jsonl, and hold as long as the station and its type test are unchanged: with
`--minutes` the run stops after some time (exit code 3), and the next one goes on.
"""

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIST = ROOT / "tools" / "mutants.toml"
PACKAGE = Path("src") / "v2g"
KEPT = ROOT / ".cache" / "mutants.jsonl"
UNFINISHED = 3
ENOUGH = 0.95
PATIENCE_S = 20.0
"""Of processor time for an edit, if it must be quick: what no case has caught by then counts as a survivor."""
LONGEST_S = 60.0
"""Of processor time: a case that takes longer has failed, for nobody would sign it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file: `before` stands there once, at `place` if it is drawn."""

    kind: str
    file: str
    before: str
    after: str
    place: int = -1
    line: int = 0
    by: str = ""
    """What is known to catch it: tried first."""

    @property
    def key(self) -> str:
        """The same edit in another version of the file, unless its line has changed."""
        lines = (ROOT / PACKAGE / self.file).read_text("utf-8").splitlines(keepends=True)
        column = self.place - len("".join(lines[: self.line - 1])) if self.place >= 0 else -1
        said = "\n".join((self.file, lines[self.line - 1], self.before, self.after, str(column)))
        return sha256(said.encode()).hexdigest()[:16]

    def reason(self, equivalent: list[dict[str, str]]) -> str:
        """Why it is equivalent, or nothing."""
        said = (ROOT / PACKAGE / self.file).read_text("utf-8").splitlines()[self.line - 1].strip()
        return next(
            (
                each["why"]
                for each in equivalent
                if (each["file"], each["line"]) == (self.file, said)
                and each.get("before", self.before) == self.before
                and each.get("after", self.after) == self.after
            ),
            "",
        )

    @property
    def text(self) -> str:
        short = [" ".join(part.split())[:60] for part in (self.before, self.after)]
        return f"{self.file}:{self.line}  {short[0]}  ->  {short[1]}"

    def applied(self, source: str) -> str:
        if self.place >= 0:
            assert source.startswith(self.before, self.place), self.text
            return source[: self.place] + self.after + source[self.place + len(self.before) :]
        assert source.count(self.before) == 1, f"{self.text}: not once in the file"
        return source.replace(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Verdict:
    edit: Edit
    caught: bool
    by: str
    seconds: float


# The edits that are listed, and those that are drawn


def listed() -> tuple[list[Edit], list[dict[str, str]], dict[str, str]]:
    """The edits; why survivors are equivalent; functions whose outcome is only a text."""
    document = tomllib.loads(LIST.read_text("utf-8"))
    edits = []
    for each in document["edit"]:
        source = (ROOT / PACKAGE / each["file"]).read_text("utf-8")
        if source.count(each["before"]) != 1:
            raise SystemExit(
                f"{LIST.name}: {each['file']}: {each['before']!r} is there {source.count(each['before'])}x"
            )
        line = source[: source.index(each["before"])].count("\n") + 1
        edits.append(Edit(each["kind"], each["file"], each["before"], each["after"], line=line, by=each.get("by", "")))
    return edits, document.get("equivalent", []), document["only_text"]


def drawn(count: int, seed: int, only_text: dict[str, str]) -> list[Edit]:
    """Edits drawn at random, as many from the settings files as a quarter."""
    programs, data = list[Edit](), list[Edit]()
    for file in _product():
        source = (ROOT / PACKAGE / file).read_text("utf-8")
        if file.endswith(".py"):
            programs += _Sites(file, source, only_text).edits
        else:
            data += _of_settings(file, source)
    chance = random.Random(seed)  # noqa: S311
    chosen = chance.sample(programs, min(count - count // 4, len(programs)))
    return chosen + chance.sample(data, min(count // 4, len(data)))


def _product() -> Iterator[str]:
    folder = ROOT / PACKAGE
    for file in sorted((folder / "grid").rglob("*")):
        if file.suffix in (".py", ".toml") and file.name != "__init__.py":
            yield str(file.relative_to(folder))
    yield "station/safety/grid_guard.py"
    yield "station/power/sources/grid.py"


_COMPARISONS = {ast.Lt: ("<", ">="), ast.LtE: ("<=", ">"), ast.Gt: (">", "<="), ast.GtE: (">=", "<"),
                ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"),
                ast.IsNot: ("is not", "is")}  # fmt: skip
_OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
_NAMES = {"min": "max", "max": "min", "charge_w": "discharge_w", "discharge_w": "charge_w", "lowest_pu": "highest_pu",
          "highest_pu": "lowest_pu", "lowest_hz": "highest_hz", "highest_hz": "lowest_hz", "inject_pu": "absorb_pu",
          "absorb_pu": "inject_pu", "over_droop": "under_droop", "over_deadband_hz": "under_deadband_hz",
          "recovery_low_hz": "recovery_high_hz", "lock_in_pu": "lock_out_pu", "mean_pu": "highest_pu"}  # fmt: skip


class _Sites(ast.NodeVisitor):
    """Where a program can be edited, and how: operators, constants, signs, conditions, swapped names, lost resets."""

    def __init__(self, file: str, source: str, only_text: dict[str, str]) -> None:
        self.edits: list[Edit] = []
        self._file, self._source, self._only_text = file, source, only_text
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line.encode()))
        self._bytes = source.encode()
        self.visit(ast.parse(source))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin = self._starts[node.lineno - 1] + node.col_offset
        return begin, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _add(self, kind: str, begin: int, end: int, after: str) -> None:
        before, place = self._bytes[begin:end].decode(), len(self._bytes[:begin].decode())
        self.edits.append(Edit(kind, self._file, before, after, place, self._bytes[:begin].count(b"\n") + 1))

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str, kind: str) -> None:
        begin, end = self._span(left)[1], self._span(right)[0]
        found = re.search(re.escape(old), self._bytes[begin:end].decode())
        if found is not None:
            self._add(kind, begin + found.start(), begin + found.end(), new)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Not what it is made with: `frozen=True` decides nothing."""
        for statement in node.body:
            self.visit(statement)

    def visit_keyword(self, node: ast.keyword) -> None:
        """`strict=True` only guards against what is never passed."""
        if node.arg != "strict":
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if f"{self._file}:{node.name}" not in self._only_text:
            for statement in node.body:
                self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts are for persons."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """What is raised is a text; whether it is raised is the condition before."""

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip((node.left, *node.comparators), node.ops, node.comparators, strict=False):
            if type(operator) in _COMPARISONS:
                self._between(left, right, *_COMPARISONS[type(operator)], "comparison")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _OPERATORS and not isinstance(node.left, ast.Constant | ast.JoinedStr | ast.Tuple):
            self._between(node.left, node.right, *_OPERATORS[type(node.op)], "operator")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, old, new, "condition")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub | ast.Not):
            self._add("sign", self._span(node)[0], self._span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value, (begin, end) = node.value, self._span(node)
        if isinstance(value, bool):
            self._add("constant", begin, end, str(not value))
        elif isinstance(value, int):
            self._add("constant", begin, end, str(value + 1))
            self._add("constant", begin, end, f"({value} - 1)")
        elif isinstance(value, float):
            self._add("constant", begin, end, "1.0" if value == 0 else f"{1.2 * value:.6g}")
            self._add("constant", begin, end, "-1.0" if value == 0 else f"{0.8 * value:.6g}")

    def visit_If(self, node: ast.If) -> None:
        begin, end = self._span(node.test)
        self._add("condition", begin, end, f"not ({self._bytes[begin:end].decode()})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        begin, end = self._span(node.test)
        self._add("condition", begin, end, f"not ({self._bytes[begin:end].decode()})")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if isinstance(node.value, ast.Name | ast.Attribute | ast.BinOp):
            self._add("return value", *self._span(node.value), "0.0")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Arguments that follow each other are mistaken for each other, if their order counts."""
        ordered = not (isinstance(node.func, ast.Name) and node.func.id in ("min", "max"))
        for first, second in zip(node.args, node.args[1:], strict=False):
            if ordered and isinstance(first, ast.Name | ast.Attribute) and isinstance(second, ast.Name | ast.Attribute):
                (begin, middle), (then, end) = self._span(first), self._span(second)
                parts = [self._bytes[a:b].decode() for a, b in ((then, end), (middle, then), (begin, middle))]
                if parts[0] != parts[-1]:
                    self._add("arguments", begin, end, "".join(parts))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _NAMES:
            end = self._span(node)[1]
            self._add("name", end - len(node.attr), end, _NAMES[node.attr])
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in ("min", "max"):
            self._add("name", *self._span(node), _NAMES[node.id])

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Attribute):
            self._add("lost assignment", *self._span(node), "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("lost assignment", *self._span(node), "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add("lost call", *self._span(node), "pass")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)


_NUMBER = re.compile(r"(?<=[ \[])-?\d+(\.\d+)?(?=[ ,\]\n])")
_MODES = {"mandatory": "momentary_cessation", "permissive": "cease", "momentary_cessation": "mandatory",
          "cease": "mandatory"}  # fmt: skip


def _of_settings(file: str, source: str) -> Iterator[Edit]:
    """A default, an end of a range, an edge or a time of a band: 3 to 20 % off, to both sides; a mode; a switch."""
    place = 0
    for number, line in enumerate(source.splitlines(keepends=True), 1):
        figures = line.partition("source")[0].partition("#")[0]
        if "=" in figures:
            for found in _NUMBER.finditer(figures):
                value = float(found[0])
                part = 0.03 if abs(value) > 10 else 0.2
                for wrong in (1.0, -1.0) if value == 0 else (value * (1 + part), value * (1 - part)):
                    yield Edit("data", file, found[0], f"{wrong:.6g}", place + found.start(), number)
            mode = re.match(r'mode = "(\w+)"', figures)
            if mode is not None and mode[1] in _MODES:
                yield Edit("data", file, mode[1], _MODES[mode[1]], place + mode.start(1), number)
            for word, other in (("true", "false"), ("false", "true")):
                at = figures.find(f"default = {word}")
                if at >= 0:
                    yield Edit("data", file, word, other, place + at + len("default = "), number)
        place += len(line)


# Which cases come first


_IN_FULL = 2
"""Of so many codes a survivor passes all cases; of the others those that touch it."""
_STEPPED = "stepwise/"
_FIRST: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("grid/codes/", ("settings/",)),
    ("grid/settings.py", ("settings/", "trip/uv2/beyond/")),
    ("grid/waveform.py", ("measurement/waveform/",)),
    ("grid/sample.py", ("stepwise/", "measurement/", "trip/uv2/", "trip/ov2", "volt-var/imbalance",
                        "volt-var/walk-as-set")),
    ("grid/doubt.py", ("stepwise/", "measurement/single-readings", "measurement/")),
    ("grid/adjustments.py", ("settings/while-running/", "enter-service/permission", "constant-var/by",
                             "stepwise/guard/")),
    ("grid/set_point_delay.py", ("islanding/set-point", "islanding/")),
    ("grid/element.py", ("stepwise/", "trip/uv2", "trip/of2", "trip/ov_mean/beyond", "trip/ov1",
                         "measurement/", "trip/")),
    ("grid/protection.py", ("stepwise/", "trip/uv2", "trip/of2", "operating-window", "enter-service", "islanding/rocof",
                            "ride-through/relapses", "measurement/", "ride-through/")),
    ("grid/ride_through.py", ("stepwise/", "settings/ride-through", "ride-through/",
                              "enter-service/low", "trip/uv2", "trip/ov1")),
    ("grid/momentary_cessation.py", ("stepwise/", "ride-through/relapses", "ride-through/")),
    ("grid/enter_service.py", ("stepwise/", "enter-service/",)),
    ("grid/rocof.py", ("stepwise/", "islanding/rocof", "ride-through/rocof")),
    ("grid/islanding.py", ("stepwise/", "islanding/probe", "islanding/rocof", "islanding/dead",
                           "islanding/95%", "islanding/")),
    ("grid/frequency_droop.py", ("stepwise/", "frequency-droop/",)),
    ("grid/volt_var.py", ("stepwise/", "volt-var/",)),
    ("grid/watt_var.py", ("stepwise/", "watt-var/",)),
    ("grid/volt_watt.py", ("stepwise/", "volt-watt/",)),
    ("grid/constant_power_factor.py", ("stepwise/", "constant-power-factor/",)),
    ("grid/constant_var.py", ("stepwise/", "constant-var/",)),
    ("grid/active_power_limit.py", ("stepwise/", "active-power-limit/",)),
    ("grid/ramp_rate.py", ("stepwise/", "ramp-rate/",)),
    ("grid/reactive.py", ("stepwise/", "reactive/", "volt-var/lock", "watt-var/lock")),
    ("grid/capability.py", ("stepwise/", "constant-var/", "constant-power-factor/")),
    ("grid/curve.py", ("stepwise/", "volt-var/walk", "volt-watt/walk")),
    ("grid/response.py", ("stepwise/", "volt-var/", "frequency-droop/")),
    ("grid/support.py", ("stepwise/", "volt-watt/", "active-power-limit/", "volt-var/", "frequency-droop/", "priority/",
                         "ramp-rate/", "constant-var/", "watt-var/", "reactive/", "constant-power-factor/")),
    ("station/safety/grid_guard.py", ("stepwise/guard/", "settings/while-running/", "measurement/", "trip/uv2",
                                      "constant-var/", "ac/", "enter-service/", "islanding/set-point",
                                      "islanding/95%")),
    ("station/power/sources/grid.py", ("stepwise/source/", "constant-var/", "frequency-droop/", "active-power-limit/",
                                       "enter-service/", "ride-through/renegotiated", "islanding/set-point")),
)  # fmt: skip


def codes_for(file: str) -> list[str]:
    """The codes that a file is in, those first that show most of it."""
    name = Path(file).stem
    if not file.startswith("grid/codes/"):
        return ["ieee1547-cat3", "en50549-1", "vde-4105", "ieee1547-cat2", "ieee1547-cat1"]
    if name == "_ieee1547":
        return ["ieee1547-cat1", "ieee1547-cat1/a", "ieee1547-cat3"]
    if name == "en50549-1":
        return ["en50549-1", "vde-4105"]
    variants = {"vde-4105": ("small",), "as-nzs-4777-2": ("b", "c")}
    return [name, *(f"{name}/{variant}" for variant in variants.get(name, ()))]


def judge(copy: Path, file: str, before: str, quick: bool) -> str:
    """In a process of its own, with the edited copy as its package: what catches the edit, or nothing. `before`: what
    caught it the last time."""
    signal.signal(signal.SIGPROF, _too_long)
    try:
        return _first_failure(copy, file, before, quick)
    except Exception as error:
        return f"it does not run: {type(error).__name__}: {error}"


def _first_failure(copy: Path, file: str, before: str, quick: bool) -> str:
    from v2g.bench.typetest import bench

    if not Path(bench.__file__).is_relative_to(copy):
        raise SystemExit(f"{bench.__file__} is judged instead of {copy}")
    for subject, case in chain(_again(before), _in_order(file, quick)):
        if quick and time.process_time() > PATIENCE_S:
            return ""
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
        if not bench.run(case, subject).passed:
            return f"{subject.name}{f'/{subject.category}' if subject.category else ''} {case.name}"
    return ""


def _again(before: str) -> Iterator[tuple[Any, Any]]:
    """The case that is called like this, if there still is one."""
    from v2g.bench.typetest import suite
    from v2g.bench.typetest.case import Subject

    code, _, name = before.partition(" ")
    if before and ":" not in code:
        subject = Subject(*_parts(code))
        if (case := suite.cases(subject).get(name)) is not None:
            yield subject, case


def _parts(code: str) -> tuple[str, str | None]:
    name, _, variant = code.partition("/")
    return name, variant or None


def _in_order(file: str, quick: bool) -> Iterator[tuple[Any, Any]]:
    """Subjects and cases: those that touch the file, one of each sort before a second of it; all others of two codes,
    unless it must be quick."""
    from v2g.bench.typetest import suite
    from v2g.bench.typetest.case import Subject

    first = next((prefixes for beginning, prefixes in _FIRST if file.startswith(beginning)), ())
    stepped = tuple(prefix for prefix in first if prefix.startswith(_STEPPED))
    if stepped:  # they take a second, most of all in a code with short delays
        subject = Subject("en50549-1")
        yield from ((subject, case) for name, case in suite.cases(subject).items() if name.startswith(stepped))
    ranked, met = list[tuple[tuple[float, ...], Any, Any]](), Counter[tuple[str, ...]]()
    for place, code in enumerate(codes_for(file)):
        subject = Subject(*_parts(code))
        for case in sorted(suite.cases(subject).values(), key=lambda each: each.lasts_s):
            prefix = next((number for number, prefix in enumerate(first) if case.name.startswith(prefix)), None)
            sort = code, *case.name.split("/")[:3]
            if prefix is not None:
                ranked.append(((0, met[sort], prefix, case.lasts_s), subject, case))
            elif place < _IN_FULL and not quick:
                ranked.append(((1, met[sort], place, case.lasts_s), subject, case))
            met[sort] += 1
    yield from ((subject, case) for _, subject, case in sorted(ranked, key=lambda each: each[0]))


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {LONGEST_S:.0f} s")


def _begin(edit: Edit, copy: Path, before: str, quick: bool) -> tuple[int, int]:
    """The process that judges the edit in one of the copies, and where it says what caught it."""
    source = (ROOT / PACKAGE / edit.file).read_text("utf-8")
    (copy / "v2g" / edit.file).write_text(edit.applied(source), "utf-8")
    reads, writes = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writes)
        return pid, reads
    code = 1
    try:
        _turn_to(copy)
        os.write(writes, judge(copy, edit.file, before, quick).encode()[:4000])
        code = 0
    except BaseException as error:
        print(f"the judge failed on {edit.text}: {error}", flush=True)
    finally:
        os._exit(code)


def _turn_to(copy: Path) -> None:
    """What was loaded stays, but for what an edit can reach: that is loaded again from the copy."""
    import v2g

    for name in [name for name in sys.modules if name.startswith(_REACHED)]:
        del sys.modules[name]
    v2g.__path__ = [str(copy / "v2g")]
    sys.dont_write_bytecode = True


_REACHED = ("v2g.grid", "v2g.station", "v2g.bench")


def _copies(folder: Path, count: int) -> list[Path]:
    copies = [folder / str(number) for number in range(count)]
    for copy in copies:
        shutil.copytree(ROOT / PACKAGE, copy / "v2g")
    return copies


# What is kept from one run to the next


def _version() -> str:
    """Of what decides whether an edit is caught: the station and its type test."""
    digest = sha256()
    for folder in ("grid", "bench/typetest", "bench/sim", "station", "power"):
        for file in sorted((ROOT / PACKAGE / folder).rglob("*")):
            if file.suffix in (".py", ".toml", ".txt"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _kept() -> dict[str, dict[str, Any]]:
    if not KEPT.exists():
        return {}
    return {entry["key"]: entry for entry in map(json.loads, KEPT.read_text("utf-8").splitlines())}


def _keep(verdict: Verdict, version: str) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    entry = {"key": verdict.edit.key, "version": version, "by": verdict.by, "seconds": round(verdict.seconds, 1),
             "text": verdict.edit.text}  # fmt: skip
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=120, metavar="N", help="edits drawn at random (120)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (1)")
    parser.add_argument("--only", default="", metavar="TEXT", help="edits whose line contains this")
    parser.add_argument("--unlisted", action="store_true", help="only those drawn")
    parser.add_argument("--minutes", type=float, default=inf, metavar="N", help="begin no edit after this time")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"only the cases that touch the edited part, for {PATIENCE_S:.0f} s at most",
    )
    args = parser.parse_args()
    edits, why, only_text = listed()
    edits = ([] if args.unlisted else edits) + drawn(args.random, args.seed, only_text)
    edits = [edit for edit in edits if args.only in f"{edit.kind}  {edit.text}"]
    begun_s = time.monotonic()
    verdicts = _run(edits, begun_s + 60 * args.minutes, args.quick)
    if left := len(edits) - len(verdicts):
        print(f"{len(verdicts)} of {len(edits)} edits judged; the same command goes on with the other {left}")
        return UNFINISHED
    return _sum_up(verdicts, why, time.monotonic() - begun_s)


def _run(edits: list[Edit], until_s: float, quick: bool) -> list[Verdict]:
    """The verdicts in the order of the edits; those that hold from before, and the others until it is time."""
    version, kept = _version() + (" quick" if quick else ""), _kept()
    known = {
        edit.key: Verdict(edit, bool(entry["by"]), entry["by"], entry["seconds"])
        for edit in edits
        if (entry := kept.get(edit.key)) is not None and entry["version"] == version
    }
    import v2g.bench.typetest.suite  # noqa: F401  # once: the processes that judge have it from here

    waiting = [edit for edit in edits if edit.key not in known]
    running: dict[int, tuple[Edit, Path, int, float]] = {}
    with tempfile.TemporaryDirectory(prefix="v2g-mutants-") as folder:
        copies = _copies(Path(folder), os.cpu_count() or 1)
        while waiting or running:
            while waiting and copies and time.monotonic() < until_s:
                edit, copy = waiting.pop(0), copies.pop()
                pid, reads = _begin(edit, copy, kept.get(edit.key, {}).get("by") or edit.by, quick)
                running[pid] = edit, copy, reads, time.monotonic()
            if not running:
                break
            pid, status = os.wait()
            edit, copy, reads, begun_s = running.pop(pid)
            with os.fdopen(reads) as said:
                by = said.read()
            if status:
                raise SystemExit(f"the judge failed on {edit.text}")
            shutil.copy2(ROOT / PACKAGE / edit.file, copy / "v2g" / edit.file)
            copies.append(copy)
            verdict = known[edit.key] = Verdict(edit, bool(by), by, time.monotonic() - begun_s)
            _keep(verdict, version)
            word = "caught  " if verdict.caught else "SURVIVED"
            print(f"{word} {verdict.seconds:4.0f} s  {verdict.edit.kind:15} {verdict.edit.text}", flush=True)
            if verdict.caught:
                print(f"                   by {verdict.by}", flush=True)
    return [known[edit.key] for edit in edits if edit.key in known]


def _sum_up(verdicts: list[Verdict], equivalent: list[dict[str, str]], took_s: float) -> int:
    survivors = [(verdict.edit.text, verdict.edit.reason(equivalent)) for verdict in verdicts if not verdict.caught]
    for text, reason in survivors:
        print(f"survived: {text}\n          {reason or 'NOT EXPLAINED'}")
    caught, same = sum(verdict.caught for verdict in verdicts), sum(bool(reason) for _, reason in survivors)
    share = caught / max(len(verdicts) - same, 1)
    print(
        f"{caught} of {len(verdicts)} edits caught in {took_s:.0f} s; {same} survivors are equivalent, "
        f"{len(survivors) - same} are not explained: {share:.1%} of those that matter are caught"
    )
    return 0 if share >= ENOUGH and same == len(survivors) else 1


if __name__ == "__main__":
    sys.exit(main())
