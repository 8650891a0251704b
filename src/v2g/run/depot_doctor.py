"""What a technician would look at first on the machine of a depot: findings, each with its remedy (`v2g depot doctor`).

Nothing is changed. What cannot be looked at is a finding too, and never counts as good.
"""

import asyncio
import os
import shutil
import sqlite3
import ssl
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import Struct

from v2g.depot.configuration import Configuration
from v2g.io.depot_configuration import POSTGRES
from v2g.io.depot_ledger import RAN
from v2g.kernel.durations import DAY_S
from v2g.run.doctor import Finding, Level, disk

SOON_DAYS = 30
PATIENCE_S = 5.0
"""For a database to answer."""
MOST_NAMED = 5
"""Stations, if many are away."""
ROWS = {"event": "events", "entry": "entries"}
"""What the rows of a ledger's table are."""
SECRETS = ("password_file", "secret_file", "token_file", "users_file", "codes_file", "private_key")
"""How the names of settings end that are files with a secret in them."""
GIB = 1 << 30
IN_MEMORY = ("tmpfs", "ramfs")


def ledger(place: str, table: str = "event", extra: str = "postgres") -> Iterator[Finding]:
    """Whether the database is there, and keeps what it has said to have written. `table`: of what it has, one a row;
    `extra`: what brings PostgreSQL's client."""
    if place.startswith(POSTGRES):
        yield from asyncio.run(_postgres(place, extra))
        return
    file = Path(place)
    subject, folder = "ledger", file.parent
    if not folder.is_dir():
        yield Finding(subject, Level.FAULT, f"there is no directory {folder}", "make it, or set `ledger`")
        return
    if not os.access(file if file.exists() else folder, os.W_OK):
        yield Finding(subject, Level.FAULT, f"this user may not write {file}", "let it, or run as the depot's user")
        return
    if (kind := _file_system(folder)) in IN_MEMORY:
        remedy = "set `ledger` to a file on a disk: what stations have delivered would be lost with the power"
        yield Finding(subject, Level.FAULT, f"{file} is in memory only ({kind})", remedy)
    elif not file.exists():
        yield Finding(subject, Level.NOTE, f"{file} is not there yet", "it is made at the first start")
    else:
        yield _sqlite(file, table)
    yield from disk(folder, "make room, or set `ledger` to a file on another disk")


def _sqlite(file: Path, table: str) -> Finding:
    try:
        reading = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=PATIENCE_S)
        try:
            found = reading.execute("PRAGMA quick_check(1)").fetchone()[0]
            (count,) = reading.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        finally:
            reading.close()
    except sqlite3.Error as error:
        return Finding("ledger", Level.FAULT, f"{file}: {error}", "stop the process and see the file with `sqlite3`")
    if found != "ok":
        remedy = "stop the process and move the file away, a new one is begun; `sqlite3 .recover` saves what it has"
        return Finding("ledger", Level.FAULT, f"{file} is damaged: {found}", remedy)
    return Finding("ledger", Level.GOOD, f"{file} is sound, {count} {ROWS[table]}; each commit reaches the disk")


def growth(place: str, days: int) -> Iterator[Finding]:
    """Whether a ledger in a file has room for what it will keep, at the rate so far. `days`: of `ledger_days`."""
    file = Path(place)
    if place.startswith(POSTGRES) or not file.is_file():
        return
    try:
        reading = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=PATIENCE_S)
        try:
            found = reading.execute("SELECT value FROM kept WHERE kind = ? AND key = ?", RAN).fetchone()
        finally:
            reading.close()
    except sqlite3.Error:  # `ledger` names it
        return
    if found is None or (ran_days := float(found[0]) / DAY_S) < 1.0:
        return
    size_b, free_b = file.stat().st_size, shutil.disk_usage(file.parent).free
    daily_b = size_b / min(ran_days, days)
    whole = f"{daily_b * days / GIB:.2f} GiB with {days}"
    text = f"{size_b / GIB:.2f} GiB after {ran_days:.0f} days; {whole} (`ledger_days`)"
    if daily_b * days - size_b < free_b:
        yield Finding("growth of the ledger", Level.GOOD, text)
    else:
        remedy = "make room, lower `ledger_days`, or let stations measure less often"
        text += f"; the disk lasts {free_b / daily_b:.0f} days"
        yield Finding("growth of the ledger", Level.WARNING, text, remedy)


async def _postgres(place: str, extra: str) -> list[Finding]:
    shown = place.rpartition("@")[2]  # without the password
    try:
        import asyncpg
    except ImportError:
        return [Finding("ledger", Level.FAULT, "the Python package asyncpg is missing", f"pip install 'v2g[{extra}]'")]
    try:
        async with asyncio.timeout(PATIENCE_S):
            connection = await asyncpg.connect(place)
            try:
                settings = {name: await connection.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")}
            finally:
                await connection.close()
    except Exception as error:  # the library has no common one
        remedy = "see that the server runs, and its address, user and password in `ledger`"
        return [Finding("ledger", Level.FAULT, f"{shown}: {error or type(error).__name__}", remedy)]
    if off := [name for name, value in settings.items() if value == "off"]:
        remedy = f"set {off[0]} to on: a crash would lose what stations believe to be delivered"
        return [Finding("ledger", Level.FAULT, f"{shown} answers, but {off[0]} is off", remedy)]
    return [Finding("ledger", Level.GOOD, f"{shown} answers; each commit reaches its disk")]


def _file_system(place: Path) -> str:
    """Its kind, by the mount that is nearest above the place; empty if that cannot be seen."""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    above = {str(each) for each in (place.resolve(), *place.resolve().parents)}
    found = [(fields[1], fields[2]) for fields in map(str.split, mounts) if len(fields) > 2 and fields[1] in above]
    return max(found, key=lambda each: len(each[0]), default=("", ""))[1]


def plan() -> Finding:
    """Whether a plan can be made."""
    if find_spec("highspy") is None:
        text = "the Python package highspy is missing: vehicles are charged as their needs are urgent"
        return Finding("plan", Level.WARNING, text, "pip install 'v2g[depot]'")
    return Finding("plan", Level.GOOD, "the solver is there")


def secrets(configuration: Struct) -> Iterator[Finding]:
    """Files with passwords, tokens and keys, wherever the configuration of a depot or fleet names them."""
    files = sorted(set(_secret_files(configuration)))
    opened = [each for each in files if each.exists() and each.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
    if opened:
        names = ", ".join(map(str, opened[:MOST_NAMED])) + (", ..." if len(opened) > MOST_NAMED else "")
        text = f"{len(opened)} of {len(files)} may be read by every user of this machine: {names}"
        yield Finding("secrets", Level.WARNING, text, "chmod o= each of them")
    elif files:
        yield Finding("secrets", Level.GOOD, f"{len(files)} files, for their owners and groups only")


def _secret_files(owner: Struct) -> Iterator[Path]:
    for name in owner.__struct_fields__:
        value = getattr(owner, name)
        if isinstance(value, Path) and name.endswith(SECRETS):
            yield value
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Struct):
                yield from _secret_files(each)


def certificates(configuration: Configuration, now: float) -> Iterator[Finding]:
    """Those that stations, browsers and the CSMS are shown, and their dates."""
    connect, http, upstream = configuration.connect, configuration.http, configuration.upstream
    shown = {"connect": (connect.certificate, connect.private_key), "http": (http.certificate, http.private_key)}
    if upstream is not None:
        shown["upstream"] = upstream.certificate, upstream.private_key
    for name, (certificate, key) in shown.items():
        if certificate is not None and key is not None:
            yield _certificate(f"certificate of {name}", certificate, key, now)
    trusted = {"connect.roots": connect.roots, "upstream.roots": None if upstream is None else upstream.roots}
    for name, file in trusted.items():
        if file is not None:
            yield _dates(name, file, now)


def _certificate(subject: str, certificate: Path, key: Path, now: float) -> Finding:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        remedy = "give the PEM files of one certificate and its key"
        return Finding(subject, Level.FAULT, f"{certificate} and {key}: {error.reason or error}", remedy)
    except OSError as error:
        text = f"{certificate}, {key}: {error.strerror}"
        return Finding(subject, Level.FAULT, text, "let the depot's user read both files")
    return _dates(subject, certificate, now)


def _dates(subject: str, file: Path, now: float) -> Finding:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        return Finding(subject, Level.FAULT, f"{file}: {error}", "give a PEM file that the depot's user can read")
    first, last = max(each.not_valid_before_utc for each in found), min(each.not_valid_after_utc for each in found)
    text, left_days = f"{file} is valid until {last:%Y-%m-%d}", (last.timestamp() - now) / DAY_S
    if left_days <= 0:
        return Finding(subject, Level.FAULT, f"{file} was valid until {last:%Y-%m-%d}", "replace it: nobody trusts it")
    if first.timestamp() > now:
        return Finding(subject, Level.FAULT, f"{file} is valid from {first:%Y-%m-%d %H:%M} UTC", "see the clock")
    if left_days < SOON_DAYS:
        return Finding(subject, Level.WARNING, text, f"replace it within {left_days:.0f} days")
    return Finding(subject, Level.GOOD, text)


def running(status: Mapping[str, Any]) -> Iterator[Finding]:
    """What a running depot knows. `status`: as of `v2g depot status --json`."""
    age_s = datetime.now(UTC).timestamp() - status["unix_s"]
    if status["trouble"]:
        yield Finding.of("depot", Level.FAULT, status["trouble"], "see its log")
    else:
        yield Finding("depot", Level.GOOD, f"runs, {status['cycles']} cycles")
    if abs(age_s) > PATIENCE_S:
        text = f"the depot's clock is {abs(age_s):.0f} s {'behind' if age_s > 0 else 'ahead of'} the machine's"
        yield Finding("clock of the depot", Level.WARNING, text, "restart the depot")
    rows = [dict(zip(status["columns"], row, strict=True)) for row in status["rows"]]
    yield _links(rows)
    for notice in status.get("notices", ()):
        yield Finding(
            f"{notice['code']} {notice['about']}", Level.WARNING, notice["text"], "see docs/depot-controller.md"
        )


def _links(rows: list[dict[str, Any]]) -> Finding:
    away = sorted({each["id"].rpartition("/")[0] for each in rows if each["state"] == "offline"})
    stations = {each["id"].rpartition("/")[0] for each in rows}
    if not away:
        return Finding("stations", Level.GOOD, f"all {len(stations)} are connected")
    named = ", ".join(away[:MOST_NAMED]) + (" ..." if len(away) > MOST_NAMED else "")
    remedy = "see their power, network, address of the depot and password; `v2g depot explain STATION/1`"
    level = Level.FAULT if len(away) == len(stations) else Level.WARNING
    return Finding("stations", level, f"{len(away)} of {len(stations)} are not connected: {named}", remedy)
