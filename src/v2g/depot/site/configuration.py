"""What the configuration file of a site says: a depot of one to ten chargers behind the meter of a house."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from v2g.depot.configuration import (
    Broker,
    Configuration,
    Control,
    Feeder,
    FleetVehicle,
    Http,
    Metrics,
    Name,
    Planning,
    Power,
    Share,
    Silence,
    StationPlace,
    Stations,
)
from v2g.depot.site.control import ROOT, Battery
from v2g.depot.site.grid_limit import FAIL_SAFE_W, HEARTBEAT_S
from v2g.depot.site.guard import Connection
from v2g.depot.site.wish import Follow
from v2g.depot.value_types import LedgerDays

Amps = Annotated[float, Meta(ge=0, le=1000)]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="a time such as 17:30")]
Price = Annotated[float, Meta(ge=-1000, le=1000)]
Topic = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^+#]+$", description="a topic without + and #")]
Phases3 = Annotated[tuple[Topic, ...], Meta(min_length=1, max_length=3)]


class Connected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The house's connection to the grid."""

    fuse_a: Annotated[float, Meta(ge=6, le=250)]
    """The main fuse of each phase."""
    margin_a: Amps = 1.0
    """What is left of it to the errors of the meter."""
    phases: Literal[1, 3] = 3
    """Of the house."""
    nominal_v: Annotated[float, Meta(ge=100, le=300)] = 230.0
    """Phase to neutral."""
    draw_w: Power | None = None
    """The most that the house may draw, if that is less than the fuses carry."""
    export_w: Power = 0.0
    """The most that the chargers may add to: in all, and in each phase. 0: nothing is ever fed (zero export)."""


class MqttMeter(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Topics whose messages are a plain number each."""

    broker: Broker
    """Where the topics are."""
    power: Phases3
    """W of each phase, positive is drawn."""
    current: Phases3 | None = None
    """A of each phase."""


class HouseMeter(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The meter at the connection. Without an address readings come over HTTP (`PUT /api/house`)."""

    model: Literal["eastron-sdm630", "carlo-gavazzi-em24", "janitza-umg96", "sunspec", "shelly-3em"] | None = None
    """Whose register map is taken."""
    address: str | None = None
    """`modbus://HOST?unit=1`, `modbus+rtu:///dev/ttyUSB0?baud=9600&parity=N`, `http://HOST` of a Shelly."""
    registers: Path | None = None
    """A register map of another meter."""
    mqtt: MqttMeter | None = None
    reversed: bool = False
    """It counts what is fed as positive."""
    every_s: Annotated[float, Meta(ge=0.1, le=60)] = 0.25
    """Between two readings."""
    silent_s: Annotated[float, Meta(ge=1, le=120)] = 3.0
    """Without a reading for this long it counts as silent."""
    silent_charge_a: Amps = 0.0
    """What the chargers may draw in each phase, all together, while it is silent: what the main fuse leaves beside the
    largest load of the house."""


class HouseBattery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The battery of the house. Readings come over HTTP (`PUT /api/battery`) or from topics with a plain number."""

    broker: Broker | None = None
    """Where the topics are."""
    power: Topic | None = None
    """W, positive charges it."""
    soc: Topic | None = None
    """Percent."""
    first_soc: Share = 0.95
    """Below this it charges before the vehicles."""
    silent_s: Annotated[float, Meta(ge=1, le=900)] = 30.0
    """Without a reading for this long it counts as silent."""


class HouseSun(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the panels give, for the page only: a topic with a plain number. Without one `PUT /api/sun` brings it."""

    broker: Broker
    power: Topic
    """W; a sign does not count."""


class Tariff(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a kWh costs."""

    buy_per_kwh: Price = 0.30
    """While there are no valid prices."""
    sell_per_kwh: Price = 0.08
    """What is paid for each kWh that is fed, while there are no valid prices."""
    source: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    """A file with prices, or the address of one (`https://...`); see docs/home.md."""
    every_s: Annotated[int, Meta(ge=60, le=86_400)] = 1800
    """Between two looks at an address."""
    add_per_kwh: Price = 0.0
    """Fees and taxes on top of each price that is bought."""


class Contacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A relay contact of the control box, at an input of a remote I/O module, or reported over HTTP."""

    name: Name
    """For people and the log."""
    input: Annotated[int, Meta(ge=0, le=0xFFFF)] | None = None
    """Its discrete input, counting from 0."""
    active: Literal["closed", "open"] = "closed"
    """`open`: the limit holds if the contact opens, and so if its wire breaks."""
    charge_w: Power | None = None
    """What the chargers may draw while it is active."""
    feed_w: Power | None = None
    """What may be fed while it is active."""


class ControlBox(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What limits the site by the grid operator's order (§ 14a EnWG and the like)."""

    contacts: Annotated[tuple[Contacts, ...], Meta(max_length=8)] = ()
    """Each limits while it is active."""
    inputs: str | None = None
    """Address of the I/O module; without one `PUT /api/limit/contacts` says which contacts are active."""
    remote: bool = False
    """A program states limits over HTTP, and renews its heartbeat."""
    fail_safe_w: Power = FAIL_SAFE_W
    """What the chargers may draw while it is silent."""
    fail_safe_feed_w: Power | None = None
    """What may be fed then; None: no limit."""
    heartbeat_s: Annotated[float, Meta(ge=10, le=3600)] = HEARTBEAT_S
    """Without a sign of life for this long a program counts as silent."""
    release_s: Annotated[float, Meta(ge=7200, le=86_400)] | None = None
    """How long the fail-safe value holds at most while the heartbeat stays away; None: until it is back."""
    log: Path | None = None
    """A CSV file to which each limit is added, for the grid operator."""


class Evening(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When vehicles cover the house although nothing is known of its load yet; local time."""

    start: Clock
    """Local time."""
    end: Clock
    """Local time."""


class SiteConfiguration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    name: Name = "home"
    """For people."""
    connection: Connected
    meter: HouseMeter = HouseMeter()
    battery: HouseBattery | None = None
    sun: HouseSun | None = None
    tariff: Tariff = Tariff()
    control_box: ControlBox | None = None
    evening: Evening | None = None
    from_sun: bool = False
    """A vehicle of which departure or state of charge is not known charges from the sun alone, not at once."""
    stations: Annotated[tuple[StationPlace, ...], Meta(min_length=1, max_length=10)]
    """Those that may connect."""
    vehicles: tuple[FleetVehicle, ...] = ()
    """Those that are known; only they may be discharged."""
    unknown_vehicles: Literal["charge", "refuse"] = "charge"
    """A vehicle that is not in the list: it may charge only, or not at all."""
    floor_soc: Share | None = None
    """Of vehicles that have none; without any a vehicle is never discharged."""
    connect: Stations = Stations()
    silence: Silence = Silence(setpoint_s=10, offline_s=10, meter_s=1)
    plan: Planning = Planning()
    requests: Broker | None = None
    """A broker at which the site is asked for power."""
    http: Http = Http()
    metrics: Metrics | None = None
    control: Control = Control()
    cycle_s: Annotated[float, Meta(ge=0.5, le=10)] = 1.0
    """How often the site decides."""
    ledger: Annotated[str, Meta(min_length=1, description="a file, or postgresql://...")] = "/var/lib/v2g/site.db"
    """The file of the SQLite database, or the address of a PostgreSQL one."""
    ledger_days: LedgerDays = 400
    """How long a transaction is kept after its end; days in which the site does not run do not count."""


def depot_of(site: SiteConfiguration) -> Configuration:
    """The same as a depot with one feeder, the house's connection."""
    shared = {name: getattr(site, name) for name in site.__struct_fields__ if name in Configuration.__struct_fields__}
    return Configuration(feeders=(feeder_of(site.connection),), **shared)


def feeder_of(connection: Connected) -> Feeder:
    """What the main fuse carries. What the house itself draws or feeds is the guard's concern."""
    phase_w = connection.fuse_a * connection.nominal_v
    whole_w = phase_w * connection.phases
    draw_w = whole_w if connection.draw_w is None else min(connection.draw_w, whole_w)
    return Feeder(id=ROOT, charge_w=draw_w, discharge_w=whole_w, phase_w=phase_w)


def connection_of(site: SiteConfiguration) -> Connection:
    """The connection as the guard knows it."""
    each, meter = site.connection, site.meter
    found = Connection(
        fuse_w=max(each.fuse_a - each.margin_a, 0.0) * each.nominal_v,
        export_w=each.export_w,
        nominal_v=each.nominal_v,
        response_s=max(0.4, 2 * meter.every_s),
        silent_s=max(meter.silent_s, 3 * meter.every_s),
        silent_charge_w=meter.silent_charge_a * each.nominal_v,
    )
    return found if each.draw_w is None else replace(found, draw_w=each.draw_w)


def battery_of(site: SiteConfiguration) -> Battery | None:
    """The house's battery as the control knows it."""
    battery = site.battery
    return None if battery is None else Battery(first_pu=battery.first_soc, silent_s=battery.silent_s)


def follow_of(site: SiteConfiguration) -> Follow:
    """How the sun and the evening are followed."""
    if site.evening is None:
        return Follow()
    return Follow(evening=(_seconds(site.evening.start), _seconds(site.evening.end)))


def _seconds(clock: str) -> float:
    hours, minutes = clock.split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes)
