"""What must pass the firewall, and nothing else: derived from the configuration of the station."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from v2g.power.address import MODBUS, TCP, UDP, Address
from v2g.station.config.settings import COMMANDED, EvseSettings, Maintenance, Network, Settings

DISCOVERY = 15118
"""UDP port of the SECC's discovery in every edition."""
FREE_PORTS = (49152, 65535)
"""Where the daemon takes a free TCP port from (`port: 0`, and the port for cars without TLS)."""
LINK_LOCAL = "fe80::/10"
ALL_NODES = "ff02::1"
_DEFAULT_PORTS = {"ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883, "http": 80, "https": 443}
_CLEAR_CARRIERS = ("ws", "mqtt")


@dataclass(frozen=True, slots=True)
class Opening:
    """One thing that passes."""

    purpose: str
    inward: bool
    protocol: str
    """tcp or udp."""
    ports: tuple[int, int]
    """First and last; of the destination, or of the source if `answers`."""
    interface: str | None = None
    """On this interface only."""
    beside: tuple[str, ...] = ()
    """On every interface but these."""
    source: str | None = None
    """Address or network."""
    destination: str | None = None
    answers: bool = False
    """Datagrams that answer others, which connection tracking does not relate: a search goes to a group."""
    limited: bool = False
    """At most 20 new connections a second."""
    clear: str | None = None
    """What passes without encryption, and why that is admitted; None if nothing does."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the daemon is started, beside its configuration."""

    tls: bool = True
    host: str = "::1"
    """Where EVSEs without an interface listen."""
    ocsp_urls: tuple[str, ...] = ()
    """Of the station's own certificates."""


def openings(settings: Settings, start: Start) -> tuple[Opening, ...]:
    """All of them, in the order in which the rules name them."""
    cars = car_interfaces(settings)
    found = [
        *(each for evse in settings.evses for each in _of_evse(evse, settings, start)),
        *(each for evse in settings.evses for each in _samples(evse)),
        *_metrics(settings),
        *_local_api(settings),
        *_sunspec(settings),
        *(_maintenance(each) for each in settings.maintenance),
        *_outward(settings, start, cars),
    ]
    return tuple(dict.fromkeys(found))


def car_interfaces(settings: Settings) -> tuple[str, ...]:
    """The interfaces at which cars are."""
    return tuple(dict.fromkeys(each.interface for each in settings.evses if each.interface is not None))


def _of_evse(evse: EvseSettings, settings: Settings, start: Start) -> Iterator[Opening]:
    port = (evse.port, evse.port) if evse.port else FREE_PORTS
    clear = None if start.tls else f"EVSE {evse.id}: cars without TLS (--no-tls), for a bench only"
    if evse.interface is None:
        if not _is_loopback(start.host):
            yield Opening(f"cars of EVSE {evse.id}", True, "tcp", port, limited=True, clear=clear)
        return
    name, link, at = f"EVSE {evse.id}", evse.interface, (DISCOVERY, DISCOVERY)
    yield Opening(f"discovery of {name}", True, "udp", at, link, source=LINK_LOCAL)
    yield Opening(f"answers of {name}", False, "udp", at, link, destination=LINK_LOCAL, answers=True)
    yield Opening(f"{name} looks whether it answers itself", False, "udp", at, link, destination=ALL_NODES)
    yield Opening(f"cars of {name}", True, "tcp", port, link, source=LINK_LOCAL, limited=True, clear=clear)
    if settings.tls.plain and start.tls:
        clear = f"{name}: cars without TLS (tls.plain)"
        yield Opening(
            f"{name}, without TLS", True, "tcp", FREE_PORTS, link, source=LINK_LOCAL, limited=True, clear=clear
        )


def _samples(evse: EvseSettings) -> Iterator[Opening]:
    if evse.grid is not None and (address := evse.grid.where).scheme == UDP:
        clear = f"EVSE {evse.id}: samples of the grid's voltages"
        yield Opening(f"samples for EVSE {evse.id}", True, "udp", (address.port, address.port), clear=clear)


def _metrics(settings: Settings) -> Iterator[Opening]:
    metrics = settings.metrics
    if metrics is not None and not _is_loopback(metrics.host):
        yield Opening(
            "metrics", True, "tcp", (metrics.port, metrics.port), beside=car_interfaces(settings),
            destination=_literal(metrics.host), limited=True, clear="the numbers for Prometheus (metrics)",
        )  # fmt: skip


def _local_api(settings: Settings) -> Iterator[Opening]:
    api = settings.local_api
    if api is None or api.listen is None or api.near:
        return
    host, _, port = api.listen.rpartition(":")
    yield Opening(
        "local API", True, "tcp", (int(port), int(port)), beside=car_interfaces(settings),
        destination=_literal(host.strip("[]")), limited=True,
        clear=None if api.certificate is not None else "the local API and its tokens (local_api.listen)",
    )  # fmt: skip


def _sunspec(settings: Settings) -> Iterator[Opening]:
    sunspec = settings.sunspec
    host, _, port = ("", "", "") if sunspec is None else sunspec.listen.rpartition(":")
    if sunspec is None or _is_loopback(host.strip("[]")):
        return
    yield Opening(
        "SunSpec clients", True, "tcp", (int(port), int(port)), beside=car_interfaces(settings),
        destination=_literal(host.strip("[]")), limited=True,
        clear=None if sunspec.certificate is not None else "Modbus of SunSpec clients (sunspec.listen)",
    )  # fmt: skip


def _maintenance(way: Maintenance) -> Opening:
    return Opening(
        "maintenance", True, "tcp", (way.port, way.port), interface=way.interface, source=way.network, limited=True
    )


def _outward(settings: Settings, start: Start, cars: tuple[str, ...]) -> Iterator[Opening]:
    """To devices, back end, OCSP responders; and what these need: names, the time, addresses."""
    hosts: list[str] = []

    def to(purpose: str, host: str, port: int, clear: str | None = None) -> Iterator[Opening]:
        if not _is_loopback(host):
            hosts.append(host)
            yield Opening(purpose, False, "tcp", (port, port), beside=cars, destination=_literal(host), clear=clear)

    for evse in settings.evses:
        for name, address in devices(evse):
            if address.scheme == MODBUS:
                clear = f"EVSE {evse.id}: Modbus to its {name}"
                yield from to(f"{name} of EVSE {evse.id}", address.host, address.port, clear)
            elif address.scheme == TCP:
                yield from to(f"{name} of EVSE {evse.id}", address.host, address.port, f"EVSE {evse.id}: its {name}")
    for network in _networks(settings):
        url = urlsplit(network.url)
        clear_or_not = f"OCPP over {url.scheme}:// (ocpp.url)" if url.scheme in _CLEAR_CARRIERS else None
        yield from to("back end", url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme], clear_or_not)
    if settings.ocpp is not None:
        hosts.append("wherever the back end says")
        yield Opening("files of the back end", False, "tcp", (443, 443), beside=cars)
    if settings.local_api is not None and settings.local_api.mqtt is not None:
        url = urlsplit(settings.local_api.mqtt.url)
        clear_or_not = "MQTT of the local API (local_api.mqtt.url)" if url.scheme in _CLEAR_CARRIERS else None
        yield from to(
            "broker of the local API", url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme], clear_or_not
        )
    if settings.telemetry is not None:
        url = urlsplit(settings.telemetry.endpoint)
        clear_or_not = "sessions and numbers (telemetry.endpoint)" if url.scheme == "http" else None
        yield from to("telemetry", url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme], clear_or_not)
    for responder in start.ocsp_urls:
        url = urlsplit(responder)
        port = url.port or _DEFAULT_PORTS.get(url.scheme, 80)
        yield from to("OCSP", url.hostname or "", port, "OCSP responses, which are signed")
    if any(_literal(host) is None for host in hosts):
        for protocol in ("udp", "tcp"):
            yield Opening("names (DNS)", False, protocol, (53, 53), beside=cars, clear="names that are looked up (DNS)")
    yield Opening("time (NTP)", False, "udp", (123, 123), beside=cars, clear="the time (NTP): certificates need it")
    for inward, port in ((False, 67), (False, 547), (True, 68), (True, 546)):
        yield Opening("lease (DHCP)", inward, "udp", (port, port), beside=cars, clear="the uplink's addresses (DHCP)")


def devices(evse: EvseSettings) -> Iterator[tuple[str, Address]]:
    """Name and address of each device of an EVSE."""
    for name in (*COMMANDED, "meter", "grid", "safety", "reader"):
        device = getattr(evse, name)
        if device is not None:
            yield name, device.where
    if evse.pilot is not None and evse.pilot.device is not None:
        yield "pilot", evse.pilot.device.where


def clear_files(settings: Settings) -> Iterable[str]:
    """What a configuration writes to the disk that should not be there at a public station."""
    if settings.tls.key_log is not None:
        yield f"tls.key_log: the secrets of each connection, in {settings.tls.key_log}"
    if settings.trace.level == "debug":
        yield f"trace.level: each message with its content, in {settings.trace.file}"


def _networks(settings: Settings) -> tuple[Network, ...]:
    return () if settings.ocpp is None else (settings.ocpp, *settings.ocpp.fallbacks)


def _literal(host: str) -> str | None:
    """The address, if the host is none that must be looked up."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and ip_address(literal).is_loopback)
