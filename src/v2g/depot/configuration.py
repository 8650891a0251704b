"""What the configuration file of a depot says: stations, feeders, vehicles, requests; how silence is made safe."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from v2g.depot.fleet_configuration import MemberOf
from v2g.depot.grid_configuration import Csip, Dnp3, Iec104, OpenAdr, SunSpec
from v2g.depot.value_types import LedgerDays, Listen, Name, Phase, Power, Share


class Feeder(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node of the feeder tree: what it can carry each way. The first one is the site's connection."""

    id: Name
    """For the `parent` and `feeder` of others."""
    parent: Name | None = None
    """The node that feeds it; None for the site's connection."""
    charge_w: Power
    """The most that flows towards the vehicles."""
    discharge_w: Power | None = None
    """Towards the grid; as much as `charge_w` if left out."""
    phase_w: Power | None = None
    """The most on one phase, either way; a third of `charge_w` holds if left out and a vehicle uses one phase."""
    rated_va: Annotated[float, Meta(gt=0, le=100_000_000)] | None = None
    """Of a transformer whose heat is watched (IEC 60076-7): its temperature is a limit too."""


class EvsePlace(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One EVSE of a station."""

    id: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Its number at the station."""
    feeder: Name | None = None
    """The node that feeds it; the site's connection if left out."""
    charge_w: Power
    """The most that it draws."""
    discharge_w: Power = 0.0
    """0 if nothing may ever be fed from here."""
    min_charge_w: Power = 0.0
    """Below this a vehicle does not charge."""
    min_discharge_w: Power = 0.0
    """Below this the inverter stays off, or wastes what it moves."""
    phases: Annotated[tuple[Phase, ...], Meta(min_length=1, max_length=3)] = (1, 2, 3)
    """Those that its vehicles load."""
    efficiency: Annotated[float, Meta(gt=0.5, le=1)] = 0.94
    """Of its inverter, each way."""


class StationPlace(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A charging station that may connect."""

    id: Name
    """Its identity in OCPP: the end of the path that it connects to."""
    password_file: Path | None = None
    """Security profiles 1 and 2."""
    serial: Annotated[str, Meta(max_length=25)] = ""
    """Security profile 3: the common name of its certificate; its identity if left out."""
    evses: Annotated[tuple[EvsePlace, ...], Meta(min_length=1, max_length=100)]
    """At least one."""


class FleetVehicle(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vehicle of the fleet list."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    """For people, requests and the ledger."""
    tokens: Annotated[tuple[str, ...], Meta(min_length=1)]
    """What it, or its driver, identifies itself by: EVCCID, contract (eMAID), card."""
    capacity_wh: Annotated[float, Meta(gt=0, le=10_000_000)] | None = None
    """Of its battery; without it, or the state of charge, energies count."""
    floor_soc: Share | None = None
    """Never discharged below this; the site's `floor_soc` if left out."""
    target_soc: Share | None = None
    """At its departure."""
    energy_wh: Annotated[float, Meta(ge=0, le=10_000_000)] | None = None
    """To be charged in each stay; `target_soc` holds over it."""
    departure: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="a time such as 07:30")] | None = (
        None
    )
    """Each day, in the time of this machine."""
    discharge: bool = True
    """Whether it may ever be discharged."""


class Token(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By which a program proves who it is."""

    name: Name
    """In whose name it asks, and nobody else does."""
    token_file: Path
    """Holds the token; `openssl rand -hex 24` makes one."""


class Http(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The REST interface and the operator's page."""

    listen: Listen = "127.0.0.1:8080"
    """For HTTP, or HTTPS with a certificate."""
    token_file: Path | None = None
    """What programs have to send as `Authorization: Bearer ...`, all of them the same."""
    tokens: tuple[Token, ...] = ()
    """Those of programs that have one of their own: no other can withdraw or replace what they ask."""
    users_file: Path | None = None
    """People who may sign in to the page, and their roles: lines that `v2g depot user` writes."""
    codes_file: Path | None = None
    """The code of each EVSE, by which drivers find their page: lines that `v2g depot codes` writes."""
    certificate: Path | None = None
    """With its chain, PEM."""
    private_key: Path | None = None
    """PEM; needed, as is a token or a user, if it listens beyond this machine."""
    proxy_header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    """In which a proxy on this machine names the person that it has signed in, such as `X-Remote-User`."""


class Control(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The local socket for `v2g depot status` and `explain`."""

    socket: Path = Path("/run/v2g/depot.sock")
    """Of `v2g depot status`, `explain` and `audit`."""
    mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}$", description="octal permissions, such as 0660")] = "0660"
    """Permissions of the socket."""


class Metrics(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For Prometheus, in clear and without a password: what it shows, anybody sees who reaches the address."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """The address to listen at."""
    port: Annotated[int, Meta(ge=1, le=0xFFFF)] = 9464
    """Of `/metrics`, `/healthz` and `/readyz`."""


class Broker(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An MQTT broker."""

    url: Annotated[
        str,
        Meta(pattern=r"^mqtts?://[^\s+#]+$", description="an address such as mqtts://broker.example.com/depot"),
    ]
    """Its path is the prefix of the topics."""
    user: str = "depot"
    """As the broker knows the depot."""
    password_file: Path | None = None
    """Of that user."""
    roots: Path | None = None
    """Of the broker's certificate, PEM; those of this machine if left out."""


class Standing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the site does when nobody asks for anything."""

    power_w: Annotated[float, Meta(ge=-100_000_000, le=100_000_000)] | None = None
    """Positive draws from the grid, negative feeds it; None charges the vehicles by their own needs."""
    droop_w_per_hz: Power = 0.0
    """Share of frequency control: W less for each Hz below the nominal frequency."""
    nominal_hz: Literal[50, 60] = 50
    """Of the grid."""


class Stations(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How stations connect."""

    listen: Listen = "127.0.0.1:9000"
    """For WebSockets."""
    security_profile: Literal[1, 2, 3] = 2
    """1: password in clear, for trusted networks only; 2: TLS and password; 3: TLS and a certificate of the station."""
    certificate: Path | None = None
    """Of the depot with its chain, PEM."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    roots: Path | None = None
    """Of the stations' certificates (security profile 3)."""
    broker: Broker | None = None
    """Stations may come over MQTT as well."""


class Upstream(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The stations' CSMS in relay mode."""

    url: Annotated[str, Meta(pattern=r"^wss?://\S+$", description="an address such as wss://csms.example.com/ocpp")]
    """Without the station's identity, which is added to it."""
    security_profile: Literal[1, 2, 3] = 2
    """With 1 and 2 each station's own password serves upwards too."""
    roots: Path | None = None
    """Of the CSMS's certificate; those of this machine if left out."""
    certificate: Path | None = None
    """Of the depot, for security profile 3."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    knows_controller: bool = False
    """Whether the CSMS accepts the depot's certificate for all its stations; security profile 3 needs that."""
    away: Literal["answer", "close"] = "answer"
    """While the CSMS is away the depot answers the stations and forwards afterwards, or closes their links."""
    versions: Annotated[tuple[Literal["ocpp2.1", "ocpp2.0.1"], ...], Meta(min_length=1)] = ("ocpp2.1", "ocpp2.0.1")
    """What the CSMS speaks; stations are offered nothing else."""
    identity: Name | None = None
    """Of the depot itself: then it has a link of its own, on which it reports limits of the site."""
    password_file: Path | None = None
    """Of that identity, for the security profiles 1 and 2."""


class Planning(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the plan a day ahead counts with beside the prices, in their currency."""

    wear_per_kwh: Annotated[float, Meta(ge=0, le=1000)] = 0.05
    """Wear of the batteries by what is discharged."""
    peak_per_kw: Annotated[float, Meta(ge=0, le=100_000)] = 0.0
    """Of the highest quarter of an hour that is drawn from the grid."""
    peak_so_far_w: Power = 0.0
    """What that has been already in this period of accounting."""


class Silence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens when somebody falls silent."""

    safe_w: Power = 0.0
    """What each EVSE may charge with while it has no valid set-point; it never discharges then."""
    setpoint_s: Annotated[int, Meta(ge=6, le=3600)] = 30
    """A set-point that is not renewed for this long is invalid at the station."""
    offline_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    """So is one whose station has had no connection to the depot for this long."""
    meter_s: Annotated[int, Meta(ge=1, le=300)] = 5
    """Between two meter values of a station."""
    stale_s: Annotated[int, Meta(ge=3, le=900)] = 60
    """A state of charge older than this is not known: no discharge."""


class Configuration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    name: Name = "depot"
    """For people."""
    feeders: Annotated[tuple[Feeder, ...], Meta(min_length=1)]
    """The first one is the site's connection."""
    stations: tuple[StationPlace, ...] = ()
    station_list: Path | None = None
    """A CSV file with more stations, for large sites; see docs/depot.md."""
    vehicles: tuple[FleetVehicle, ...] = ()
    fleet: Path | None = None
    """A CSV file with more vehicles, in columns named as the fields of `vehicles`; see docs/depot.md."""
    unknown_vehicles: Literal["charge", "refuse"] = "charge"
    """A vehicle that is not in the list: it may charge only, or not at all."""
    floor_soc: Share | None = None
    """Of vehicles that have none; without any a vehicle is never discharged."""
    connect: Stations = Stations()
    member_of: MemberOf | None = None
    """The fleet that asks the depot for power; None: none does."""
    upstream: Upstream | None = None
    """Relay mode only, which needs it."""
    silence: Silence = Silence()
    plan: Planning = Planning()
    request: Standing = Standing()
    schedule: Path | None = None
    """A CSV file of requests; see docs/depot.md."""
    requests: Broker | None = None
    """A broker at which the site is asked for power."""
    http: Http = Http()
    control: Control = Control()
    metrics: Metrics | None = None
    sunspec: SunSpec | None = None
    """The depot as a SunSpec inverter at a Modbus address; None: nowhere."""
    openadr: OpenAdr | None = None
    """The depot as a VEN of OpenADR 3."""
    dnp3: Dnp3 | None = None
    """The depot as a DNP3 outstation."""
    csip: Csip | None = None
    """The depot as a client of IEEE 2030.5 (CSIP)."""
    iec104: Iec104 | None = None
    """The depot as a controlled station of IEC 60870-5-104."""
    ambient_c: Annotated[float, Meta(ge=-60, le=70)] | None = None
    """Of the air around the transformers, if nobody measures it; 40 °C if left out."""
    cycle_s: Annotated[float, Meta(ge=0.5, le=60)] = 2.0
    """How often the controller decides."""
    ledger: Annotated[str, Meta(min_length=1, description="a file, or postgresql://...")] = "/var/lib/v2g/depot.db"
    """The file of the SQLite database, or the address of a PostgreSQL one."""
    ledger_days: LedgerDays = 400
    """How long a transaction is kept after its end; days in which the depot does not run do not count."""


__all__ = [
    "Broker",
    "Configuration",
    "Control",
    "EvsePlace",
    "Feeder",
    "FleetVehicle",
    "Http",
    "Listen",
    "Metrics",
    "Name",
    "Phase",
    "Planning",
    "Power",
    "Share",
    "Silence",
    "Standing",
    "StationPlace",
    "Stations",
    "SunSpec",
    "Token",
    "Upstream",
]
