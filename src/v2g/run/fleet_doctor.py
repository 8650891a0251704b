"""What may be wrong with a fleet: its servers, what they keep and how, its depots; findings, each with its remedy.

Nothing is changed. What cannot be looked at is a finding too, and never counts as good.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from v2g.fleet.configuration import FleetConfiguration
from v2g.io import fleet_nats
from v2g.io.fleet_nats import LEDGER, TROUBLES
from v2g.kernel.errors import V2GError
from v2g.run.doctor import Finding, Level
from v2g.run.fleet_servers import access_of

REPLICAS = 3
"""With fewer, one server that is lost for good takes entries along."""
LEAST_VERSION = (2, 12)
"""Some before it lose what they have acknowledged if they are killed."""
MANY = 100_000
MOST_NAMED = 5


def embedded() -> Finding:
    """A fleet whose servers are its own, for a bench: who may ask them, it alone knows."""
    text = "those of `--embedded`, on this machine, in clear, for a bench"
    return Finding("servers", Level.NOTE, text, "run three of their own beyond that (`v2g fleet servers`)")


async def servers(configuration: FleetConfiguration) -> list[Finding]:
    """What each server says of itself: whether it writes to the disk before it answers."""
    subject, expected = "servers", max(len(configuration.servers.urls), configuration.servers.replicas)
    try:
        client = await fleet_nats.connect(access_of(configuration, system=True), "doctor")
    except V2GError as error:
        return [Finding.of(subject, Level.FAULT, str(error))]
    try:
        found = await fleet_nats.servers(client, expected)
    except TROUBLES as error:
        found, text = [], f"they do not say what they are: {error}"
        return [Finding(subject, Level.FAULT, text, "let servers.system_user be of their system account")]
    finally:
        await client.close()
    findings = [each for server in found for each in _server(server)]
    if len(found) < expected:
        text = f"{len(found)} of {expected} answer: {', '.join(str(each['server_name']) for each in found)}"
        findings.insert(0, Finding(subject, Level.FAULT, text, "start the others, or see their log and their routes"))
    else:
        findings.insert(0, Finding(subject, Level.GOOD, f"{len(found)} answer"))
    return findings


def _server(server: Mapping[str, Any]) -> Iterator[Finding]:
    """One of them, by its `VARZ`."""
    subject, version = f"server {server['server_name']}", str(server["version"])
    settings = (server.get("jetstream") or {}).get("config")
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < LEAST_VERSION:
        wanted = ".".join(map(str, LEAST_VERSION))
        yield Finding(subject, Level.FAULT, f"version {version} may lose entries", f"install {wanted} or later")
    if not settings:
        yield Finding(
            subject, Level.FAULT, "JetStream is off: it keeps nothing", "take the file of `v2g fleet servers`"
        )
    elif not settings.get("sync_always"):
        yield Finding(subject, Level.FAULT, "acknowledges entries before they are on its disk",
                      "set `sync_interval: always` in its jetstream block")  # fmt: skip
    else:
        yield Finding(subject, Level.GOOD, f"version {version}; each entry is on its disk before it answers")


async def stream(configuration: FleetConfiguration) -> list[Finding]:
    """On how many servers an entry is, and whether they keep up."""
    if configuration.servers.replicas < REPLICAS:
        text = f"servers.replicas is {configuration.servers.replicas}: a server that is lost takes entries along"
        return [Finding("entries", Level.FAULT, text, f"run {REPLICAS} servers and set servers.replicas to {REPLICAS}")]
    try:
        client = await fleet_nats.connect(access_of(configuration), "doctor")
    except V2GError as error:
        return [Finding.of("entries", Level.FAULT, str(error))]
    try:
        info = await client.jetstream(timeout=fleet_nats.PATIENCE_S).stream_info(LEDGER)
    except TROUBLES as error:
        text = f"the stream {LEDGER} does not answer: {error or type(error).__name__}"
        return [Finding("entries", Level.FAULT, text, "start the fleet, which makes it; two of three servers must run")]
    finally:
        await client.close()
    return list(_stream(info))


def _stream(info: Any) -> Iterator[Finding]:
    replicas = info.config.num_replicas or 1
    others = () if info.cluster is None else info.cluster.replicas or ()
    if replicas < REPLICAS:
        yield Finding("entries", Level.FAULT, f"the stream {LEDGER} is on {replicas} of the servers only",
                      f"`nats stream edit {LEDGER} --replicas {REPLICAS}`")  # fmt: skip
    elif behind := [each.name for each in others if not each.current]:
        yield Finding("entries", Level.WARNING, f"not all of them are on {', '.join(behind)} yet",
                      "see that server's log and its disk")  # fmt: skip
    else:
        yield Finding("entries", Level.GOOD, f"each is on {replicas} servers")
    if info.state.messages > MANY:
        yield Finding("ledger", Level.WARNING, f"{info.state.messages} batches wait for the database",
                      "see the fleet's log and the database")  # fmt: skip


def running(status: Mapping[str, Any]) -> Iterator[Finding]:
    """What a running fleet knows. `status`: as `v2g fleet status` gets it."""
    if status["trouble"]:
        level = Level.WARNING if status["connected"] else Level.FAULT
        yield Finding.of("fleet", level, str(status["trouble"]), "see its log")
    else:
        yield Finding("fleet", Level.GOOD, f"runs, {status['heard']} of {status['depots']} depots are heard of")
    for notice in status["notices"][:MOST_NAMED]:
        text, _, remedy = notice["text"].rpartition("; ")
        yield Finding(f"{notice['code']} {notice['about']}", Level.WARNING, text or notice["text"], remedy)


__all__ = ["embedded", "running", "servers", "stream"]
