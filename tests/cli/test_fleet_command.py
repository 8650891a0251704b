"""`v2g fleet` as a user starts it: its file, its errors, and a depot of one station that joins it."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.broker import free_port
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.scene import configured, places
from v2g.cli import main
from v2g.io.carrier import Endpoint
from v2g.io.fleet_ledger import SqliteFleetLedger
from v2g.run.fleet_servers import LEAF

PATIENCE_S = 60.0


def written(folder: Path, text: str) -> Path:
    file = folder / "fleet.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("days", "error"),
    [
        (["--from", "2026-12-01", "--until", "2026-11-01"], "is not after --from"),
        (["--from", "0001-01-01"], "give days of this century"),
        (["--from", "9999-12-31"], "give days of this century"),
    ],
)
def test_a_time_that_cannot_be_settled_is_refused(
    days: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "fleet: north\nledger: fleet.db\ndepots: [{id: a, charge_w: 1, discharge_w: 1}]\n")
    assert main(["fleet", "settle", "--config", str(file), *days]) == 2
    assert error in capsys.readouterr().err


def test_a_file_of_users_that_is_not_there_is_found_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "fleet: north\nhttp: {users_file: people}\ndepots: [{id: a, charge_w: 1}]\n")
    assert main(["fleet", "check", "--config", str(file)]) == 2
    assert "people: there is no such file; `v2g depot user NAME --role operator" in capsys.readouterr().err
    (tmp_path / "people").touch()
    assert main(["fleet", "check", "--config", str(file)]) == 0


def test_programs_with_one_token_or_a_taken_name_are_found_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people").write_text("ann:operator:hash\n")
    for name, token in (("one", "x" * 20), ("two", "x" * 20), ("short", "y")):
        (tmp_path / name).write_text(token)
    tokens = (
        "[{name: EMS, token_file: one}, {name: EMS, token_file: two}, {name: ann, token_file: short},"
        " {name: b, token_file: no}]"
    )
    text = f"fleet: north\nhttp: {{users_file: people, tokens: {tokens}}}\ndepots: [{{id: a, charge_w: 1}}]\n"
    assert main(["fleet", "check", "--config", str(written(tmp_path, text))]) == 2
    error = capsys.readouterr().err
    for said in (
        "http.tokens[1].name: EMS is taken", "two holds the token of http.tokens[0] too",
        "http.tokens[2].name: ann is taken", "short: 1 characters; write 16", "http.tokens[3].token_file:",
    ):  # fmt: skip
        assert said in error, error


@pytest.mark.parametrize("hosts", [["a b"], [""], ['c"d'], ["h:99"], ["h1", "H1"]])
def test_hosts_that_are_none_are_refused(hosts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "fleet: north\nledger: fleet.db\ndepots: [{id: a, charge_w: 1, discharge_w: 1}]\n")
    words = ["--output", str(tmp_path / "out"), "--certificate", "c.pem", "--private-key", "k.pem"]
    assert main(["fleet", "servers", "--config", str(file), *hosts, *words]) == 2
    assert "host" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.password").touch()
    assert main(["fleet", "servers", "--config", str(file), "h1", *words]) == 2
    assert "a.password: is empty" in capsys.readouterr().err
    (tmp_path / "out" / "a.password").write_text("secret")
    assert main(["fleet", "servers", "--config", str(file), "h1", "fe80::1", *words]) == 0
    assert "@[fe80::1]:6222" in (tmp_path / "out" / "hub-1.conf").read_text()


def test_the_example_is_good_once_its_files_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example", "fleet"]) == 0
    file = written(tmp_path, capsys.readouterr().out)
    certified(tmp_path)
    (tmp_path / "root.pem").rename(tmp_path / "hub-root.pem")
    assert main(["fleet", "check", "--config", str(file)]) == 2
    assert "`v2g fleet servers` makes it" in capsys.readouterr().err
    made = ["--output", str(tmp_path / "servers"), "--certificate", "server.pem", "--private-key", "key.pem"]
    assert main(["fleet", "servers", "--config", str(file), "h1", "h2", "h3", *made]) == 0
    assert {each.name for each in (tmp_path / "passwords").iterdir()} == {
        "fleet.password", "system.password", "tso.password",
    }  # fmt: skip
    capsys.readouterr()
    assert main(["fleet", "check", "--config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: good, 2 depots\n"
    assert main(["config", "check", str(file)]) == 0


def test_each_mistake_is_named_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(
        tmp_path,
        "fleet: SYS\nservers: {urls: ['nats://hub.example.com:4222']}\nvalidity_s: 3\ncycle_s: 2\n"
        "nodes: [{id: grid}, {id: north, parent: gird}]\n"
        "depots:\n  - {id: a, charge_w: 1000}\n  - {id: a, node: sea, charge_w: 1000}\n  - {id: b.c, charge_w: 1}\n"
        "people: [{name: fleet, password_file: p}]\n",
    )
    assert main(["fleet", "check", "--config", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"{file}:9:10: depots[2].id" in error
    file.write_text(file.read_text().replace("  - {id: b.c, charge_w: 1}\n", ""))
    assert main(["fleet", "check", "--config", str(file)]) == 2
    error = capsys.readouterr().err
    for each in (
        "SYS is the servers' own account", "passwords would travel in clear", "shorter than three cycles", "gird",
        "a is there twice", "there is no node sea; the nodes are grid, north", "people[0].name: fleet is there twice",
    ):  # fmt: skip
        assert each in error


def test_more_depots_come_from_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "fleet: north\ndepot_list: depots.csv\n")
    listed = tmp_path / "depots.csv"
    listed.write_text("id,charge_w,discharge_w,cost\na,1000,500,0.1\nb,1000,,\n")
    assert main(["fleet", "check", "--config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: good, 2 depots\n"
    listed.write_text("id,charge_w\na,much\nb,1,2\n")
    assert main(["fleet", "check", "--config", str(file)]) == 2
    error = capsys.readouterr().err
    assert "line 2: Expected `float`" in error
    assert "line 3: 3 values, but 2 columns" in error


@pytest.mark.parametrize("words", [["status"], ["depots"], ["request", "-5000", "--for", "60"], ["withdraw"]])
def test_a_fleet_that_does_not_run_is_started_as_a_fleet(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", *words, "--socket", str(tmp_path / "none")]) == 2
    assert "start it (v2g fleet --config FILE)" in capsys.readouterr().err


def test_a_request_without_a_power_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "request"]) == 2
    assert "say a power in watts" in capsys.readouterr().err
    for document in ("[1]", '{"power_w": NaN, "for_s": 9}', '{"power_w": 1, "until_unix_s": Infinity}'):
        assert main(["fleet", "request", "--document", document]) == 2
        assert "no JSON object" in capsys.readouterr().err


def test_servers_beyond_this_machine_need_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "fleet: north\ndepots: [{id: a, charge_w: 1000}]\n")
    asked = ["fleet", "servers", "--config", str(file), "--output", str(tmp_path / "out")]
    assert main([*asked, "h1", "h2", "h3"]) == 2
    assert "need TLS" in capsys.readouterr().err
    tls = ["--certificate", "/etc/nats/server.pem", "--private-key", "/etc/nats/key.pem"]
    assert main([*asked, *tls, "h1", "h2", "h3"]) == 0
    made = [json.loads((tmp_path / "out" / f"hub-{each}.conf").read_text()) for each in (1, 2, 3)]
    assert {each["jetstream"]["sync_interval"] for each in made} == {"always"}
    assert made[0]["cluster"]["routes"] == made[2]["cluster"]["routes"]
    assert (tmp_path / "out" / "hub-1.conf").stat().st_mode & 0o077 == 0
    (user,) = [each for each in made[1]["accounts"]["north"]["users"] if each["user"] == "a"]
    assert user["permissions"]["publish"]["allow"] == ["fleet.aggregate.a", "fleet.ledger.a", "fleet.answer.a.>"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux that is always full")
def test_a_full_disk_is_named_by_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, f"fleet: north\nledger: {tmp_path}/fleet.db\ndepots: [{{id: a, charge_w: 1000}}]\n")
    asyncio.run(_made(tmp_path / "fleet.db"))
    for option in ("--csv", "--html"):
        assert main(["fleet", "settle", "--config", str(file), option, "/dev/full"]) == 2
        assert capsys.readouterr().err == "v2g: error: /dev/full: No space left on device\n"


async def _made(file: Path) -> None:
    await SqliteFleetLedger(file).close()


@pytest.mark.alone
def test_a_depot_joins_and_feeds_what_the_fleet_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_joined(tmp_path, capsys))


async def _joined(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port, socket = free_port(), str(folder / "fleet.sock")
    file = written(
        folder,
        f"fleet: test\ndepots: [{{id: harbour, charge_w: 100000, discharge_w: 100000}}]\nledger: fleet.db\n"
        f"control: {{socket: {socket}}}\nvalidity_s: 6\n",
    )
    place = next(each for each in places(60) if each.discharges and each.version == "2.1")
    depot_file = configured(folder, [place])
    document = json.loads(depot_file.read_text())
    member = {"servers": [f"127.0.0.1:{port + LEAF}"], "depot": "harbour", "port": free_port(), "store": "leaf",
              "password_file": "servers/harbour.password"}  # fmt: skip
    store = ["--embedded", "--store", str(folder / "servers"), "--port", str(port)]

    async def run(*words: str) -> str:
        assert await asyncio.to_thread(main, ["fleet", *words]) == 0
        return capsys.readouterr().out

    async def until(what: str, reached: Callable[[dict[str, Any]], bool]) -> None:
        row: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not row or not reached(row):
                    (row,) = json.loads(await run("depots", "--json", "--socket", socket))
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not reached: {what}; {row}; {fleet.output}{depot.output}") from None

    with Process([*V2G, "fleet", "--config", str(file), *store]) as fleet:
        assert await asyncio.to_thread(fleet.wait_for, "are heard", START_S) is not None, fleet.output
        depot_file.write_text(json.dumps(document | {"member_of": member}))
        with Process([*V2G, "depot", "--config", str(depot_file)]) as depot:
            line = await asyncio.to_thread(depot.wait_for, r"stations connect at ws://127.0.0.1:\d+", START_S)
            assert line is not None, depot.output
            secret = (folder / f"{place.id}.password").read_text()
            url = line.partition("connect at ")[2]
            stations = Fleet({place.id: (place.station(), Endpoint(url, place.id, 1, secret), "ocpp2.1")})
            plugging = asyncio.create_task(stations.run())
            station = stations.stations[place.id]
            while not stations.online:  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.05)
            station.plug_in(place.car, time.monotonic(), time.time())
            await until("a vehicle is seen", lambda row: bool(row["vehicles"]))
            await run("request", "-4000", "--for", "600", "--by", "TSO", "--socket", socket)
            await until("it feeds", lambda row: row["state"] == "follows" and row["power_w"] < -3500)
            assert "TSO" in await run("depots", "--socket", socket)
            await asyncio.to_thread(main, ["fleet", "doctor", "--json", "--config", str(file)])
            found = json.loads(capsys.readouterr().out)
            assert {each["subject"] for each in found} >= {"ledger", "servers", "fleet"}
            assert [
                each for each in found if each["level"] == "fault" and each["subject"] not in ("clock", "disk")
            ] == []
            await run("withdraw", "--by", "TSO", "--socket", socket)
            await until("it is let go", lambda row: row["state"] == "on its own")
            rows: list[dict[str, str]] = []
            while not rows:
                settled = csv.DictReader(io.StringIO(await run("settle", "--config", str(file))))
                rows = [each for each in settled if each["contract"] and each["request"]]
            plugging.cancel()
    (vehicle,) = rows
    assert vehicle["vehicle"] == "van 02"
    assert vehicle["request"] == "fleet (TSO)"
    assert float(vehicle["discharged_kwh"]) > 0.0
    assert float(vehicle["asked_kwh"]) < 0.0
    audited = await run("audit", "van 02", "--config", str(file))
    assert "TSO: asks" in audited
    assert "harbour: van 02: -" in audited
    assert await asyncio.to_thread(main, ["fleet", "doctor", "--config", str(file)]) == 1
    assert "servers.system_password_file: missing" in capsys.readouterr().out
