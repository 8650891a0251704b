"""A depot as a VEN of OpenADR 3, at a VTN in a process of its own that another project's client steers."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openadr3 import OpenADRClient
from openadr3.entities.models import Event as ForeignEvent
from tests.certificates import certified
from tests.csms.test_api import depot
from tests.interop.process import Process

from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import OpenAdr
from v2g.depot.request import LimitRequest, PriceRequest, ScheduleRequest
from v2g.io.depot_configuration import load
from v2g.io.openadr_depot import Ven
from v2g.io.openadr_vtn import Vtn
from v2g.languages.openadr import reports
from v2g.languages.openadr.objects import Event, OpenAdrError, Program, duration_s, read, time_s
from v2g.languages.openadr.reports import Sample, Samples
from v2g.languages.openadr.requests import Place, Span, requests_of, spans_of
from v2g.run.depot import DepotProcess
from v2g.station.config.reader import ConfigurationError

STARTS_S, WITHIN_S = 30.0, 20.0
NOW = 1_800_000_000.0
KW = [{"payloadType": kind, "units": "KW"} for kind in ("DISPATCH_SETPOINT", "IMPORT_CAPACITY_LIMIT")]
PLACE = Place(ven="depot", charge_w=100_000.0)
PROGRAM = Program("p1", "curtail")


def at(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()


class Grid:
    """The VTN, and a client of business logic at it."""

    def __init__(self, process: Process, line: str, folder: Path) -> None:
        self.process, (self.url, self.clear) = process, line.split()
        self.business = OpenADRClient(self.clear)
        self.business.fetch_token("business", "another")
        (folder / "secret").write_text("a secret\n")
        files: dict[str, Any] = {"secret_file": folder / "secret", "roots": folder / "root.pem"}
        self.settings = OpenAdr(url=self.url, client_id="depot", poll_s=1, silence_s=2, **files)
        self.program = self.made(self.business.create_program({"programName": "curtail"}))["id"]

    @staticmethod
    def made(response: Any) -> dict[str, Any]:
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document

    def event(self, kind: str, values: list[Any], for_s: int = 60, **more: Any) -> str:
        event = {"programID": self.program, "payloadDescriptors": KW,
                 "intervalPeriod": {"start": at(datetime.now(UTC).timestamp()), "duration": f"PT{for_s}S"},
                 "intervals": [{"id": 0, "payloads": [{"type": kind, "values": values}]}]} | more  # fmt: skip
        return str(self.made(self.business.create_event(event))["id"])

    def lie(self, text: str) -> None:
        urlopen(Request(f"{self.clear}/lie", text.encode(), method="POST"), timeout=5).close()


@asynccontextmanager
async def asked(folder: Path) -> AsyncIterator[tuple[DepotProcess, Grid, list[str]]]:
    certified(folder)
    with Process([sys.executable, "-m", "tests.languages.vtn", str(folder)]) as process:
        line = await asyncio.to_thread(process.wait_for, "https://", STARTS_S)
        assert line is not None, process.output
        async with depot(folder) as (site, _, _):
            grid, said = Grid(process, line, folder), list[str]()
            serving = asyncio.create_task(Ven(site, site.configuration, grid.settings, said.append).serve())
            try:
                yield site, grid, said
            finally:
                serving.cancel()
                with suppress(asyncio.CancelledError):
                    await serving


async def until(true: Callable[[], Any]) -> Any:
    """What it returns once that is true."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := true()):  # noqa: ASYNC110 - what is waited for is another process's
            await asyncio.sleep(0.05)
        return found


def test_an_event_moves_the_depot_until_it_ends_and_is_reported(tmp_path: Path) -> None:
    asyncio.run(_moved(tmp_path))


async def _moved(folder: Path) -> None:
    async with asked(folder) as (site, grid, _):
        site.request("EMS", {"power_w": 3_000, "for_s": 600})
        event = grid.event("DISPATCH_SETPOINT", [-4.0], 5,
                           reportDescriptors=[{"payloadType": "DEMAND"}, {"payloadType": "STORAGE_CHARGE_LEVEL"},
                                              {"payloadType": "BASELINE"}])  # fmt: skip
        first = await until(lambda: next((each for each in site.desk.of(Channel.OPENADR)), None))
        assert isinstance(first, ScheduleRequest)
        assert first.at(site.now(), None) == -4_000.0
        site.step()
        assert site.status()["requested_by"] == f"OpenADR curtail/{event}, set-point"
        await until(lambda: not site.desk.of(Channel.OPENADR))  # its time is over
        site.step()
        assert site.status()["requested_by"] == "EMS"
        report = (await until(lambda: grid.business.reports(eventID=event)))[0]
        (resource,) = report.resources
        (interval,) = resource.intervals
        assert [each.type for each in interval.payloads] == ["DEMAND", "STORAGE_CHARGE_LEVEL", "DATA_QUALITY"]
        assert interval.payloads[1].values[0] == pytest.approx(0.7, abs=0.01)
        assert interval.payloads[2].values == ["MISSING"]
        vtn = Vtn(grid.settings)  # of a process that knows nothing of that report
        document = {"eventID": event, "clientName": "depot", "resources": []}
        assert await asyncio.to_thread(vtn.post, document) == report.id
        assert (await asyncio.to_thread(grid.business.report, report.id)).resources == []


def test_a_set_point_outlasts_no_silence_and_a_limit_does(tmp_path: Path) -> None:
    asyncio.run(_silent(tmp_path))


async def _silent(folder: Path) -> None:
    async with asked(folder) as (site, grid, said):
        grid.event("DISPATCH_SETPOINT", [9.0], 600, priority=5)
        grid.event("DISPATCH_SETPOINT", [7.0], 600, priority=1)
        grid.event("IMPORT_CAPACITY_LIMIT", [8.0], 600)
        await until(lambda: len(site.desk.of(Channel.OPENADR)) == 3)
        site.step()
        assert site.status()["requested_w"] == 7_000.0  # of the event with the lower number
        grid.lie("revoke")
        wrong = grid.event("DISPATCH_SETPOINT", ["much"], 600)
        await until(
            lambda: any(f"event {wrong}: DISPATCH_SETPOINT ['much'] is not one number" in each for each in said)
        )
        grid.lie("<html>no JSON</html>")
        await until(lambda: any("is not what OpenADR 3 has there" in each for each in said))
        assert any(each.endswith("; tried again every 1 s") for each in said)
        grid.lie("")
        await until(lambda: any("answers again" in each for each in said))
        assert len(site.desk.of(Channel.OPENADR)) == 3
        grid.process.child.kill()
        await until(lambda: len(site.desk.of(Channel.OPENADR)) == 1)
        (limit,) = site.desk.of(Channel.OPENADR)
        assert isinstance(limit, LimitRequest)
        assert limit.limits_at(site.now())[0] == 8_000.0
        assert any("has not answered for 2 s: its set-points hold no longer" in each for each in said)


def test_of_more_than_the_desk_takes_limits_and_what_begins_first_count(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "secret").write_text("a secret")
        async with depot(tmp_path) as (site, _, _):
            said, settings = list[str](), OpenAdr(url="https://vtn", client_id="d", secret_file=tmp_path / "secret")
            now = site.now()
            events = [
                {"id": f"e{number:02}", "programID": "p1", "priority": 90 - number, "payloadDescriptors": KW,
                 "intervalPeriod": {"start": at(now + 3_600 * number), "duration": "PT1H"},
                 "intervals": [{"payloads": [{"type": kind, "values": [number]}]}]}
                for number in range(90)
                for kind in ["IMPORT_CAPACITY_LIMIT" if number == 89 else "DISPATCH_SETPOINT"]
            ]  # fmt: skip
            Ven(site, site.configuration, settings, said.append).take(
                [(PROGRAM, [msgspec.Raw(msgspec.json.encode(each)) for each in events])]
            )
            held = {each.by.split("/")[1][:3] for each in site.desk.of(Channel.OPENADR)}
            assert held == {"e89"} | {f"e{number:02}" for number in range(63)}
            assert any("90 things; the 26 that begin last wait" in each for each in said)

    asyncio.run(story())


def test_what_is_no_event_holds_what_was_asked_for_as_long_as_silence_does(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "secret").write_text("a secret")
        async with depot(tmp_path) as (site, _, _):
            files: dict[str, Any] = {"secret_file": tmp_path / "secret"}
            settings = OpenAdr(url="https://vtn", client_id="d", silence_s=60, **files)
            ven, passed_s = Ven(site, site.configuration, settings, lambda text: None), 0.0
            began_s = site.now()
            site.now = lambda: began_s + passed_s  # type: ignore[method-assign]

            def take(*documents: dict[str, Any]) -> set[str]:
                ven.take([(PROGRAM, [msgspec.Raw(msgspec.json.encode(each)) for each in documents])])
                return {each.by.rpartition("/")[2] for each in site.desk.of(Channel.OPENADR)}

            power, limit = (
                {"id": id, "programID": "p1", "payloadDescriptors": KW,
                 "intervalPeriod": {"start": at(began_s - 1.0), "duration": "PT1H"},
                 "intervals": [{"payloads": payloads(kind, 4.0)}]}
                for id, kind in (("power", "DISPATCH_SETPOINT"), ("limit", "IMPORT_CAPACITY_LIMIT"))
            )  # fmt: skip
            both = {"power, set-point", "limit, limit"}
            assert take(power, limit) == both
            assert take({"id": 5}) == both  # nobody knows which one that is
            assert take(power | {"intervals": 3}, limit) == both
            passed_s = 61.0
            assert take(power | {"intervals": 3}, {"id": []}) == {"limit, limit"}
            assert take(power, limit) == both
            assert take(limit, {"id": "none", "programID": "p1"}) == {"limit, limit"}

    asyncio.run(story())


_NUMBERS = st.sampled_from([1, -1, 0, 2, 1e9, 1e308, -1e308, 10**30, 0.5, 1e-300, True, "5", None])
_STARTS = st.sampled_from([None, at(NOW), at(NOW - 3_600), at(NOW + 5e6), "0000-00-00", "9999-12-31T23:59:59Z",
                           "9999-12-31T23:59:59-23:59", "0002-01-01T00:00:00+14:00", "tomorrow"])  # fmt: skip
_LENGTHS = st.sampled_from([None, "PT1H", "PT0S", "PT0.001S", "P9999Y", "P9998Y", f"P{10**30}Y", "x"])
_PERIODS = st.none() | st.fixed_dictionaries({"start": _STARTS, "duration": _LENGTHS, "randomizeStart": _LENGTHS})
_KINDS = st.sampled_from(["DISPATCH_SETPOINT", "IMPORT_CAPACITY_LIMIT", "SIMPLE", "PRICE", "ODD"])
_PAYLOADS = st.lists(st.builds(lambda kind, value: {"type": kind, "values": [value]}, _KINDS, _NUMBERS), max_size=2)
_INTERVALS = st.lists(st.fixed_dictionaries({"intervalPeriod": _PERIODS, "payloads": _PAYLOADS}), max_size=3)


@given(st.fixed_dictionaries({"intervalPeriod": _PERIODS, "duration": _LENGTHS, "intervals": _INTERVALS}))
def test_whatever_an_event_states_asks_for_nothing_impossible(fields: dict[str, Any]) -> None:
    units = [*KW, {"payloadType": "PRICE", "units": "KWH"}]
    try:
        found = requests_of(event(**fields, payloadDescriptors=units), PROGRAM, PLACE, NOW - 5.0, NOW)
    except OpenAdrError:
        return
    for each in found:
        assert each.until_unix_s > max(NOW, each.from_unix_s)
        assert isinstance(each, ScheduleRequest | LimitRequest | PriceRequest)
        times = [step.from_unix_s for step in (each.prices if isinstance(each, PriceRequest) else each.steps)]
        assert times
        assert times == sorted(set(times))
        assert all(0.0 <= time <= 4_102_444_800.0 for time in times)
        assert each.until_unix_s == inf or each.until_unix_s <= 4_102_444_800.0
        if isinstance(each, ScheduleRequest):
            assert all(abs(step.power_w) <= 1e9 for step in each.steps)


def event(**fields: Any) -> Event:
    return read(msgspec.json.encode({"id": "e1", "programID": "p1", "payloadDescriptors": KW} | fields), Event, "event")


def payloads(kind: str, *values: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "values": list(values)}]


PERIODS = [
    ({"start": at(NOW), "duration": "PT15M"}, [None, None, None]),
    ({"start": at(NOW), "duration": "PT15M"}, [None, {"duration": "PT1H30M"}, None]),
    (None, [{"start": at(NOW), "duration": "PT5M"}, {"start": at(NOW + 600), "duration": "P1D"}]),
    ({"start": "2027-01-15T08:00:00Z", "duration": "P1DT2H3M4.5S"}, [None]),
]


@pytest.mark.parametrize(("whole", "own"), PERIODS)
def test_intervals_are_when_another_library_has_them(whole: Any, own: list[Any]) -> None:
    intervals = [
        {"id": number, "payloads": payloads("PRICE", 1.0), **({} if each is None else {"intervalPeriod": each})}
        for number, each in enumerate(own)
    ]
    document = {"id": "e1", "programID": "p1", "intervals": intervals, **({"intervalPeriod": whole} if whole else {})}
    foreign: list[Any] = [each.interval_period for each in ForeignEvent.from_raw(document).resolved_intervals()]
    ours = spans_of(event(**document), PLACE, NOW, NOW)
    expected = [at.timestamp() for each in foreign for at in each.period]
    assert [at_s for each in ours for at_s in (each.from_s, each.until_s)] == pytest.approx(expected)


def test_what_payloads_ask_for() -> None:
    whole = {"start": "0001-01-01T00:00:00Z", "duration": "PT1H"}
    units = [*KW, {"payloadType": "EXPORT_CAPACITY_LIMIT", "units": "W"}, {"payloadType": "PRICE", "units": "MWH"}]
    intervals = [
        {
            "id": 0,
            "payloads": [*payloads("SIMPLE", 1), *payloads("IMPORT_CAPACITY_LIMIT", 60), *payloads("PRICE", 250.0)],
        },
        {
            "id": 1,
            "payloads": [*payloads("SIMPLE", 0), *payloads("EXPORT_CAPACITY_LIMIT", 500), *payloads("PRICE", 100.0)],
        },
    ]
    made = event(intervalPeriod=whole, intervals=intervals, payloadDescriptors=units)
    limit, prices = requests_of(made, PROGRAM, PLACE, NOW, NOW + 1)
    assert isinstance(limit, LimitRequest)
    assert isinstance(prices, PriceRequest)
    assert limit.limits_at(NOW + 10) == (50_000.0, float("inf"))
    assert limit.limits_at(NOW + 3_610) == (float("inf"), 500.0)
    assert limit.limits_at(NOW + 7_210) == (float("inf"), float("inf"))
    assert [each.buy_per_kwh for each in prices.prices] == [0.25, 0.1]
    assert (prices.from_unix_s, prices.until_unix_s) == (NOW, NOW + 7_200.0)


def test_an_event_for_ever_repeats_its_intervals() -> None:
    day = [{"id": hour, "payloads": payloads("PRICE", float(hour))} for hour in range(24)]
    made = event(intervalPeriod={"start": at(NOW), "duration": "PT1H"}, duration="P9999Y", intervals=day,
                 payloadDescriptors=[{"payloadType": "PRICE", "units": "KWH"}])  # fmt: skip
    later = NOW + 10 * 86_400 + 5 * 3_600 + 60
    (prices,) = requests_of(made, PROGRAM, PLACE, NOW, later)
    assert isinstance(prices, PriceRequest)
    assert prices.prices[0].buy_per_kwh == 5.0
    assert 24 <= len(prices.prices) <= 72


def test_the_start_is_spread_by_the_names_of_both() -> None:
    made = event(intervalPeriod={"start": at(NOW), "duration": "PT1H", "randomizeStart": "PT10M"},
                 intervals=[{"id": 0, "payloads": payloads("SIMPLE", 1)}])  # fmt: skip
    starts = {spans_of(made, Place(ven=f"depot {n}", charge_w=1.0), NOW, NOW)[0].from_s - NOW for n in range(100)}
    assert len(starts) == 100
    assert 0.0 <= min(starts) < 60.0 < 540.0 < max(starts) < 600.0


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"intervals": [{"payloads": payloads("DISPATCH_SETPOINT", 1.0)}]}, "no start"),
        ({"intervals": [{"payloads": payloads("EXPORT_CAPACITY_LIMIT", 1.0)}]}, "in units None"),
        ({"intervals": [{"payloads": payloads("IMPORT_CAPACITY_LIMIT", -1.0)}]}, "must not be negative"),
        ({"intervals": [{"payloads": payloads("DISPATCH_SETPOINT", 1e9)}]}, "too large"),
        ({"intervals": [{"payloads": payloads("DISPATCH_SETPOINT", 1.0, 2.0)}]}, "is not one number"),
        ({"intervals": [{"payloads": payloads("SIMPLE", 4)}]}, "whole number from 0 to 3"),
        (
            {"intervals": [{"payloads": [*payloads("DISPATCH_SETPOINT", 1), *payloads("DISPATCH_SETPOINT", -1)]}]},
            "twice",
        ),
        ({"intervals": [{"payloads": payloads("SIMPLE", 1)}] * 2_001}, "2001 intervals"),
    ],
)
def test_an_event_that_means_nothing_is_refused(fields: dict[str, Any], why: str) -> None:
    start = {} if why == "no start" else {"intervalPeriod": {"start": at(NOW), "duration": "PT1H"}}
    with pytest.raises(OpenAdrError, match=why):
        requests_of(event(**start, **fields), PROGRAM, PLACE, NOW, NOW)


def test_a_report_has_means_energies_and_what_is_missing() -> None:
    samples = Samples()
    for second in range(0, 1_800, 2):
        samples.add(Sample(at_s=NOW + second, power_w=-8_000.0 if second < 900 else 2_000.0, follows=second < 900))
    asked = [{"payloadType": each} for each in ("DEMAND", "USAGE", "OPERATING_STATE", "STORAGE_CHARGE_LEVEL")]
    spans = [Span(0, NOW, NOW + 900.0, ()), Span(1, NOW + 900.0, NOW + 1_800.0, ())]
    made = reports.report(
        event(reportDescriptors=asked), spans, samples, ven="depot", resource="depot", with_program=True
    )
    assert made["programID"] == "p1"  # as edition 3.0 needs it
    (resource,) = made["resources"]
    values = [[each["values"][0] for each in interval["payloads"]] for interval in resource["intervals"]]
    assert values == [[-8.0, -2.0, "RUNNING_CURTAILED", "MISSING"], [2.0, 0.5, "NORMAL", "MISSING"]]
    assert resource["intervals"][1]["intervalPeriod"]["duration"] == "PT900S"
    assert not samples.known_of(Span(2, NOW - 60.0, NOW, ()))


@pytest.mark.parametrize("text", ["PT", "1 hour", "P1.5D", "-PT1H", "PT1H" * 20])
def test_a_duration_that_is_none(text: str) -> None:
    with pytest.raises(OpenAdrError, match="is no duration"):
        duration_s(text)


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"])
def test_a_time_that_is_none(text: str) -> None:
    with pytest.raises(OpenAdrError, match="is no time"):
        time_s(text, NOW)


def test_the_secret_does_not_travel_in_clear(tmp_path: Path) -> None:
    file = tmp_path / "depot.yaml"
    file.write_text("openadr: {url: 'http://vtn.example.com', client_id: d, secret_file: none}\n")
    with pytest.raises(ConfigurationError) as refused:
        load(file)
    assert "openadr.url: the client's secret would travel in clear" in str(refused.value)
    assert "openadr.secret_file: " in str(refused.value)
