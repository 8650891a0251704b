"""Meters of a house: registers as their makers' public lists have them, a Shelly, topics of a broker."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests import broker as mqtt_broker
from tests.serving import serving

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ModbusException, listen
from v2g.depot.configuration import Broker
from v2g.depot.site.configuration import HouseBattery, HouseMeter, MqttMeter
from v2g.depot.site.reading import BatteryReading, HouseReading
from v2g.io.depot_mqtt import endpoint_of, keep
from v2g.io.mqtt import open_broker
from v2g.io.site_meter import BatteryAtBroker, MeterAtBroker, Unread, map_of, meter_of
from v2g.power.quantity import MapError
from v2g.power.registers.port import Table

VOLTS, AMPS, WATTS = (230.5, 229.0, 231.25), (10.5, 4.25, 0.5), (2400.0, -960.0, 110.0)


class Registers:
    """What a meter holds, written by hand from its list."""

    def __init__(self, table: Table, places: dict[int, bytes]) -> None:
        self._table = table
        self._words = {
            address + number: word
            for address, content in places.items()
            for number, word in enumerate(struct.unpack(f">{len(content) // 2}H", content))
        }

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if table is not self._table or any(place not in self._words for place in range(address, address + count)):
            raise ModbusException(ILLEGAL_ADDRESS)
        return [self._words[place] for place in range(address, address + count)]

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        raise ModbusException(ILLEGAL_ADDRESS)


def _floats(first: int, values: Sequence[float]) -> dict[int, bytes]:
    return {first + 2 * number: struct.pack(">f", value) for number, value in enumerate(values)}


def _swapped(first: int, values: Sequence[float], per_unit: float) -> dict[int, bytes]:
    found = {}
    for number, value in enumerate(values):
        high, low = struct.unpack(">2s2s", struct.pack(">i", round(value * per_unit)))
        found[first + 2 * number] = low + high
    return found


def _sunspec() -> dict[int, bytes]:
    """Model 1 of 66 registers, model 203 of 105, the end."""
    ids = b"SunS" + struct.pack(">HH", 1, 66) + bytes(132) + struct.pack(">HH", 203, 105)
    points = struct.pack(">4hh", 0, *(round(each * 100) for each in AMPS), -2)
    points += struct.pack(">8hh", 0, *(round(each * 10) for each in VOLTS), 0, 0, 0, 0, -1)
    points += struct.pack(">hh", 5000, -2) + struct.pack(">4hh", 155, *(round(each / 10) for each in WATTS), 1)
    return {40_000: ids + points + bytes(210 - len(points)) + struct.pack(">HH", 0xFFFF, 0)}


METERS = {
    "eastron-sdm630": (Table.INPUT, _floats(0, VOLTS) | _floats(6, AMPS) | _floats(12, WATTS)),
    "carlo-gavazzi-em24": (
        Table.INPUT, _swapped(0, VOLTS, 10) | _swapped(0x0C, AMPS, 1000) | _swapped(0x12, WATTS, 10)
    ),
    "janitza-umg96": (
        Table.HOLDING, _floats(19_000, VOLTS) | _floats(19_012, AMPS) | _floats(19_020, WATTS)
    ),
    "sunspec": (Table.HOLDING, _sunspec()),
}  # fmt: skip


async def _read(settings: HouseMeter) -> HouseReading:
    meter = meter_of(settings)
    assert meter is not None
    for _ in range(20):  # the client gives a busy machine no more than 0.1 s for an answer
        try:
            return await meter.read()
        except Exception as error:
            if "no answer" not in str(error) and "no connection" not in str(error):
                raise
            await asyncio.sleep(0.25)
    raise AssertionError("the meter never answers")


@pytest.mark.parametrize("model", METERS)
def test_registers_are_where_the_maker_says(model: str) -> None:
    async def read() -> HouseReading:
        server, port = await listen({1: Registers(*METERS[model])}, "127.0.0.1", 0)
        async with serving(server):
            return await _read(HouseMeter(model=model, address=f"modbus://127.0.0.1:{port}"))  # type: ignore[arg-type]

    found = asyncio.run(read())
    exact = 10.0 if model == "sunspec" else 0.1
    assert found.powers_w == pytest.approx(WATTS, abs=exact)
    assert found.currents_a == pytest.approx(AMPS, abs=0.01)
    assert found.voltages_v == pytest.approx(VOLTS, abs=0.1)


def test_a_map_of_ones_own_may_have_one_phase(tmp_path: Path) -> None:
    file = tmp_path / "meter.yaml"
    file.write_text("quantities:\n  power_l1_w: {address: 7, type: i16, scale: -1}\n")

    async def read() -> HouseReading:
        server, port = await listen({4: Registers(Table.HOLDING, {7: struct.pack(">h", -1500)})}, "127.0.0.1", 0)
        async with serving(server):
            return await _read(HouseMeter(registers=file, address=f"modbus://127.0.0.1:{port}?unit=4"))

    found = asyncio.run(read())
    assert found.powers_w == (1500.0, 0.0, 0.0)
    assert found.currents_a is None
    file.write_text("quantities:\n  power_l1_kw: {address: 7, type: i16}\n")
    with pytest.raises(MapError, match="power_l1_kw"):
        map_of(HouseMeter(registers=file))


GEN2 = (
    b'{"id":0,"a_current":10.5,"a_voltage":230.5,"a_act_power":2400.0,"b_current":4.25,"b_voltage":229.0,'
    b'"b_act_power":-960.0,"c_current":0.5,"c_voltage":231.25,"c_act_power":110.0,"total_act_power":1550.0}'
)
GEN1 = (
    b'{"emeters":[{"power":2400.0,"pf":0.99,"current":10.5,"voltage":230.5},{"power":-960.0,"current":4.25,'
    b'"voltage":229.0},{"power":110.0,"current":0.5,"voltage":231.25}],"total_power":1550.0}'
)


@pytest.mark.parametrize(("path", "answer"), [("/rpc/EM.GetStatus?id=0", GEN2), ("/status", GEN1)])
def test_a_shelly_of_either_generation(path: str, answer: bytes) -> None:
    class Shelly(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path else 404)
            self.end_headers()
            self.wfile.write(answer if self.path == path else b"Not Found")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Shelly)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        meter = meter_of(HouseMeter(model="shelly-3em", address=f"http://127.0.0.1:{server.server_port}"))
        assert meter is not None
        found = asyncio.run(meter.read())
        assert (found.powers_w, found.currents_a, found.voltages_v) == (WATTS, AMPS, VOLTS)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(Unread, match="check its address"):
        asyncio.run(meter.read())


def test_topics_make_a_reading_once_all_have_spoken() -> None:
    found: list[HouseReading] = []
    place = Broker(url="mqtt://127.0.0.1")
    meter = MeterAtBroker(MqttMeter(broker=place, power=("h/1", "h/2", "h/3")), found.append, 3.0)
    for topic, text in (("h/1", b"100"), ("h/2", b"nonsense"), ("h/2", b"nan"), ("h/3", b" -50.5 ")):
        meter.arrived(topic, text)
    assert found == []
    meter.arrived("h/2", b"20")
    assert found[0].powers_w == (100.0, 20.0, -50.5)
    stored: list[BatteryReading] = []
    battery = BatteryAtBroker(HouseBattery(broker=place, power="b/w", soc="b/soc"), stored.append)
    battery.arrived("b/soc", b"55")
    battery.arrived("b/w", b"-1200")
    assert (stored[0].power_w, stored[0].soc_pu) == (-1200.0, 0.55)


def test_a_topic_that_has_fallen_silent_leaves_no_reading() -> None:
    found: list[HouseReading] = []
    now = [0.0]
    settings = MqttMeter(broker=Broker(url="mqtt://127.0.0.1"), power=("h/1", "h/2", "h/3"))
    meter = MeterAtBroker(settings, found.append, 3.0, lambda: now[0])
    for topic in settings.power:
        meter.arrived(topic, b"100")
    assert len(found) == 1
    for now[0] in (2.0, 4.0):  # phase 3 speaks no more
        meter.arrived("h/1", b"150")
        meter.arrived("h/2", b"150")
    assert [each.powers_w for each in found] == [(100.0,) * 3, (150.0, 100.0, 100.0), (150.0, 150.0, 100.0)]
    meter.arrived("h/3", b"7000")
    assert found[-1].powers_w == (150.0, 150.0, 7000.0)


def test_a_state_of_charge_that_nobody_repeats_is_not_known_any_more() -> None:
    found: list[BatteryReading] = []
    now = [0.0]
    settings = HouseBattery(broker=Broker(url="mqtt://127.0.0.1"), power="b/w", soc="b/soc", silent_s=30.0)
    battery = BatteryAtBroker(settings, found.append, lambda: now[0])
    battery.arrived("b/soc", b"99")
    for now[0] in (0.0, 30.0, 31.0):
        battery.arrived("b/w", b"0")
    battery.arrived("b/soc", b"98")
    battery.arrived("b/w", b"0")
    assert [each.soc_pu for each in found] == [0.99, 0.99, None, 0.98]


@mqtt_broker.needed
def test_a_broker_that_dies_is_named_with_its_place(tmp_path: Path) -> None:
    said, heard = list[str](), list[HouseReading]()

    async def watch(place: Broker, kill: Callable[[], None]) -> None:
        settings = MqttMeter(broker=place, power=("a", "b", "c"))
        news = asyncio.Event()

        def report(text: str) -> None:
            said.append(text)
            news.set()

        async with asyncio.timeout(60.0):
            serving = asyncio.create_task(keep(MeterAtBroker(settings, heard.append, 3.0).serve, report))
            other = await open_broker(endpoint_of(place), "a meter", "gone")
            while not heard:
                for topic in ("a", "b", "c"):
                    other.publish(topic, "230")
                await asyncio.sleep(0.05)
            kill()
            while len(said) < 2:
                news.clear()
                await news.wait()
            serving.cancel()

    with mqtt_broker.broker(tmp_path) as running:
        asyncio.run(watch(Broker(url=f"mqtt://127.0.0.1:{running.port}"), running.kill))
        place = f"broker 127.0.0.1:{running.port}"
    assert said[0] == f"{place} is gone: the connection broke"
    assert said[1].startswith(f"{place}: ")
    assert said[1].endswith("; check its address and its network")
