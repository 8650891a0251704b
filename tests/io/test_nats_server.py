"""A fleet's servers: TLS, who may do what, tenants apart, what they say of their disks."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from nats.errors import Error as NatsPyError
from tests.broker import free_port
from tests.certificates import certified

from v2g.fleet.configuration import DepotPlace, FleetConfiguration
from v2g.fleet.configuration import Servers as ServerSettings
from v2g.io import fleet_nats
from v2g.io.nats_server import (
    Hub,
    Leaf,
    Link,
    NatsError,
    Server,
    Tls,
    User,
    depot_user,
    hub_text,
    leaf_text,
    operator_user,
    viewer_user,
)
from v2g.run import fleet_doctor
from v2g.run.doctor import Level
from v2g.run.fleet_servers import keep

pytestmark = pytest.mark.alone
FLEET, SYSTEM = User(name="fleet", password="f" * 16), User(name="system", password="s" * 16)
OTHER = User(name="other", password="o" * 16)
SECRET = "a p@ss/word: of 20"
HEARD_S, UNHEARD_S = 10.0, 0.3


def hub(folder: Path, port: int, leaf_port: int, tls: Tls | None = None) -> Hub:
    users = (FLEET, depot_user("a", SECRET), depot_user("b", "b" * 16), operator_user("tso", "t" * 16))
    return Hub(
        name="hub-1", store=folder / "hub", port=port, leaf_port=leaf_port, cluster_port=free_port(),
        accounts={"north": users, "south": (OTHER,)}, system=SYSTEM, tls=tls,
    )  # fmt: skip


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def joined(port: int, user: User, tls: ssl.SSLContext | None = None) -> Any:
    scheme = "nats" if tls is None else "tls"
    access = fleet_nats.Access(
        servers=(f"{scheme}://127.0.0.1:{port}",), user=user.name, password=user.password, tls=tls
    )
    return await fleet_nats.connect(access, user.name)


async def arrives(subscription: Any, seconds: float) -> bytes | None:
    try:
        message = await subscription.next_msg(timeout=seconds)
    except TimeoutError:
        return None
    return bytes(message.data)


def test_a_depot_joins_by_tls_with_rights_to_its_own_subjects_only(tmp_path: Path) -> None:
    asyncio.run(_rights(tmp_path))


async def _rights(folder: Path) -> None:
    certified(folder)
    tls = Tls(certificate=folder / "root.pem", private_key=folder / "key.pem")
    trust = ssl.create_default_context(cafile=str(folder / "root.pem"))
    port, leaf_port, own_port = free_port(), free_port(), free_port()
    leaf = Leaf(name="a", store=folder / "leaf", port=own_port, hubs=(f"127.0.0.1:{leaf_port}",), user="a",
                password=SECRET, secret="of its process", roots=folder / "root.pem")  # fmt: skip
    async with (
        running(Server("hub-1", hub_text(hub(folder, port, leaf_port, tls)), folder)),
        running(Server("leaf", leaf_text(leaf), folder)),
    ):
        fleet, other = await joined(port, FLEET, trust), await joined(port, OTHER, trust)
        depot = await joined(own_port, User(name="a", password="of its process"))
        seen = await fleet.subscribe("fleet.>")
        apart, mine = await other.subscribe("fleet.>"), await depot.subscribe("fleet.setpoint.a")
        theirs = await depot.subscribe("fleet.setpoint.b")
        await fleet.flush()
        first = None
        while first is None:  # until the leaf has joined
            await depot.publish("fleet.aggregate.a", b"mine")
            first = await arrives(seen, UNHEARD_S)
        assert first == b"mine"
        await depot.publish("fleet.aggregate.b", b"not mine")
        await depot.publish("fleet.request.tso", b"not mine")
        await fleet.publish("fleet.setpoint.b", b"of b")
        await fleet.publish("fleet.setpoint.a", b"of a")
        assert await arrives(mine, HEARD_S) == b"of a"
        assert await arrives(theirs, UNHEARD_S) is None
        while (data := await arrives(seen, UNHEARD_S)) is not None:
            assert data != b"not mine"
        assert await arrives(apart, UNHEARD_S) is None
        for client in (fleet, other, depot):
            await client.close()


def test_who_is_not_known_does_not_get_in(tmp_path: Path) -> None:
    async def knock() -> None:
        port = free_port()
        async with running(Server("hub-1", hub_text(hub(tmp_path, port, free_port())), tmp_path)):
            client = await joined(port, User(name="tso", password="t" * 16))
            await client.close()
            access = fleet_nats.Access(servers=(f"nats://127.0.0.1:{port}",), user="tso", password="wrong")
            with pytest.raises(NatsError, match="refuse the user tso; give the password"):
                await fleet_nats.connect(access, "tso")

    asyncio.run(knock())


def test_who_asks_which_fleet_for_power(tmp_path: Path) -> None:
    """An operator asks the fleets in whose accounts it has a user, in its own name only; a viewer and a depot none."""
    asyncio.run(_asked(tmp_path))


async def _asked(folder: Path) -> None:
    port, heard = free_port(), list[tuple[str, str, bytes]]()
    tso, people = operator_user("tso", "t" * 16), viewer_user("people", "p" * 16)
    south = User(name="south-fleet", password="f" * 16), operator_user("tso-south", "t" * 16)
    accounts = {"north": (FLEET, tso, people, depot_user("a", SECRET)), "south": south}
    document = replace(hub(folder, port, free_port()), accounts=accounts)
    async with running(Server("hub-1", hub_text(document), folder)):
        for tenant, user in (("north", FLEET), ("south", south[0])):
            fleet = await joined(port, user)

            async def hear(message: Any, tenant: str = tenant) -> None:
                heard.append((tenant, message.subject, message.data))
                await message.respond(tenant.encode())

            await fleet.subscribe("fleet.>", cb=hear)
            await fleet.flush()
        for user, subject, answers in (
            (tso, "fleet.request.tso", "north"),
            (tso, "fleet.withdraw.tso", "north"),
            (south[1], "fleet.request.tso-south", "south"),
            (tso, "fleet.request.other", None),
            (tso, "fleet.setpoint.a", None),
            (tso, "fleet.aggregate.a", None),
            (people, "fleet.request.people", None),
            (people, "fleet.measure.people", None),
            (depot_user("a", SECRET), "fleet.request.a", None),
            (south[1], "fleet.request.tso", None),
        ):
            client = await joined(port, user)
            heard.clear()
            try:
                found = (
                    await client.request(subject, b"mine", timeout=HEARD_S if answers else UNHEARD_S)
                ).data.decode()
            except (NatsPyError, TimeoutError):
                found = None
            assert (user.name, subject, found) == (user.name, subject, answers)
            assert heard == ([(answers, subject, b"mine")] if answers else [])
            await client.close()


def test_a_leaf_says_that_it_is_refused_and_that_its_link_is_lost(tmp_path: Path) -> None:
    async def look(secret: str, wanted: set[Link]) -> None:
        port, leaf_port, seen, enough = free_port(), free_port(), set[Link](), asyncio.Event()

        def linked(link: Link) -> None:
            seen.add(link)
            if wanted <= seen:
                enough.set()

        leaf = Leaf(name="a", store=tmp_path / "leaf", port=free_port(), hubs=(f"127.0.0.1:{leaf_port}",), user="a",
                    password=secret, secret="of its process")  # fmt: skip
        hubs = Server("hub-1", hub_text(hub(tmp_path, port, leaf_port)), tmp_path)
        async with running(hubs), running(Server("leaf", leaf_text(leaf), tmp_path, linked)):
            async with asyncio.timeout(HEARD_S):
                while Link.UP not in seen:  # noqa: ASYNC110  # of another process
                    await asyncio.sleep(0.01)
                if Link.LOST in wanted:
                    await hubs.kill()
                await enough.wait()

    asyncio.run(look("wrong", {Link.REFUSED}))
    asyncio.run(look(SECRET, {Link.UP, Link.LOST}))


def test_the_doctor_names_a_server_that_answers_before_it_writes(tmp_path: Path) -> None:
    async def look() -> None:
        (tmp_path / "system").write_text(SYSTEM.password)
        port = free_port()
        settings = ServerSettings(
            urls=(f"nats://127.0.0.1:{port}",), replicas=1, system_password_file=tmp_path / "system"
        )
        configuration = FleetConfiguration(fleet="north", servers=settings, depots=(DepotPlace(id="a", charge_w=1.0),))
        document = json.loads(hub_text(hub(tmp_path, port, free_port())))
        for wanted, level in (("always", Level.GOOD), ("2m", Level.FAULT)):
            document["jetstream"]["sync_interval"] = wanted
            async with running(Server("hub-1", json.dumps(document), tmp_path)):
                count, server = await fleet_doctor.servers(configuration)
                assert (count.level, server.level) == (Level.GOOD, level)
        assert server.remedy == "set `sync_interval: always` in its jetstream block"
        (entries,) = await fleet_doctor.stream(configuration)
        assert entries.level is Level.FAULT
        assert "servers.replicas to 3" in entries.remedy

    asyncio.run(look())


def test_a_server_that_dies_is_started_again_and_waits_longer_each_time(tmp_path: Path) -> None:
    async def watch() -> None:
        port, said, news = free_port(), list[str](), asyncio.Event()

        def report(line: str) -> None:
            said.append(line)
            news.set()

        async def until(words: str, count: int = 1) -> None:
            async with asyncio.timeout(20.0):
                while sum(words in each for each in said) < count:
                    news.clear()
                    await news.wait()

        async with running(Server("hub-1", hub_text(hub(tmp_path, port, free_port())), tmp_path)) as server:
            keeping = asyncio.create_task(keep(server, report, first_s=0.01))
            first = server.pid
            os.kill(first, signal.SIGKILL)
            await until("runs again")
            assert server.pid != first
            await (await joined(port, FLEET)).close()
            server._text = "no { configuration"
            os.kill(server.pid, signal.SIGKILL)
            await until("did not start", 2)
            server._text = hub_text(hub(tmp_path, port, free_port()))
            await until("runs again", 2)
            keeping.cancel()
        waits = [each.rpartition("again in ")[2] for each in said if "has ended" in each]
        assert waits[:3] == ["0.01 s", "0.02 s", "0.04 s"]

    asyncio.run(watch())
