"""What the configuration file of a depot says about the grid's languages; see docs/grid-languages.md."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from v2g.depot.value_types import Listen, Share


class SunSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot as a SunSpec inverter, for Modbus clients; see docs/grid-languages.md."""

    listen: Listen = "127.0.0.1:8502"
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


class OpenAdr(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot as a VEN of OpenADR 3, for a VTN; see docs/grid-languages.md."""

    url: Annotated[str, Meta(pattern=r"^https?://\S+$", description="an address such as "
                             "https://vtn.example.com/openadr3/3.1.0")]  # fmt: skip
    """Of the VTN, as its operator states it."""
    client_id: Annotated[str, Meta(min_length=1, max_length=4096)]
    """As the VTN knows the depot (OAuth2 client credentials)."""
    secret_file: Path
    """The client's secret."""
    token_url: Annotated[str, Meta(pattern=r"^https?://\S+$")] | None = None
    """Where tokens come from; None: as the VTN says."""
    scope: str = ""
    """Of the tokens; empty: what the VTN gives by itself."""
    roots: Path | None = None
    """Of the VTN's certificate, PEM; those of this machine if left out."""
    edition: Literal["3.1", "3.0"] = "3.1"
    """Of the VTN."""
    ven: Annotated[str, Meta(max_length=128)] = ""
    """The depot's name in reports; its own name if left out."""
    programs: tuple[str, ...] = ()
    """Names of the programs that count; none: all that the VTN shows."""
    targets: tuple[str, ...] = ()
    """What the depot asks to see beside what has no target."""
    poll_s: Annotated[int, Meta(ge=1, le=3600)] = 30
    """Between two looks at the events."""
    silence_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """A set-point ends when the VTN has not answered for this long."""
    simple: Annotated[tuple[Share, ...], Meta(min_length=4, max_length=4)] = (1.0, 0.5, 0.25, 0.0)
    """What may be drawn at the levels 0 to 3 of SIMPLE, as a share of the depot's rating; level 0 limits nothing."""


class Dnp3(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot as a DNP3 outstation, for one master; see docs/grid-languages.md."""

    listen: Listen = "127.0.0.1:20000"
    """For DNP3 over TCP, or over TLS with a certificate."""
    address: Annotated[int, Meta(ge=0, le=65_519)] = 1024
    """The outstation's link address."""
    master: Annotated[int, Meta(ge=0, le=65_519)] = 1
    """The master's link address."""
    masters: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32)] = ("127.0.0.1",)
    """Addresses and networks from which it may connect; all others are refused."""
    unsolicited: bool = False
    """Report changes without being asked, for a master that enables and confirms that."""
    silence_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """A set-point without a reversion time ends when the master has been silent for this long."""
    certificate: Path | None = None
    """With its chain, PEM: TLS on both sides."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    roots: Path | None = None
    """Of the master's certificate, PEM."""


class Csip(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot as a client of IEEE 2030.5 by the profile CSIP; see docs/grid-languages.md."""

    url: Annotated[
        str, Meta(pattern=r"^https://\S+$", description="an address such as https://server.example.com:8443")
    ]
    """Of the utility's server, without a path."""
    path: Annotated[str, Meta(pattern=r"^/\S*$")] = "/dcap"
    """Of its DeviceCapability."""
    certificate: Path
    """Of the depot with its chain, PEM; the server knows the depot by it (LFDI)."""
    private_key: Path
    """The certificate's key, PEM."""
    roots: Path
    """Of the server's certificate, PEM."""
    pin: Annotated[int, Meta(ge=0, le=999_999)] | None = None
    """The registration PIN that the server must show."""
    post_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """Between two readings that are sent, unless the server says another time."""
    silence_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """Events are given up, and the default control holds, when the server has not answered for this long."""


class Iec104(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot as a controlled station of IEC 60870-5-104; see docs/grid-languages.md."""

    listen: Listen = "127.0.0.1:2404"
    """For TCP, or TLS with a certificate."""
    station: Annotated[int, Meta(ge=1, le=65_534)] = 1
    """Its common address."""
    masters: Annotated[tuple[str, ...], Meta(min_length=1, max_length=32)] = ("127.0.0.1",)
    """Addresses and networks from which a control centre may connect; all others are refused."""
    silence_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    """A set-point without a time ends when nothing has come from the control centre for this long."""
    certificate: Path | None = None
    """With its chain, PEM: TLS on both sides."""
    private_key: Path | None = None
    """The certificate's key, PEM."""
    roots: Path | None = None
    """Of the control centre's certificate, PEM."""
