"""Files of a site: prices in, the grid operator's log out, the configuration."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from v2g.cli import main
from v2g.depot.plan import outlook
from v2g.depot.site.configuration import Tariff
from v2g.depot.site.grid_limit import FREE, Bound
from v2g.io.site_configuration import load
from v2g.io.site_log import HEAD, LimitLog
from v2g.io.site_prices import PriceError, fetched, fixed, read
from v2g.kernel.errors import V2GError
from v2g.station.config.reader import ConfigurationError

TARIFF = Tariff(buy_per_kwh=0.31, sell_per_kwh=0.07, add_per_kwh=0.1)
CSV = "from,buy_per_kwh\n2026-11-28T00:00:00+01:00,0.20\n2026-11-28T01:00:00+01:00,0.15\n"
MIDNIGHT = 1_795_820_400.0
AWATTAR = (
    '{"object":"list","data":[{"start_timestamp":1795820400000,"end_timestamp":1795824000000,"marketprice":200.0,'
    '"unit":"Eur/MWh"},{"start_timestamp":1795824000000,"end_timestamp":1795827600000,"marketprice":150.0,'
    '"unit":"Eur/MWh"}],"url":"/at/v1/marketdata"}'
)
CHARTS = '{"license_info":"CC BY 4.0","unix_seconds":[1795820400,1795824000],"price":[200.0,150.0],"unit":"EUR / MWh"}'


@pytest.mark.parametrize("text", [CSV, AWATTAR, CHARTS])
def test_prices_hold_for_their_hours_and_no_longer(text: str) -> None:
    found = read(text, "prices", TARIFF)
    assert (found.from_unix_s, found.until_unix_s) == (MIDNIGHT, MIDNIGHT + 7200.0)
    now = outlook([found, fixed(TARIFF)], MIDNIGHT + 60.0)
    assert now is not None
    assert now.buy_per_kwh[[0, 4, 8]].tolist() == pytest.approx([0.30, 0.25, 0.31])
    assert set(now.sell_per_kwh.tolist()) == {0.07}
    stale = outlook([found, fixed(TARIFF)], MIDNIGHT + 7201.0)
    assert stale is not None
    assert set(stale.buy_per_kwh.tolist()) == {0.31}


@pytest.mark.parametrize(
    "text",
    ["", "from,price\n1,2\n", CSV.replace("0.15", "nan"), CSV.replace("0.15", "1e9"), CSV.replace("T01", "T00"),
     CSV.replace(",0.15", ""), "{}", '{"data":[{"start_timestamp":1}]}', '{"unix_seconds":[1,2],"price":[1]}', "{",
     CSV.replace("+01:00", ""), '{"a":' + "[" * 100_000, '{"unix_seconds":[1,2],"price":[1' + "0" * 400 + ",1]}",
     CSV + "a" * 140_000 + ",1"],
)  # fmt: skip
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(PriceError, match="prices"):
        read(text, "prices", TARIFF)


def test_a_source_that_is_gone_is_said(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(CSV)
    assert fetched(Tariff(source=str(file))).prices[0].buy_per_kwh == 0.20
    for source in (str(tmp_path / "none"), "http://127.0.0.1:9/prices"):
        with pytest.raises(PriceError, match=r"the prices before it hold"):
            fetched(Tariff(source=source))


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_a_server_that_does_not_speak_http_is_said(answer: bytes) -> None:
    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        pool.submit(serve, listening)
        with pytest.raises(PriceError, match=r"the prices before it hold"):
            fetched(Tariff(source=f"http://127.0.0.1:{listening.getsockname()[1]}/"))


def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("v2g.io.site_prices.WITHIN_S", 0.3)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            connection.settimeout(0.05)
            while True:
                with suppress(TimeoutError):
                    if not connection.recv(1):
                        return
                connection.sendall(b"0")

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        pool.submit(serve, listening)
        with pytest.raises(PriceError, match=r"within 0.3 s; the prices before it hold"):
            fetched(Tariff(source=f"http://127.0.0.1:{listening.getsockname()[1]}/"))


def test_the_log_has_each_limit_and_what_was_drawn(tmp_path: Path) -> None:
    file = tmp_path / "limits.csv"
    bound = Bound(4200.0, inf, "contact W4")
    for again in range(2):  # a restart adds
        log = LimitLog(file)
        for second in range(0, 200, 10):
            holds = bound if 30 <= second < 160 else FREE
            log.see(holds, 4100.0, None if second < 50 else 5200.0, float(second), 1_795_820_400.0 + second)
        assert len(file.read_text().splitlines()) == 1 + 5 * (again + 1)
    head, first, begins, holds_row, *_ = file.read_text().splitlines()
    assert head == "time,event,by,charge_limit_w,feed_limit_w,chargers_w,connection_w"
    assert first.endswith("free,,,,4100,")
    assert begins == "2026-11-27T23:00:30+00:00,begins,contact W4,4200,,4100,"
    assert holds_row == "2026-11-27T23:01:30+00:00,holds,contact W4,4200,,4100,5200"
    with pytest.raises(V2GError, match="let this user write it"):
        LimitLog(tmp_path / "nowhere" / "limits.csv")


def test_the_log_is_whole_after_it_was_moved_or_cut(tmp_path: Path) -> None:
    file, bound = tmp_path / "limits.csv", Bound(4200.0, inf, "contact W4")
    log = LimitLog(file)
    file.rename(tmp_path / "limits.csv.1")
    log.see(bound, 4100.0, 5200.0, 0.0, 1_795_820_400.0)
    row = "2026-11-27T23:00:00+00:00,begins,contact W4,4200,,4100,5200"
    assert file.read_text() == HEAD + row + "\n"
    file.write_text(HEAD + row[:30])  # the disk was full
    LimitLog(file).see(bound, 4100.0, 5200.0, 0.0, 1_795_820_400.0)
    assert file.read_text() == HEAD + row[:30] + "\n" + row + "\n"


def test_the_example_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example", "site"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "CS-01.password").write_text("p" * 16)
    (tmp_path / "site.yaml").write_text(text)
    assert main(["depot", "--site", "--config", str(tmp_path / "site.yaml"), "check"]) == 0
    (tmp_path / "site.yaml").write_text(text.replace("#control_box", "control_box").replace("\n#  ", "\n  "))
    assert main(["depot", "--site", "--config", str(tmp_path / "site.yaml"), "check"]) == 0


WRONG = {
    "connection: {fuse_a: 35, phases: 1}": "phases: the house has one phase",
    "connection: {fuse_a: 6, margin_a: 6}": "leaves nothing of the main fuse",
    "meter: {model: eastron-sdm630}": "meter.address: missing",
    'meter: {address: "modbus://10.0.0.1"}': "say which meter it is",
    'meter: {model: shelly-3em, address: "modbus://10.0.0.1"}': "no address of a Shelly",
    "meter: {silent_charge_a: 35}": "more than the main fuse carries",
    "control_box: {}": "nothing can state a limit",
    "control_box: {contacts: [{name: W4, input: 0, charge_w: 1}]}": "belong together",
    "control_box: {contacts: [{name: W4}]}": "the contact limits nothing",
    "tariff: {sell_per_kwh: 0.5}": "above buy_per_kwh",
    "battery: {power: house/battery}": "belong together",
    "silence: {safe_w: 11000, setpoint_s: 2}": "silence.setpoint_s",
    'http: {listen: "0.0.0.0:80"}': "is beyond this machine",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_with_its_place(line: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p" * 16)
    parts = {
        "connection": "connection: {fuse_a: 35}",
        "connect": "connect: {security_profile: 1}",
        "stations": "stations: [{id: CS, password_file: password, evses: [{charge_w: 11000}]}]",
    }
    parts[line.partition(":")[0]] = line
    file = tmp_path / "site.yaml"
    file.write_text("\n".join(parts.values()))
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert WRONG[line] in str(caught.value)


def test_a_slow_meter_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p" * 16)
    file = tmp_path / "site.yaml"
    file.write_text(
        "connection: {fuse_a: 35}\nconnect: {security_profile: 1}\nmeter: {every_s: 5}\n"
        "stations: [{id: CS, password_file: password, evses: [{charge_w: 11000}]}]\n"
    )
    _, warnings = load(file)
    assert "later than within a second" in warnings[0]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)], ids=["clocks go forward", "clocks go back"]
)
def test_prices_of_the_days_on_which_the_clocks_change(day: str, hours: int) -> None:
    """Each hour has a price of its own, also the one that comes twice, and the one that never comes has none."""
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone).timestamp()
    starts = [datetime.fromtimestamp(begin + 3600 * each, zone).isoformat() for each in range(hours)]
    lines = ["from,buy_per_kwh", *(f"{at},{0.1 + each / 100}" for each, at in enumerate(starts))]
    found = read("\n".join(lines), "prices.csv", Tariff())
    assert found.until_unix_s - found.from_unix_s == hours * 3600
    assert len({price.from_unix_s for price in found.prices}) == hours + 1
    assert datetime.fromtimestamp(found.until_unix_s, zone).hour == 0
