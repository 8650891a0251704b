"""What the configuration file of a depot says about the fleet that it belongs to; see docs/fleet.md."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from v2g.depot.value_types import Listen, Member


class MemberOf(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fleet that the depot belongs to; see docs/fleet.md."""

    servers: Annotated[tuple[Listen, ...], Meta(min_length=1)]
    """Where the fleet's servers take depots, such as hub-1.example.com:7422."""
    depot: Member | None = None
    """The depot's name in the fleet; `name` if left out."""
    password_file: Path
    """Of that name at the servers."""
    roots: Path | None = None
    """Of the servers' certificates, PEM; needed unless the servers are on this machine."""
    port: Annotated[int, Meta(ge=1, le=0xFFFF)] = 4222
    """Of the depot's own NATS server, which listens on this machine only."""
    store: Path = Path("/var/lib/v2g/fleet")
    """Where that server keeps what the fleet does not have yet."""
