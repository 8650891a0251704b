"""Where and for which clients a station is a SunSpec inverter."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct


class SunSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The station as a SunSpec inverter, for Modbus clients; see docs/grid-languages.md."""

    listen: Annotated[str, Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s\[\]]+):\d{1,5}$",
                                description="an address such as 127.0.0.1:8502")] = "127.0.0.1:8502"  # fmt: skip
    """For Modbus TCP, or Modbus/TCP Security with a certificate."""
    unit: Annotated[int, Meta(ge=1, le=247)] = 1
    """The unit number of the inverter."""
    writers: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    """Addresses and networks of the clients that may write, such as 192.168.1.0/24; all others read."""
    silence_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """A set-point without a reversion timer ends when its client has been silent for this long."""
    certificate: Path | None = None
    """With its chain, PEM: TLS on both sides."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    roots: Path | None = None
    """Of the clients' certificates, PEM; one with the role `control` may write."""
