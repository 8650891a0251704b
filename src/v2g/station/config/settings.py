"""What `/etc/v2g/config.yaml` may say, as types. Reading is in `reader`, what fields fulfil together in `rules`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from v2g.pilot.station import PilotSettings
from v2g.power.address import Address
from v2g.power.address import parse as parse_address
from v2g.power.pilot import PwmSettings
from v2g.station.config.sunspec import SunSpec
from v2g.thermal.settings import ThermalSettings

Power = Annotated[float, Meta(ge=0, le=1_000_000)]
Current = Annotated[float, Meta(ge=0, le=3_000)]
Voltage = Annotated[float, Meta(ge=0, le=1_500)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Device(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device of the EVSE, and the driver that speaks to it."""

    address: Annotated[str, Meta(pattern=r"^\S+$", description="an address such as modbus://192.168.1.10:502?unit=1")]
    """A URL whose scheme names the carrier, such as `modbus://HOST:PORT?unit=1`; see `v2g.power.address`."""
    unit: Annotated[int, Meta(ge=0, le=255)] | None = None
    """The old form of `?unit=`, for an address without a scheme."""
    driver: Name | None = None
    """A name of `v2g.power.drivers.DRIVERS`; the one that goes with the address if left out."""
    registers: Path | None = None
    """A register map of the user's own; the shipped one if left out. For a SunSpec inverter that of its DC output."""

    @property
    def where(self) -> Address:
        """The address, parsed. Raises `AddressError`; the configuration has been checked for that."""
        return parse_address(self.address, self.unit, self.driver)


class Capability(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the EVSE and its cable can carry, whatever the inverter could. Magnitudes."""

    charge_w: Power = 15_000.0
    """Into the vehicle."""
    discharge_w: Power = 15_000.0
    """Out of the vehicle."""
    charge_a: Current = 40.0
    """Into the vehicle."""
    discharge_a: Current = 40.0
    """Out of the vehicle."""
    voltage_min_v: Voltage = 150.0
    """The lowest that the output regulates to."""
    voltage_max_v: Voltage = 500.0
    """The highest."""
    ramp_w_per_s: Power | None = None
    """How fast the power may rise, in either direction; it falls at once. None: at once."""


class CertifiedVehicle(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vehicle whose inverter is certified for the grid code, such as by SAE J3072. Named by what it proves."""

    certificate: Name
    """Common name of its certificate; the EVCCID that it states counts for nothing here."""
    standard: Name
    """What it is certified by, and the certificate's number: for the operator and the trace."""
    reactive_var: Power
    """The reactive power that its inverter has in every quadrant. Magnitude."""


Pattern = Annotated[str, Meta(pattern=r"^[^*]+\*?$|^\*$", description="a name, or the beginning of one and a *")]


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a contract or a vehicle may do here. All that it names must fit, and only what is proved counts."""

    contract: Pattern | None = None
    """eMAID, without separators."""
    vehicle: Pattern | None = None
    """Common name of the vehicle certificate."""
    may: Literal["discharge", "charge", "nothing"]
    """The most that they may do."""


class Access(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may use the EVSE, and who may feed the grid."""

    grant: Literal["everyone", "nobody", "listed", "asked"] = "nobody"
    """`listed`: the cars in `certificates`, and those in `evcc_ids` if `unproved` says so. `asked`: those at once, and
    any other once a client of the local API lets it in."""
    certificates: tuple[Name, ...] = ()
    """Common names of vehicle certificates: what a car has proved with TLS."""
    evcc_ids: tuple[Name, ...] = ()
    """EVCCIDs: names that cars make up for themselves."""
    unproved: bool = False
    """Accept a listed EVCCID although nothing proves it: anyone who knows the name can charge."""
    authorizer: Name | None = None
    """Who decides instead of `grant`: an authoriser that another package brings (entry points `v2g.authorizers`)."""
    contracts: tuple[Name, ...] = ()
    """eMAIDs of contracts: what a car has proved by its signature (Plug & Charge). They count as `listed`."""
    cards: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{4,36}$", description="4 to 36 letters and digits")], ...],
        Meta(max_length=1000),
    ] = ()
    """Numbers of cards (RFID) that let a car in to charge, with `grant: listed` or `asked`. They can be copied."""
    unknown: Literal["charge", "nothing"] = "charge"
    """What a car may do at most that proves nothing of who it is: neither a vehicle certificate nor a contract."""
    rules: tuple[Rule, ...] = ()
    """Who may do what, before all else: the first rule that fits decides."""
    discharge: bool = False
    """Whether a car that may use the EVSE, and has proved who it is, may also feed the grid."""
    bench_discharge: bool = False
    """For a bench only: let a car feed the grid that proves nothing of who it is, such as one without TLS."""
    negative_current: tuple[Name, ...] = ()
    """Contracts of cars of ISO 15118-2 that may feed the grid by a negative target current (SAE J2847/2). All else that
    holds for feeding the grid holds for them too."""
    negative_current_unproved: tuple[Name, ...] = ()
    """EVCCIDs of cars of ISO 15118-2 and DIN SPEC 70121 that may do so without a contract. An EVCCID proves nothing:
    whoever states a listed one is taken for that car, and feeds the grid."""
    certified: tuple[CertifiedVehicle, ...] = ()
    """Vehicles whose own inverter may feed the grid in AC_BPT."""

    def certified_by(self, certificate: str | None) -> CertifiedVehicle | None:
        """The entry of the vehicle that has proved to hold this certificate, or None."""
        return next(
            (each for each in self.certified if certificate is not None and each.certificate == certificate), None
        )


class PlanStep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of the plan for the power in dynamic control. One of `power_w` and `follow`."""

    power_w: float | None = None
    """Positive charges the vehicle, negative feeds the grid."""
    follow: Literal["frequency"] | None = None
    """Power from the grid's frequency: `base_w` at nominal, `w_per_hz` for each hertz beyond the deadband."""
    base_w: float = 0.0
    """At the nominal frequency."""
    w_per_hz: Power = 0.0
    """More for each hertz above, less for each below."""
    nominal_hz: Annotated[float, Meta(ge=45, le=65)] = 50.0
    """From which the deviation is counted."""
    deadband_hz: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """A deviation up to this changes nothing."""
    for_s: Seconds | None = None
    """How long the step lasts, counted from the start of energy transfer; the last step lasts for ever."""


class GridCodeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The EVSE's grid code. `v2g grid codes` lists them all, with every setting, its range and its source."""

    name: Name
    """One of `v2g.grid.codes.CODES`."""
    category: str | None = None
    """Variant of the code: of IEEE 1547 the normal operating performance category a or b (b if left out), of
    AS/NZS 4777.2 the region a, b or c (a if left out), of VDE-AR-N 4105 `small` for a plant of up to 4.6 kVA."""
    phases: Literal[1, 3] = 3
    """How many of the grid sensing unit's voltages count."""
    settings: dict[str, float | bool | str] = {}
    """What differs from the code's defaults: `trip.ov1.delay_s: 5`."""
    adjustable_by: tuple[Literal["operator", "sunspec", "back_end"], ...] = ("operator", "sunspec", "back_end")
    """Who may change settings while the station runs; nobody if it is empty."""


class Pilot(PilotSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The control pilot, behind `device` or made by this machine (`pwm`)."""

    device: Device | None = None
    """A microcontroller with registers."""
    pwm: PwmSettings | None = None
    """This machine's own signal."""


class Plc(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The power-line modem behind the EVSE's `interface`; see docs/plc.md."""

    reference_db: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """Loss in the station's receiver, between plug and modem."""
    weakest_dbm: Annotated[float, Meta(ge=-100, le=0)] = -60.0
    """Warn below this signal level."""
    when_weak: Literal["warn", "end"] = "warn"
    """What follows once the signal has been below for 5 s: a second warning, or the session ends in order (0x19)."""
    validation_required: bool = True
    """Have a car that is not sure of its station toggle the control pilot; False lets it go on without."""
    margin_db: Annotated[float, Meta(ge=0, le=20)] = 3.0
    """How much better another car must be heard for an alarm."""
    modem: (
        Annotated[
            str, Meta(pattern=r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", description="a MAC such as 00:b0:52:01:02:03")
        ]
        | None
    ) = None
    """MAC of the station's modem; learned from its first answer if left out."""


class PhaseSwitching(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an EVSE with a `phase_contactor` goes from three phases to one and back; see docs/ac-charging.md."""

    automatic: bool = False
    """By the power that is asked for. If left out, by order only: some cars bear no third phase that comes later."""
    pilot: Literal["X1", "F"] = "X1"
    """What the car sees meanwhile. `F`: state F as well, for a car that does not start again after X1."""
    pause_s: Annotated[float, Meta(ge=3, le=900)] = 10.0
    """How long both contactors are open at least."""
    every_s: Annotated[float, Meta(ge=0, le=86_400)] = 300.0
    """Between two switches at least."""
    after_s: Annotated[float, Meta(ge=0, le=3_600)] = 60.0
    """`automatic`: how long another number of phases must have suited."""


class Wear(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Spares the contactor of an EVSE whose car follows the duty cycle. No limit waits for it."""

    least_on_s: Annotated[float, Meta(ge=0, le=3_600)] = 0.0
    """A set-point of the local API stops no car earlier after it began to charge; it gets the least duty cycle."""
    least_off_s: Annotated[float, Meta(ge=0, le=3_600)] = 0.0
    """A car that was stopped gets no energy earlier."""


class EvseSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One EVSE with its power path."""

    id: Annotated[int, Meta(ge=1)] = 1
    """Its number in commands, status and trace."""
    evse_id: Name = "DE*V2G*E0000001"
    """Its name for cars and back ends: country, operator, E, number (ISO 15118-20, Annex C)."""
    interface: Annotated[str, Meta(min_length=1, max_length=15)] | None = None
    """Network interface of the power-line modem. None: no discovery, so the car must know the address."""
    port: Port = 15118
    """TCP port; 0 takes a free one, which discovery announces."""
    services: Annotated[
        tuple[Literal["DC_BPT", "DC", "MCS_BPT", "MCS", "AC_DER_IEC", "AC_DER_SAE", "AC_BPT", "AC"], ...],
        Meta(min_length=1),
    ] = ("DC_BPT", "DC")
    """In the order of preference."""
    modes: Annotated[tuple[Literal["dynamic", "scheduled"], ...], Meta(min_length=1)] = ("dynamic", "scheduled")
    """Control modes in the order of preference."""
    timing: Literal["standard", "relaxed"] = "standard"
    """How long a silent car is waited for: `relaxed` waits 2 s instead of 0.5 s in the charge loop."""
    nominal_voltage_v: Annotated[int, Meta(ge=100, le=480)] = 230
    """Of the grid, phase to neutral."""
    nominal_hz: Annotated[float, Meta(ge=45, le=65)] = 50.0
    """Of the grid; the frequencies of the grid code are scaled to it."""
    phases: Literal[1, 3] = 3
    """Phases wired to the AC outlet. A duty cycle states the current of each."""
    phase_switching: PhaseSwitching = PhaseSwitching()
    """When and how phases are switched, with a `phase_contactor`."""
    wear: Wear = Wear()
    """How long the contactor stays closed or open at least."""
    bench_ac_bpt: bool = False
    """For a bench only: let an AC car feed the grid although nothing detects islanding of its inverter."""
    pause: bool = True
    """Let cars pause their session and resume it."""
    contracts: bool = False
    """Let cars pay by a contract (Plug & Charge); over TLS only."""
    receipts_s: Seconds | None = None
    """Have a car with a contract sign the meter's reading this often, in seconds; never if left out."""
    internet: tuple[Literal["ftp", "http", "https"], ...] = ()
    """What cars may reach in the internet over the site's network; stated to cars, not enforced here."""
    precharge_tolerance_v: Annotated[float, Meta(ge=1, le=50)] | None = 20.0
    """How close the output must be to the car's voltage before energy transfer; null leaves that to the car."""
    price_levels: bool = False
    """Adds a neutral price schedule to schedules, for cars that refuse one without prices."""
    quirks: bool = True
    """Report known deviations of cars, and allow for them; see docs/quirks.md."""
    capability: Capability = Capability()
    access: Access = Access()
    dispatch: tuple[PlanStep, ...] = (PlanStep(power_w=0.0),)
    """The plan for the power in dynamic control, from the first moment of energy transfer on."""
    wishes: tuple[Name, ...] = ()
    """Wish sources that other packages bring (entry points `v2g.wishes`): their wish replaces that of `dispatch`."""
    inverter: Device | None = None
    """Needed for DC."""
    contactor: Device
    """Joins the car to the inverter or the grid; its feedback is read."""
    phase_contactor: Device | None = None
    """Of L2 and L3, while `contactor` is that of L1 and neutral: phases can be switched between one and three."""
    meter: Device
    """Counts the energy each way; without a reading no energy flows."""
    isolation: Device | None = None
    """Needed for DC."""
    grid: Device | None = None
    """Grid sensing unit; needed to follow the frequency, and to feed the grid."""
    grid_code: GridCodeSettings | None = None
    """Needed to feed the grid."""
    pilot: Pilot | None = None
    """Without it nothing is known of the cable: for a bench, or if another controller handles the pilot."""
    plc: Plc | None = None
    """Needs `interface` and `pilot`. Without it anyone who reaches the interface may talk."""
    safety: Device | None = None
    """Emergency stop, door, residual current, temperatures and the coolant pump."""
    temperatures: Device | None = None
    """Sensors of contactor, coolant and ambient air beside those of `safety`: chips of this machine (`hwmon`)."""
    ccid: Device | None = None
    """Circuit-interrupting device on the grid side; opens on a trip."""
    reader: Device | None = None
    """Of cards (RFID): who shows a listed one, or one that the back end accepts, may charge."""
    lock: Device | None = None
    """Holds the plug in the station's socket. Without it the cable is the station's own, or nothing holds it."""
    thermal: ThermalSettings | None = None
    """If left out, only the inverter's own temperature counts."""
    soc_floor_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    """The station discharges no vehicle below this, whatever the vehicle allows."""

    @property
    def may_feed(self) -> bool:
        """Whether a vehicle may be discharged here: authorised, and with a grid code that protects the grid."""
        return self.access.discharge and self.grid_code is not None

    @property
    def offered(self) -> str:
        """The services that cars are offered; and those of `services` that they are not, with the reason."""
        withheld = [] if self.may_feed else [each for each in self.services if "_" in each]
        offered = " ".join(each for each in self.services if each not in withheld)
        missing = "no grid_code" if self.access.discharge else "access.discharge is false"
        return f"{offered} (not {' '.join(withheld)}: {missing})" if withheld else offered


COMMANDED = ("inverter", "contactor", "phase_contactor", "isolation", "ccid", "lock")
"""Keys of the devices that one EVSE of one process commands, and nobody else; the control pilot is another one."""


class Tls(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The station's identity and the roots it trusts. A file that is left out is the one in `directory`."""

    directory: Path = Path("/etc/ssl/v2g")
    """Where certificates, chains, keys and roots are looked for; see docs/certificates.md."""
    profile: Literal["iso15118-20", "interop-p256"] = "iso15118-20"
    """Which keys certificates may have: `iso15118-20` P-521 and Ed448; `interop-p256` P-256 as well."""
    certificate: Path | None = None
    """The SECC leaf, PEM."""
    chain: Path | None = None
    """Its sub CAs, PEM, leaf's issuer first."""
    private_key: Path | None = None
    """The leaf's key, PEM."""
    password_file: Path | None = None
    """Of the private key."""
    key_uri: Annotated[str, Meta(pattern=r"^pkcs11:\S+$", description="an address such as pkcs11:token=v2g")] | None = (
        None
    )
    """The leaf's key on a PKCS#11 token or TPM (RFC 7512), instead of `private_key`."""
    pkcs11_module: Path | None = None
    """The token's library, if the system's p11-kit does not know it."""
    vehicle_roots: Path | None = None
    """Roots under which vehicle certificates are accepted (OEM roots), PEM."""
    revocation: Literal["ignore", "prefer", "require"] = "prefer"
    """What follows if nobody says whether a car's certificate was revoked: `prefer` admits it, `require` refuses it.
    Both refuse one that is known to be revoked; `ignore` does not look."""
    plain: bool = False
    """Also serve cars that do not speak TLS, at a port of their own: DIN SPEC 70121, and ISO 15118-2 with external
    payment. Whatever needs proof of who the car is stays behind TLS."""
    key_log: Path | None = None
    """Writes TLS secrets for a network analyser. Never on a public station."""


class Trace(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The session trace: a line for each event."""

    file: Path = Path("/var/log/v2g/session_trace.log")
    """Without it the daemon does not start."""
    level: Literal["debug", "info"] = "info"
    """`debug` adds every message with its hex and its decoded form."""
    journal: Literal["info", "warning", "never"] = "warning"
    """The least level of the lines that the system's journal gets too, or syslog if there is none."""


class Recording(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that reaches the EVSEs and everything that they do, for `v2g replay`: the latest hours of it."""

    directory: Path | None = None
    """None: beside the trace, in a directory of its name with the ending `.recording`."""
    most_mib: Annotated[int, Meta(ge=0, le=1_000_000)] = 128
    """The oldest gives way; 0: nothing is recorded."""


class Control(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The local socket for commands."""

    socket: Path = Path("/run/v2g/control.sock")
    """Of `v2g status`, `v2g stop` and the other commands."""
    mode: Annotated[str, Meta(pattern=r"^0?[0-7]{3}$", description="octal permissions, such as 0660")] = "0660"
    """Permissions of the socket: who may write to it may command the station."""


class Metrics(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For Prometheus, in clear and without a password: what it shows, anybody sees who reaches the address."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """The address to listen at."""
    port: Annotated[int, Meta(ge=1, le=0xFFFF)] = 9464
    """Of `/metrics`, `/healthz` and `/readyz`."""


class Telemetry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sessions as traces and the numbers of `metrics`, for a collector of OpenTelemetry (OTLP over HTTP)."""

    endpoint: Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+/?$", description="such as http://collector:4318")]
    """The collector, without `/v1/traces`."""
    every_s: Annotated[float, Meta(ge=1, le=3_600)] = 60.0
    """Between two sendings of the numbers."""
    roots: Path | None = None
    """Trusted for `https`, PEM; the system's roots if left out."""


class Maintenance(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who else may connect to this machine, such as a technician over SSH. Only `v2g harden` reads it."""

    network: Annotated[
        str, Meta(pattern=r"^[0-9a-fA-F:.]+(/\d{1,3})?$", description="a network such as 192.168.20.0/24")
    ]
    """From where."""
    port: Annotated[int, Meta(ge=1, le=0xFFFF)] = 22
    """To which TCP port of this machine."""
    interface: Annotated[str, Meta(min_length=1, max_length=15)] | None = None
    """Through this one only."""


class Site(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the site's transformer or connection can carry, shared equally among the EVSEs. Magnitudes."""

    charge_w: Power = 1_000_000.0
    """Drawn by all EVSEs together."""
    discharge_w: Power = 1_000_000.0
    """Fed by all EVSEs together."""


class Network(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to the back end, and how the station proves who it is on it."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(wss?|mqtts?)://[^\s+#]+$",
            description="an address such as wss://csms.example.com/ocpp or mqtts://broker.example.com/cs",
        ),
    ]
    """Without the station's identity, which is added. With MQTT the path is the prefix of the topics."""
    security_profile: Literal[1, 2, 3] = 2
    """1: password in clear, for trusted networks only; 2: TLS and password; 3: TLS and a certificate of the station."""
    password_file: Path | None = None
    """16 to 64 characters, for the profiles 1 and 2."""
    roots: Path | None = None
    """Roots under which the back end's certificate is accepted, PEM; no others are."""
    certificate: Path | None = None
    """The station's certificate with its chain, PEM; profile 3."""
    private_key: Path | None = None
    """The certificate's key, PEM."""


class Publish(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where firmware for other stations is published: a directory that a web server of the site shows at a URL."""

    directory: Path
    """Where the files are put."""
    url: Annotated[str, Meta(pattern=r"^https?://\S+$", description="an address such as http://10.0.0.2/firmware")]
    """At which the web server shows that directory."""


class Ocpp(Network, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The back end (CSMS) that the station reports to and takes orders from; see docs/ocpp.md."""

    identity: Annotated[str, Meta(pattern=r"^[^:\s]{1,48}$", description="1 to 48 characters without a colon")]
    """The station's name at the back end; it is also the user name."""
    versions: Annotated[tuple[Literal["2.1", "2.0.1", "1.6"], ...], Meta(min_length=1)] = ("2.1", "2.0.1", "1.6")
    """In the order of preference."""
    fallbacks: Annotated[tuple[Network, ...], Meta(max_length=3)] = ()
    """Other ways to the back end, tried one after the other when the first one fails."""
    authorize: Literal["back_end", "station"] = "back_end"
    """Who decides about cars: `back_end` asks it, in addition to `access`; `station` is `access` alone."""
    central_contracts: Literal["charge", "discharge"] = "charge"
    """What a contract is enough for whose root the station does not know, if the back end says that it is good."""
    store: Path | None = None
    """What must survive a restart: transactions, messages that wait, profiles, variables. Nothing does if left out."""
    vendor: Annotated[str, Meta(min_length=1, max_length=50)] = "v2g"
    """As BootNotification states it."""
    model: Annotated[str, Meta(min_length=1, max_length=20)] = "v2g station"
    """As BootNotification states it."""
    serial: Annotated[str, Meta(max_length=25)] = ""
    """As BootNotification states it; with security profile 3 the certificate names it."""
    publish: Publish | None = None
    """For PublishFirmware; without it, it is not offered."""
    daily_bytes: Annotated[int, Meta(ge=0, le=10_000_000_000)] = 0
    """Of frames in both directions; near it, meter values are left out. 0: no limit."""
    install: tuple[str, ...] = ()
    """The command that installs a firmware which the back end has sent and signed; the file's path is added. Without it
    no firmware can be installed."""


Right = Literal["read", "steer", "authorise"]
"""`steer`: set-point, limit, mode, minimum state of charge, departure, phases, stop. `authorise`: let a car in."""
Rights = Annotated[tuple[Right, ...], Meta(min_length=1)]


class ApiToken(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a program shows to be somebody, and what it may do then."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9 _.-]{1,40}$", description="1 to 40 letters, digits or spaces")]
    """As traces and explanations name it."""
    file: Path
    """Holds the token, at least 16 characters; `openssl rand -hex 24` makes one."""
    rights: Rights = ("read",)
    """What it may do."""


class ApiBroker(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An MQTT broker that the station reports to, and takes commands from."""

    url: Annotated[str, Meta(pattern=r"^mqtts?://[^\s+#/]+$", description="an address such as mqtts://broker:8883")]
    """With host and port; `mqtts` is with TLS."""
    prefix: Annotated[str, Meta(pattern=r"^[^\s+#$][^\s+#]{0,99}$", description="the beginning of the topics")] = "v2g"
    """The beginning of all topics."""
    user: Name | None = None
    """As the broker knows the station."""
    password_file: Path | None = None
    """Of that user."""
    roots: Path | None = None
    """Roots under which the broker's certificate is accepted, PEM; needed for `mqtts`."""
    discovery: Annotated[str, Meta(pattern=r"^[^\s+#]{1,100}$", description="such as homeassistant")] | None = None
    """The prefix under which Home Assistant looks for devices; None: nothing is published for it."""
    rights: Rights = ("read",)
    """What may be asked over the broker, whoever may publish there."""
    valid_s: Annotated[float, Meta(gt=0, le=604_800)] = 900.0
    """How long a command holds that does not say so itself, as those of Home Assistant."""


class LocalApi(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """HTTP and MQTT for programs of the house; see docs/local-api.md."""

    listen: Annotated[str, Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s\[\]]+):\d{1,5}$",
                                description="an address such as 127.0.0.1:8480")] | None = "127.0.0.1:8480"  # fmt: skip
    """None: no HTTP."""
    tokens: Annotated[tuple[ApiToken, ...], Meta(max_length=32)] = ()
    """Without a token, this machine may read, and nobody may do anything else."""
    certificate: Path | None = None
    """The certificate with its chain, PEM: HTTPS."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    mqtt: ApiBroker | None = None

    @property
    def near(self) -> bool:
        """Whether only this machine can reach it."""
        return self.listen is None or self.listen.rpartition(":")[0] in ("127.0.0.1", "[::1]", "localhost")


class TariffSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What energy costs, as cars are given it; see docs/plug-and-charge.md."""

    file: Path
    """Prices by the time of day, YAML."""
    others: Annotated[tuple[Path, ...], Meta(max_length=2)] = ()
    """Tariffs of the same form that the car may choose instead."""
    iso2_key: Path | None = None
    """The key of the operator's authority (P-256), PEM: signs what a car of ISO 15118-2 gets that pays by a contract.
    Without it such a car gets no tariff."""
    iso20_key: Path | None = None
    """The same for ISO 15118-20 (P-521 or Ed448)."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    evses: Annotated[tuple[EvseSettings, ...], Meta(min_length=1)]
    """What cars plug into, each with its own power path."""
    site: Site | None = None
    tls: Tls = Tls()
    trace: Trace = Trace()
    recording: Recording = Recording()
    control: Control = Control()
    metrics: Metrics | None = None
    """Where to be watched; None: nowhere."""
    telemetry: Telemetry | None = None
    """Where sessions and numbers are sent; None: nowhere."""
    maintenance: tuple[Maintenance, ...] = ()
    """Nobody but cars and Prometheus may connect if it is empty."""
    tariff: TariffSettings | None = None
    """None: cars are given no prices."""
    ocpp: Ocpp | None = None
    """The back end; None for a station that stands alone."""
    local_api: LocalApi | None = None
    """HTTP and MQTT for programs of the house; None: neither."""
    sunspec: SunSpec | None = None
    """The station as a SunSpec inverter at a Modbus address; None: nowhere."""
    kept: Path | None = None
    """The file of what survives a restart: what each EVSE was doing, limits set by hand, paused sessions. Nothing
    survives if left out."""
