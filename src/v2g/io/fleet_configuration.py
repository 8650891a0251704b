"""The configuration file of a fleet: opens it and the files that it names, and checks all of it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from v2g.depot.tree import Node, Tree, TreeError
from v2g.fleet.configuration import DepotPlace, FleetConfiguration, Servers
from v2g.fleet.depot_list import DepotListError, read_depots
from v2g.io.depot_configuration import LOOPBACK, POSTGRES, http, password
from v2g.io.nats_server import SYSTEM
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.station.config.leaves import carries_a_secret
from v2g.station.config.reader import LARGEST_BYTES, ConfigurationError, Fields, Findings, Rule, Rules, read

LEAST_PASSWORD = 16
LISTED = 20


def load(path: Path, *, makes_passwords: bool = False) -> tuple[FleetConfiguration, list[str]]:
    """Read and check the file; also a line for each warning. Raises `ConfigurationError` with every finding.

    `makes_passwords`: password files that are missing are about to be made, and are no finding."""
    try:
        content = regular_file.beginning(path, LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; `v2g config example fleet` prints one") from error
    found, warnings = read(
        content, str(path), FleetConfiguration, BEFORE_PASSWORDS if makes_passwords else FILE_RULES, path.parent
    )
    if found.depot_list is not None:
        found = replace(found, depots=(*found.depots, *_listed(found, found.depot_list, path)))
    if not found.ledger.startswith(POSTGRES):
        found = replace(found, ledger=str(path.parent / found.ledger))
    return found, warnings


def _listed(configuration: FleetConfiguration, file: Path, place: Path) -> tuple[DepotPlace, ...]:
    """The depots of the list. What holds for those of the file holds for them too."""
    try:
        listed = read_depots(regular_file.read_text(file), file.parent)
    except OSError as error:
        raise ConfigurationError(f"{place}: depot_list: {file}: {error.strerror}; let this user read it") from error
    except DepotListError as error:
        raise ConfigurationError(f"{place}: depot_list: {file}: {error}") from error
    taken = [*(each.id for each in configuration.depots), *(each.name for each in configuration.people)]
    nodes = [each.id for each in configuration.nodes]
    wrong = [text for _, text in _joined([(each.id, each.node) for each in listed], taken, nodes)]
    if wrong:
        raise ConfigurationError("\n".join(f"{place}: depot_list: {file}: {each}" for each in wrong[:LISTED]))
    return listed


def _network(fleet: Fields) -> Findings:
    nodes = [each["id"] for each in fleet["nodes"]]
    try:
        Tree(Node(name=each["id"], parent=each.get("parent")) for each in fleet["nodes"])
    except TreeError as error:
        yield "nodes", str(error)
    if fleet["fleet"] == SYSTEM:
        yield "fleet", f"{SYSTEM} is the servers' own account; take another name"
    if not fleet["depots"] and fleet.get("depot_list") is None:
        yield "depots", "missing; write at least one depot, or name a list of them with depot_list"
    servers = fleet["servers"]
    taken = [servers["user"], servers["system_user"]]
    for index, person in enumerate(fleet["people"]):
        if person["name"] in taken:
            yield f"people[{index}].name", f"{person['name']} is there twice; each user has a name of its own"
        taken.append(person["name"])
    depots = [(each["id"], each.get("node")) for each in fleet["depots"]]
    for place, text in _joined(depots, taken, nodes):
        yield f"depots[{place}]", text


def _joined(depots: Sequence[tuple[str, str | None]], taken: Iterable[str], nodes: Sequence[str]) -> Findings:
    """Names and nodes of depots: index and what is wrong."""
    known = set(taken)
    for index, (id, node) in enumerate(depots):
        if id in known:
            yield str(index), f"{id} is there twice; each depot has a name that no other user has"
        if node is not None and node not in nodes:
            yield str(index), f"{id}: there is no node {node}; the nodes are {', '.join(nodes[:LISTED])}"
        known.add(id)


def _addresses(servers: Fields) -> Findings:
    for index, url in enumerate(servers["urls"]):
        host = urlsplit(url).hostname or ""
        if url.startswith("nats:") and host not in LOOPBACK:
            yield f"urls[{index}]", f"{host} is beyond this machine, and passwords would travel in clear; use tls://"


def _passwords(servers: Fields) -> Findings:
    for name, file in _password_files(servers):
        if not file.exists():
            yield name, f"{file}: there is no such file; `v2g fleet servers` makes it"
    yield from _made_passwords(servers)


def _made_passwords(servers: Fields) -> Findings:
    for name, file in _password_files(servers):
        if not file.exists():
            continue
        try:
            text = password(file)
        except V2GError as error:
            yield name, str(error)
            continue
        if len(text) < LEAST_PASSWORD:
            yield name, f"{file}: {len(text)} characters; write {LEAST_PASSWORD} at least"


def _password_files(servers: Fields) -> Iterator[tuple[str, Path]]:
    for name in ("password_file", "system_password_file"):
        if (file := servers.get(name)) is not None:
            yield name, Path(file)


def _validity(fleet: Fields) -> Findings:
    if fleet["validity_s"] < 3 * fleet["cycle_s"]:
        yield "validity_s", "shorter than three cycles; a single late cycle would let set-points lapse"


def _no_drivers(fleet: Fields) -> Findings:
    if (fleet.get("http") or {}).get("codes_file") is not None:
        yield "http.codes_file", "drivers have their page at their depot; leave this out"


RULES: dict[type, tuple[Rule, ...]] = {
    FleetConfiguration: (_network, _validity, http, _no_drivers),
    Servers: (_addresses, _passwords),
}
FILE_RULES = Rules(errors=RULES, warnings={FleetConfiguration: (carries_a_secret,)})
BEFORE_PASSWORDS = Rules(errors={**RULES, Servers: (_addresses, _made_passwords)}, warnings=FILE_RULES.warnings)
