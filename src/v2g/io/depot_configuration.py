"""The configuration file of a depot: opens it and the files that it names, and checks all of it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from math import inf
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from v2g.depot.configuration import Broker, Configuration, EvsePlace, Feeder, FleetVehicle, StationPlace
from v2g.depot.fleet_configuration import MemberOf
from v2g.depot.grid_configuration import Csip, Dnp3, Iec104, OpenAdr, SunSpec
from v2g.depot.needs import FleetListError, read_list
from v2g.depot.station_list import LISTED, StationListError, read_stations
from v2g.depot.transformer import Transformer
from v2g.depot.tree import Node, Tree, TreeError
from v2g.io.tokens import LEAST, LONGEST
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.station.config.leaves import carries_a_secret
from v2g.station.config.reader import LARGEST_BYTES, ConfigurationError, Fields, Findings, Rule, Rules, read

PASSWORD_LENGTHS = range(16, 65)
"""Of stations (A01)."""
POSTGRES = "postgresql://"
_NUMBERED = re.compile(r"^stations\[(\d+)\]")
LOOPBACK = ("127.0.0.1", "::1", "[::1]", "localhost")


def load(path: Path) -> Configuration:
    """Read and check the file. Raises `ConfigurationError` with every finding."""
    try:
        content = regular_file.beginning(path, LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; `v2g config example depot` prints one") from error
    found, _ = read(content, str(path), Configuration, FILE_RULES, path.parent)
    if found.fleet is not None:
        found = replace(found, vehicles=(*found.vehicles, *_listed(found, path)))
    if found.station_list is not None:
        found = replace(found, stations=(*found.stations, *_stations(found, path)))
    if not found.ledger.startswith(POSTGRES):
        found = replace(found, ledger=str(path.parent / found.ledger))
    return found


def _stations(configuration: Configuration, place: Path) -> tuple[StationPlace, ...]:
    """The stations of the list. Raises `ConfigurationError`: what holds for those of the file holds for them too."""
    file = configuration.station_list
    assert file is not None
    try:
        listed = read_stations(regular_file.read_text(file), file.parent)
    except OSError as error:
        raise ConfigurationError(f"{place}: station_list: {file}: {error.strerror}; let this user read it") from error
    except StationListError as error:
        raise ConfigurationError(f"{place}: station_list: {file}: {error}") from error
    stations = (*configuration.stations, *listed)
    site = msgspec.to_builtins(replace(configuration, stations=stations, vehicles=()), enc_hook=str)
    wrong = [
        f"{_NUMBERED.sub(lambda found: stations[int(found[1])].id, at)}: {text}"
        for rule in (_feeders, _twice, _connect, _upstream, _silence)
        for at, text in rule(site)
    ]
    known = set[Path | None]()
    for station in listed:
        if station.password_file not in known:  # many may share one
            known.add(station.password_file)
            wrong += [
                f"{station.id}: {at}: {text}" for at, text in _station(msgspec.to_builtins(station, enc_hook=str))
            ]
    if wrong:
        raise ConfigurationError("\n".join(f"{place}: station_list: {file}: {each}" for each in wrong[:LISTED]))
    return listed


def _listed(configuration: Configuration, place: Path) -> tuple[FleetVehicle, ...]:
    """The vehicles of the fleet's list. Raises `ConfigurationError`."""
    file = configuration.fleet
    assert file is not None
    try:
        listed = read_list(regular_file.read_text(file))
    except OSError as error:
        raise ConfigurationError(f"{place}: fleet: {file}: {error.strerror}; let this user read it") from error
    except FleetListError as error:
        raise ConfigurationError(f"{place}: fleet: {file}: {error}") from error
    taken = {name for each in configuration.vehicles for name in (each.id, *each.tokens)}
    for each in listed:
        if twice := taken & {each.id, *each.tokens}:
            raise ConfigurationError(f"{place}: fleet: {file}: {min(twice)} is among `vehicles` already")
    return listed


def tree_of(configuration: Configuration) -> Tree:
    """The feeders as the controller knows them."""
    return Tree(map(_node, configuration.feeders))


def _node(feeder: Feeder) -> Node:
    discharge_w = feeder.charge_w if feeder.discharge_w is None else feeder.discharge_w
    return Node(
        name=feeder.id,
        parent=feeder.parent,
        max_charge_w=feeder.charge_w,
        max_discharge_w=discharge_w,
        max_phase_charge_w=feeder.charge_w / 3 if feeder.phase_w is None else feeder.phase_w,
        max_phase_discharge_w=discharge_w / 3 if feeder.phase_w is None else feeder.phase_w,
        transformer=None if feeder.rated_va is None else Transformer(rated_w=feeder.rated_va),
    )


def _feeders(site: Fields) -> Findings:
    names = [each["id"] for each in site["feeders"] if "id" in each]
    for index, each in enumerate(site["feeders"]):
        if names.count(each.get("id")) > 1 and names.index(each["id"]) < index:
            yield f"feeders[{index}].id", f"{each['id']} is there twice; give each feeder a name of its own"
        if each.get("parent") is not None and each["parent"] not in names:
            yield f"feeders[{index}].parent", f"there is no feeder {each['parent']}; the feeders are {', '.join(names)}"
    if len(set(names)) == len(site["feeders"]):
        try:
            Tree(Node(name=each["id"], parent=each.get("parent")) for each in site["feeders"])
        except TreeError as error:
            yield "feeders", str(error)
    for number, station in enumerate(site["stations"]):
        for place, evse in enumerate(station.get("evses", ())):
            if evse.get("feeder") is not None and evse["feeder"] not in names:
                at = f"stations[{number}].evses[{place}].feeder"
                yield at, f"there is no feeder {evse['feeder']}; the feeders are {', '.join(names)}"


def _sunspec(sunspec: Fields) -> Findings:
    yield from _served(sunspec, "writers")


def _dnp3(dnp3: Fields) -> Findings:
    yield from _served(dnp3, "masters")
    if dnp3["address"] == dnp3["master"]:
        yield "master", f"both ends have the address {dnp3['master']}; give each one of its own"


def _iec104(iec104: Fields) -> Findings:
    yield from _served(iec104, "masters")


def _csip(csip: Fields) -> Findings:
    for name in ("certificate", "private_key", "roots"):
        yield from _password(csip, range(1, LARGEST_BYTES), name)


def _served(language: Fields, clients: str) -> Findings:
    """A language that is served at an address: its certificates, and the addresses of its clients."""
    files = [name for name in ("certificate", "private_key", "roots") if language[name] is None]
    if files and len(files) < 3:
        yield files[0], "missing; TLS needs certificate, private_key and roots; give all of them, or none"
    for index, each in enumerate(language[clients]):
        try:
            ip_network(each)
        except ValueError:
            yield f"{clients}[{index}]", f"{each} is no address and no network, such as 192.168.1.10 or 192.168.1.0/24"


def _openadr(openadr: Fields) -> Findings:
    for name in ("url", "token_url"):
        parts = urlsplit(openadr.get(name) or "https:")
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            yield name, "the client's secret would travel in clear; use https://, or a VTN on this machine"
    yield from _password(openadr, range(1, 4097), "secret_file")


def _member_of(site: Fields) -> Findings:
    member = site.get("member_of")
    if member is None:
        return
    if member.get("depot") is None and not re.fullmatch(r"[A-Za-z0-9_-]+", site["name"]):
        yield "member_of.depot", f"missing; {site['name']} is no name in a fleet, which has letters, digits, _ and -"
    for index, each in enumerate(member.get("servers", ())):
        host = each.rpartition(":")[0]
        if host not in LOOPBACK and member.get("roots") is None:
            yield f"member_of.servers[{index}]", f"{host} is beyond this machine; set member_of.roots"


def _member(member: Fields) -> Findings:
    yield from _password(member, PASSWORD_LENGTHS)


def _twice(site: Fields) -> Findings:
    seen = set[str]()
    for index, station in enumerate(site["stations"]):
        if station.get("id") in seen:
            yield f"stations[{index}].id", f"{station['id']} is there twice; each station has an identity of its own"
        seen.add(station.get("id", ""))
        ids = [each.get("id") for each in station.get("evses", ())]
        for place, id in enumerate(ids):
            if id in ids[:place]:
                yield f"stations[{index}].evses[{place}].id", f"EVSE {id} is there twice; number them 1, 2, ..."
    taken: dict[str, str] = {}
    for index, vehicle in enumerate(site["vehicles"]):
        for token in vehicle.get("tokens", ()):
            if taken.setdefault(token, vehicle.get("id", "")) != vehicle.get("id", ""):
                yield f"vehicles[{index}].tokens", f"{token} is {taken[token]}'s already; a token names one vehicle"


def _connect(site: Fields) -> Findings:
    if not site["stations"] and site.get("station_list") is None:
        yield "stations", "missing; write at least one station, or name a list of them with station_list"
    connect = site["connect"]
    profile = connect["security_profile"]
    if profile > 1 and (connect.get("certificate") is None or connect.get("private_key") is None):
        yield "connect", f"security profile {profile} needs certificate and private_key of the depot, PEM"
    if profile == 3 and connect.get("roots") is None:
        yield "connect.roots", "security profile 3 needs the roots of the stations' certificates"
    if profile == 3 and connect.get("broker") is not None:
        yield "connect.broker", "over MQTT the broker checks who a station is; use security profile 1 or 2"
    for index, station in enumerate(site["stations"]):
        if profile < 3 and station.get("password_file") is None:
            yield f"stations[{index}]", f"password_file: missing; security profile {profile} needs one of each station"


def _upstream(site: Fields) -> Findings:
    upstream = site.get("upstream")
    if upstream is None:
        return
    if upstream["security_profile"] == 3:
        if not upstream["knows_controller"]:
            yield (
                "upstream.security_profile",
                "with 3 a CSMS compares the certificate with each station's serial number (B01.FR.11), and the depot's "
                "one certificate cannot carry them all; use 2, or set knows_controller if the CSMS accepts it",
            )
        if upstream.get("certificate") is None or upstream.get("private_key") is None:
            yield "upstream", "security profile 3 needs certificate and private_key of the depot, PEM"
    else:
        for index, station in enumerate(site["stations"]):
            if station.get("password_file") is None:
                yield f"stations[{index}]", "password_file: missing; the CSMS gets it too"
        if upstream.get("identity") is not None and upstream.get("password_file") is None:
            yield "upstream", "password_file: missing; the depot proves its own identity by it"
    if upstream.get("identity") in [station.get("id") for station in site["stations"]]:
        yield "upstream.identity", "a station has this identity; the depot needs one of its own at the CSMS"
    if upstream["security_profile"] > 1 and upstream["url"].startswith("ws:"):
        yield "upstream.url", f"security profile {upstream['security_profile']} needs wss://"
    if site["connect"].get("broker") is not None:
        yield "connect.broker", "relay mode passes on WebSockets only; let these stations connect by WebSocket"


def _silence(site: Fields) -> Findings:
    silence = site["silence"]
    if silence["setpoint_s"] < 3 * site["cycle_s"]:
        yield "silence.setpoint_s", "shorter than three cycles; a single late cycle would let set-points lapse"
    if silence["stale_s"] < 2 * silence["meter_s"]:
        yield (
            "silence.stale_s",
            "shorter than two intervals of meter_s; one lost value would stop a discharge",
        )
    for name, phase, sum_w, limit_w in _safe_sums(site):
        if sum_w > limit_w:
            at = f"{name}{f' phase {phase}' if phase else ''}"
            yield (
                "silence.safe_w",
                f"behind {at} that is {sum_w:g} W while all are silent, above {limit_w:g} W; lower it",
            )


def _safe_sums(site: Fields) -> Iterator[tuple[str, int, float, float]]:
    """What flows through each feeder, or phase of it (0: all), if nobody is steered; and its limit."""
    parents = {each["id"]: each.get("parent") for each in site["feeders"] if "id" in each}
    sums_w: dict[tuple[str, int], float] = {}
    for station in site["stations"]:
        for evse in station.get("evses", ()):
            node, seen = evse.get("feeder") or site["feeders"][0].get("id"), set[str]()
            safe_w, phases = min(site["silence"]["safe_w"], evse["charge_w"]), evse["phases"]
            while node in parents and node not in seen:
                seen.add(node)
                for phase, share in ((0, 1.0), *((each, 1.0 / len(phases)) for each in phases)):
                    sums_w[node, phase] = sums_w.get((node, phase), 0.0) + share * safe_w
                node = parents[node]
    for each in site["feeders"]:
        for phase in (0, 1, 2, 3):
            whole_w = each.get("charge_w", inf)
            limit_w = whole_w if not phase else whole_w / 3 if each.get("phase_w") is None else each["phase_w"]
            yield each.get("id", ""), phase, sums_w.get((each.get("id", ""), phase), 0.0), limit_w


def http(file: Fields) -> Findings:
    """What its HTTP interface lacks, so that no stranger gets in, and nothing secret travels in clear."""
    stated = file.get("http")
    if stated is None:  # a fleet without a page
        return
    host = stated["listen"].rpartition(":")[0]
    known = {name: stated.get(name) is not None for name in ("token_file", "users_file", "certificate", "private_key")}
    yield from _tokens(stated)
    if known["certificate"] != known["private_key"]:
        yield "http", "certificate and private_key belong together; give both or neither"
    if stated.get("proxy_header") is not None and not known["users_file"]:
        yield "http.proxy_header", "set http.users_file too: it says what each person may do"
    if known["users_file"] and not Path(stated["users_file"]).exists():
        remedy = f"`v2g depot user NAME --role operator --file {stated['users_file']}` makes it"
        yield "http.users_file", f"{stated['users_file']}: there is no such file; {remedy}"
    if host in LOOPBACK:
        return
    if not (known["token_file"] or known["users_file"] or stated["tokens"]):
        remedy = "set http.tokens, http.token_file or http.users_file, or listen on 127.0.0.1"
        yield "http.listen", f"{host} is beyond this machine; {remedy}"
    elif not known["certificate"]:
        remedy = "set http.certificate and http.private_key, or listen on 127.0.0.1 behind a proxy that has TLS"
        yield "http.listen", f"{host} is beyond this machine, and tokens and passwords would travel in clear; {remedy}"


def _tokens(stated: Fields) -> Findings:
    """Of programs: each can be read, and nobody else has its name or its token."""
    names, held = set[str](), dict[str, str]()
    with suppress(OSError):
        names |= {line.partition(":")[0] for _, line in regular_file.entries(Path(stated.get("users_file") or ""))}
    if stated.get("token_file") is not None:
        with suppress(V2GError):
            held[password(Path(stated["token_file"]))] = "http.token_file"
    for index, each in enumerate(stated["tokens"]):
        at, name = f"http.tokens[{index}]", each.get("name")
        if name in names:
            yield f"{at}.name", f"{name} is taken; give each program and each user a name of its own"
        names.add(name)
        unusable = list(_password(each, range(LEAST, LONGEST + 1), "token_file"))
        yield from ((f"{at}.{where}", text) for where, text in unusable)
        if each.get("token_file") is None or unusable:
            continue
        if (first := held.setdefault(password(Path(each["token_file"])), at)) != at:
            remedy = "make another with `openssl rand -hex 24`"
            yield f"{at}.token_file", f"{each['token_file']} holds the token of {first} too; {remedy}"


def _evse(evse: Fields) -> Findings:
    for way in ("charge", "discharge"):
        if evse[f"min_{way}_w"] > evse[f"{way}_w"]:
            yield f"min_{way}_w", f"above {way}_w"
    if len(set(evse["phases"])) < len(evse["phases"]):
        yield "phases", "a phase is there twice; write each one once"


def _station(station: Fields) -> Findings:
    yield from _password(station, PASSWORD_LENGTHS)


def _broker(broker: Fields) -> Findings:
    yield from _password(broker, range(1, 1025))


def _password(owner: Fields, lengths: range, name: str = "password_file") -> Findings:
    """A password's file can be read, and holds one."""
    file = owner.get(name)
    if file is None:
        return
    try:
        text = password(Path(file))
    except V2GError as error:
        yield name, str(error)
        return
    if len(text) not in lengths:
        yield name, f"{file}: {len(text)} characters; write {lengths[0]} to {lengths[-1]}"


def password(file: Path) -> str:
    """What a file of a password or a token holds. Raises `V2GError`."""
    try:
        found = regular_file.read_text(file).strip()
    except OSError as error:
        raise V2GError(f"{file}: {error.strerror}; let this user read it") from error
    if not found:
        raise V2GError(f"{file}: is empty; write the password into it")
    return found


RULES: dict[type, tuple[Rule, ...]] = {
    Configuration: (_feeders, _twice, _connect, _upstream, _silence, http, _member_of),
    EvsePlace: (_evse,),
    StationPlace: (_station,),
    Broker: (_broker,),
    SunSpec: (_sunspec,),
    OpenAdr: (_openadr,),
    MemberOf: (_member,),
    Dnp3: (_dnp3,),
    Csip: (_csip,),
    Iec104: (_iec104,),
}

FILE_RULES = Rules(errors=RULES, warnings={Configuration: (carries_a_secret,), Broker: (carries_a_secret,)})
