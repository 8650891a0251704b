"""The configuration file of a site: opens it and the files that it names, and checks all of it."""

from pathlib import Path

from msgspec import convert
from msgspec.structs import replace

from v2g.depot.configuration import Broker, Configuration, EvsePlace, StationPlace
from v2g.depot.site.configuration import (
    Connected,
    Contacts,
    ControlBox,
    HouseBattery,
    HouseMeter,
    SiteConfiguration,
    Tariff,
    feeder_of,
)
from v2g.io.depot_configuration import POSTGRES, RULES
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.power.address import AddressError, parse
from v2g.station.config.leaves import carries_a_secret
from v2g.station.config.reader import LARGEST_BYTES, ConfigurationError, Fields, Findings, Rule, Rules, read

SLOWEST_S = 0.5
"""A meter that is read less often holds no limit within a second."""


def load(path: Path) -> tuple[SiteConfiguration, list[str]]:
    """Read and check the file; also a line for each warning. Raises `ConfigurationError` with every finding."""
    try:
        content = regular_file.beginning(path, LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; `v2g config example site` prints one") from error
    found, warnings = read(content, str(path), SiteConfiguration, FILE_RULES, path.parent)
    source = found.tariff.source
    if source is not None and "://" not in source:
        found = replace(found, tariff=replace(found.tariff, source=str(path.parent / source)))
    if not found.ledger.startswith(POSTGRES):
        found = replace(found, ledger=str(path.parent / found.ledger))
    return found, warnings


def _as_depot(site: Fields) -> Findings:
    """What holds of each depot, of one whose only feeder is the house's connection."""
    feeder = feeder_of(convert(site["connection"], Connected))
    fields = {"id": feeder.id, "charge_w": feeder.charge_w, "phase_w": feeder.phase_w, "parent": None}
    for rule in RULES[Configuration]:
        for place, text in rule(site | {"feeders": (fields,), "upstream": None}):
            if not place.startswith("feeders"):
                yield place, text
    for number, station in enumerate(site["stations"]):
        for index, evse in enumerate(station.get("evses", ())):
            place = f"stations[{number}].evses[{index}]"
            if evse.get("feeder") not in (None, feeder.id):
                yield f"{place}.feeder", "a house has no feeders; leave it out"
            if site["connection"]["phases"] == 1 and tuple(evse.get("phases", ())) != (1,):
                yield f"{place}.phases", "the house has one phase; write phases: [1]"


def _safe(site: Fields) -> Findings:
    connection, meter = site["connection"], site["meter"]
    if meter["silent_charge_a"] > connection["fuse_a"] - connection["margin_a"]:
        yield "meter.silent_charge_a", "more than the main fuse carries beside its margin"
    if connection["margin_a"] >= connection["fuse_a"]:
        yield "connection.margin_a", "leaves nothing of the main fuse"


def _meter(meter: Fields) -> Findings:
    ways = [name for name in ("address", "mqtt") if meter.get(name) is not None]
    if len(ways) > 1:
        yield "", "address and mqtt; say one of them"
    if meter.get("address") is None:
        if meter.get("model") is not None or meter.get("registers") is not None:
            yield "address", "missing; model and registers are of a meter at an address"
        return
    if meter.get("model") == "shelly-3em":
        if not meter["address"].startswith("http://"):
            yield "address", f"{meter['address']} is no address of a Shelly; write http://HOST"
        return
    try:
        address = parse(meter["address"])
    except AddressError as error:
        yield "address", str(error)
        return
    if not address.scheme.startswith("modbus"):
        yield "address", f"{address} is none of Modbus; write modbus://HOST or modbus+rtu:///dev/ttyUSB0"
    if (meter.get("model") is None) == (meter.get("registers") is None):
        yield "model", "say which meter it is by model, or name its map by registers"
    if meter.get("registers") is not None:
        from v2g.io.site_meter import map_of

        try:
            map_of(HouseMeter(registers=Path(meter["registers"])))
        except V2GError as error:
            yield "registers", str(error)


def _slow(meter: Fields) -> Findings:
    if meter["every_s"] > SLOWEST_S:
        yield "every_s", f"read each {meter['every_s']:g} s, fuse and export limit hold later than within a second"


def _battery(battery: Fields) -> Findings:
    if (battery.get("broker") is None) != (battery.get("power") is None):
        yield "broker", "broker and the topic power belong together; without both readings come by PUT /api/battery"


def _box(box: Fields) -> Findings:
    inputs = box.get("inputs")
    if inputs is not None:
        try:
            if not parse(inputs).scheme.startswith("modbus"):
                yield "inputs", f"{inputs} is no address of Modbus; write modbus://HOST"
        except AddressError as error:
            yield "inputs", str(error)
    names = [each.get("name") for each in box["contacts"]]
    for place, each in enumerate(box["contacts"]):
        if (inputs is None) != (each.get("input") is None):
            yield f"contacts[{place}].input", "input and the address of its module (inputs) belong together"
        if names.index(each.get("name")) < place:
            yield f"contacts[{place}].name", f"{each['name']} is there twice"
    if not box["contacts"] and not box["remote"]:
        yield "", "neither contacts nor remote: nothing can state a limit"


def _contact(contact: Fields) -> Findings:
    if contact.get("charge_w") is None and contact.get("feed_w") is None:
        yield "charge_w", "the contact limits nothing; give charge_w or feed_w"


def _tariff(tariff: Fields) -> Findings:
    if tariff["sell_per_kwh"] > tariff["buy_per_kwh"]:
        yield "sell_per_kwh", "above buy_per_kwh; what is fed counts at most what is drawn"


_RULES: dict[type, tuple[Rule, ...]] = {
    SiteConfiguration: (_as_depot, _safe),
    HouseMeter: (_meter,),
    HouseBattery: (_battery,),
    ControlBox: (_box,),
    Contacts: (_contact,),
    Tariff: (_tariff,),
    **{kind: RULES[kind] for kind in (EvsePlace, StationPlace, Broker)},
}

FILE_RULES = Rules(
    errors=_RULES,
    warnings={HouseMeter: (_slow,), **dict.fromkeys((SiteConfiguration, Tariff, Broker), (carries_a_secret,))},
)
