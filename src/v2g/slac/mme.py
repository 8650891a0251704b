"""HomePlug Green PHY management messages (MMEs): those of SLAC, of the key exchange and of the usual modems.

An MME is a class; its fields, in the order of the octets, are its layout. Numbers are little endian. A frame around it:

    destination (6) source (6) 0x88E1 | version (1) type (2) | fragmentation (2), unless version is 0 | fields | padding

The type's two lowest bits say what kind it is: REQ 0, CNF 1, IND 2, RSP 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform, get_type_hints

from v2g.kernel.errors import V2GError

ETHERTYPE = 0x88E1
LEAST_FRAME = 60
"""Shorter frames are padded with zeros."""
BROADCAST = b"\xff" * 6
LOCAL_MODEM = bytes.fromhex("00B052000001")
"""Reaches the host's modem, whatever its MAC."""

QUALCOMM = bytes.fromhex("00B052")
LUMISSIL = bytes.fromhex("0016E8")


class MmeError(V2GError):
    """A frame that does not fit the layout of its type, or values that do not; the text names the field."""


class Octets(NamedTuple):
    """The size of a field: a number, the name of the field that counts its items, or None for all that is left."""

    size: int | str | None
    item_bits: int = 8
    """Length of a counted item. The last octet is filled up with zeros."""

    def count(self, items: int) -> int:
        """Octets that this number of items takes."""
        return (items * self.item_bits + 7) // 8


U8 = Annotated[int, Octets(1)]
U16 = Annotated[int, Octets(2)]
U32 = Annotated[int, Octets(4)]
Oui = Annotated[bytes, Octets(3)]
Mac = Annotated[bytes, Octets(6)]
Nid = Annotated[bytes, Octets(7)]
"""Network id: 54 bits of it, then two bits of security level in the last octet."""
RunId = Annotated[bytes, Octets(8)]
Nmk = Annotated[bytes, Octets(16)]
"""Network membership key."""
StationId = Annotated[bytes, Octets(17)]
Attenuations = Annotated[bytes, Octets("num_groups")]
"""One octet for each group of carriers: its mean attenuation in dB."""
Rest = Annotated[bytes, Octets(None)]


class Mme:
    """The fields of a management message."""

    TYPE: ClassVar[int]
    LAYOUT: ClassVar[list[tuple[str, type, Octets]]]
    """Name, `int` or `bytes`, and size of each field."""

    @property
    def name(self) -> str:
        """As the standard writes it: `CM_SLAC_PARM.REQ`."""
        return ".".join(type(self).__name__.rsplit("_", 1))

    def pack(self) -> bytes:
        """The octets of the fields. Raises MmeError."""
        return b"".join(self._octets(name, octets) for name, _, octets in self.LAYOUT)

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Self, bytes]:
        """The message, and what follows it. Raises MmeError."""
        values: dict[str, Any] = {}
        place = 0
        for name, kind, octets_of in cls.LAYOUT:
            size = octets_of.size
            if isinstance(size, str):
                length = octets_of.count(values[size])
            else:
                length = len(data) - place if size is None else size
            octets = data[place : place + length]
            if len(octets) < length:
                raise MmeError(f"{cls.__name__} ends within {name}: {length - len(octets)} octets are missing")
            values[name] = int.from_bytes(octets, "little") if kind is int else octets
            place += length
        return cls(**values), data[place:]

    def _octets(self, name: str, octets: Octets) -> bytes:
        value: int | bytes = getattr(self, name)
        size = octets.size
        expected = octets.count(getattr(self, size)) if isinstance(size, str) else size
        if isinstance(value, int):
            assert expected is not None
            if not 0 <= value < 1 << 8 * expected:
                raise MmeError(f"{type(self).__name__}.{name}: {value} does not fit into {expected} octets")
            return value.to_bytes(expected, "little")
        if expected not in (None, len(value)):
            raise MmeError(f"{type(self).__name__}.{name}: {len(value)} octets instead of {expected}")
        return value


MMES: dict[int, type[Mme]] = {}
"""The known messages by type."""

_T = TypeVar("_T", bound=Mme)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def mme(mmtype: int) -> Callable[[type[_T]], type[_T]]:
    """Declare the layout of a type."""

    def declare(cls: type[_T]) -> type[_T]:
        hints = {name: hint for name, hint in get_type_hints(cls, include_extras=True).items() if name.islower()}
        cls.TYPE = mmtype
        cls.LAYOUT = [(name, hint.__origin__, hint.__metadata__[0]) for name, hint in hints.items()]
        MMES[mmtype] = dataclass(frozen=True, kw_only=True)(cls)
        return cls

    return declare


@mme(0x0014)
class CC_DISCOVER_LIST_REQ(Mme):
    """Which modems and networks the modem hears (HomePlug AV 11.2.12)."""


@mme(0x0015)
class CC_DISCOVER_LIST_CNF(Mme):
    num_stations: U8
    stations: Annotated[bytes, Octets("num_stations", 12 * 8)]
    """`Neighbour`s."""
    num_networks: U8 = 0
    networks: Annotated[bytes, Octets("num_networks", 13 * 8)] = b""

    def neighbours(self) -> list[Neighbour]:
        """The modems that are heard."""
        return [
            Neighbour(each[:6], each[6], bool(each[7]), each[10])
            for each in (self.stations[place : place + 12] for place in range(0, 12 * self.num_stations, 12))
        ]


class Neighbour(NamedTuple):
    """A modem that the host's modem hears."""

    mac: bytes
    tei: int
    """Terminal equipment id in its network; 0 for none."""
    same_network: bool
    level: int
    """0 unknown, 1 for more than -10 dB, 2 for -15 to -10 dB, and so on in steps of 5 dB down to 15."""

    @property
    def level_db(self) -> int | None:
        """Lower end of the range; None if it is not known."""
        return -5 - 5 * self.level if self.level else None


@mme(0x6008)
class CM_SET_KEY_REQ(Mme):
    """The host gives its modem the key of the network (HomePlug Green PHY 11.5.4)."""

    key_type: U8 = 1
    """1: a network membership key."""
    my_nonce: U32 = 0
    your_nonce: U32 = 0
    pid: U8 = 4
    prn: U16 = 0
    pmn: U8 = 0
    cco_capability: U8 = 0
    nid: Nid
    new_eks: U8 = 1
    nmk: Nmk


@mme(0x6009)
class CM_SET_KEY_CNF(Mme):
    result: U8 = 0
    """0 is success by the standard; modems in use answer 1 for success."""
    my_nonce: U32 = 0
    your_nonce: U32 = 0
    pid: U8 = 4
    prn: U16 = 0
    pmn: U8 = 0
    cco_capability: U8 = 0


@mme(0x601C)
class CM_AMP_MAP_REQ(Mme):
    """How loud to send on each carrier, 4 bits each, the first in the low bits (ISO 15118-3 A.9.6)."""

    num_carriers: U16
    amplitudes: Annotated[bytes, Octets("num_carriers", 4)]


@mme(0x601D)
class CM_AMP_MAP_CNF(Mme):
    result: U8 = 0
    """0 is success."""


@mme(0x6038)
class CM_NW_INFO_REQ(Mme):
    """Which networks the modem is in."""


@mme(0x6039)
class CM_NW_INFO_CNF(Mme):
    num_networks: U8
    networks: Annotated[bytes, Octets("num_networks", 18 * 8)]
    """`Membership`s."""

    def memberships(self) -> list[Membership]:
        """The networks that the modem is in."""
        return [
            Membership(each[:7], each[8], each[9], each[10:16])
            for each in (self.networks[place : place + 18] for place in range(0, 18 * self.num_networks, 18))
        ]


class Membership(NamedTuple):
    """A network that a modem is in."""

    nid: bytes
    tei: int
    role: int
    """0 station, 1 proxy coordinator, 2 coordinator."""
    coordinator: bytes
    """Its MAC."""


@mme(0x6064)
class CM_SLAC_PARM_REQ(Mme):
    """The car asks, by broadcast, who is there."""

    application_type: U8 = 0
    security_type: U8 = 0
    run_id: RunId


@mme(0x6065)
class CM_SLAC_PARM_CNF(Mme):
    """A station answers how the car must sound."""

    msound_target: Mac = BROADCAST
    num_sounds: U8 = 10
    timeout: U8 = 6
    """In units of 100 ms."""
    resp_type: U8 = 1
    forwarding_sta: Mac
    application_type: U8 = 0
    security_type: U8 = 0
    run_id: RunId


@mme(0x606A)
class CM_START_ATTEN_CHAR_IND(Mme):
    """The car announces its sounds, three times."""

    application_type: U8 = 0
    security_type: U8 = 0
    num_sounds: U8 = 10
    timeout: U8 = 6
    resp_type: U8 = 1
    forwarding_sta: Mac
    run_id: RunId


@mme(0x6076)
class CM_MNBC_SOUND_IND(Mme):
    """One sound; every station on the line measures its attenuation."""

    application_type: U8 = 0
    security_type: U8 = 0
    sender_id: StationId = bytes(17)
    remaining_sounds: U8
    run_id: RunId
    reserved: RunId = bytes(8)
    random: Nmk


@mme(0x6086)
class CM_ATTEN_PROFILE_IND(Mme):
    """A modem reports to its host the attenuation of a sound."""

    pev_mac: Mac
    num_groups: U8 = 58
    reserved: U8 = 0
    attenuations_db: Attenuations


_PRIVATE_MARK = bytes.fromhex("AFFEDC")


@mme(0x606E)
class CM_ATTEN_CHAR_IND(Mme):
    """A station reports the mean attenuation of all sounds to the car."""

    application_type: U8 = 0
    security_type: U8 = 0
    source_address: Mac
    run_id: RunId
    source_id: StationId = bytes(17)
    resp_id: StationId = bytes(17)
    num_sounds: U8 = 10
    num_groups: U8 = 58
    attenuations_db: Attenuations

    @property
    def private(self) -> bool:
        """Whether somebody uses the type for messages of their own: about the car with the address of everybody, or
        as one open car-side project marks what it sends to its power supply."""
        return self.source_address == BROADCAST or self.attenuations_db.startswith(_PRIVATE_MARK)


@mme(0x606F)
class CM_ATTEN_CHAR_RSP(Mme):
    application_type: U8 = 0
    security_type: U8 = 0
    source_address: Mac
    run_id: RunId
    source_id: StationId = bytes(17)
    resp_id: StationId = bytes(17)
    result: U8 = 0


@mme(0x6078)
class CM_VALIDATE_REQ(Mme):
    """The car offers to prove by toggling the control pilot that the cable joins the two."""

    signal_type: U8 = 0
    timer: U8 = 0
    """0: 100 ms, 1: 200 ms, in the second exchange."""
    result: U8 = 1


class Validation(IntEnum):
    """Results of CM_VALIDATE; the car says READY only."""

    NOT_READY = 0
    READY = 1
    SUCCESS = 2
    FAILURE = 3
    NOT_REQUIRED = 4


@mme(0x6079)
class CM_VALIDATE_CNF(Mme):
    signal_type: U8 = 0
    toggle_num: U8 = 0
    result: U8
    """A `Validation`."""


@mme(0x607C)
class CM_SLAC_MATCH_REQ(Mme):
    """The car has chosen this station."""

    application_type: U8 = 0
    security_type: U8 = 0
    mvf_length: U16 = 0x3E
    pev_id: StationId = bytes(17)
    pev_mac: Mac
    evse_id: StationId = bytes(17)
    evse_mac: Mac
    run_id: RunId
    reserved: RunId = bytes(8)


@mme(0x607D)
class CM_SLAC_MATCH_CNF(Mme):
    """The station gives the car the key of its network."""

    application_type: U8 = 0
    security_type: U8 = 0
    mvf_length: U16 = 0x56
    pev_id: StationId = bytes(17)
    pev_mac: Mac
    evse_id: StationId = bytes(17)
    evse_mac: Mac
    run_id: RunId
    reserved: RunId = bytes(8)
    nid: Nid
    reserved_after_nid: U8 = 0
    nmk: Nmk


@mme(0xA000)
class VS_SW_VER_REQ(Mme):
    """Qualcomm: what firmware the modem runs."""

    oui: Oui = QUALCOMM


@mme(0xA001)
class VS_SW_VER_CNF(Mme):
    oui: Oui = QUALCOMM
    status: U8 = 0
    device_class: U8
    version_length: U8
    version: Annotated[bytes, Octets("version_length")]


@mme(0xA01C)
class VS_RS_DEV_REQ(Mme):
    """Qualcomm: restart the modem."""

    oui: Oui = QUALCOMM


@mme(0xA01D)
class VS_RS_DEV_CNF(Mme):
    oui: Oui = QUALCOMM
    status: U8 = 0


@mme(0xA038)
class VS_NW_INFO_REQ(Mme):
    """Qualcomm: which networks the modem is in."""

    oui: Oui = QUALCOMM


@mme(0xA039)
class VS_NW_INFO_CNF(Mme):
    oui: Oui = QUALCOMM
    content: Rest


@mme(0xA068)
class VS_OP_ATTR_REQ(Mme):
    """Qualcomm: what the modem is."""

    oui: Oui = QUALCOMM
    cookie: U32
    report_type: U8 = 0


@mme(0xA069)
class VS_OP_ATTR_CNF(Mme):
    oui: Oui = QUALCOMM
    status: U16 = 0
    cookie: U32
    report_type: U8 = 0
    size: U16
    content: Annotated[bytes, Octets("size")]


@mme(0xA0B8)
class VS_LINK_STATUS_REQ(Mme):
    """Qualcomm: whether the modem has a link to another one."""

    oui: Oui = QUALCOMM


@mme(0xA0B9)
class VS_LINK_STATUS_CNF(Mme):
    oui: Oui = QUALCOMM
    status: U8 = 0
    link_status: U8


@mme(0xA14E)
class VS_ATTENUATION_IND(Mme):
    """Qualcomm: the attenuation of a sound, in the vendor's own message."""

    oui: Oui = bytes(3)
    pev_mac: Mac
    num_groups: U8 = 58
    reserved: Annotated[bytes, Octets(9)]
    attenuations_db: Attenuations


LmsHeader = Annotated[bytes, Octets(19)]
"""Version (2), reserved (4), request id (1), reserved (12)."""


@mme(0xAC6C)
class NSCM_GET_VERSION_REQ(Mme):
    """Lumissil: what firmware the modem runs."""

    oui: Oui = LUMISSIL
    lms: LmsHeader


@mme(0xAC6D)
class NSCM_GET_VERSION_CNF(Mme):
    oui: Oui = LUMISSIL
    lms: LmsHeader
    version_major: U16
    version_minor: U16
    version_patch: U16
    version_build: U16
    reserved: U16 = 0


@mme(0xAC70)
class NSCM_RESET_DEVICE_REQ(Mme):
    """Lumissil: restart the modem; it does not answer."""

    oui: Oui = LUMISSIL
    lms: LmsHeader
    mode: U8 = 0


@mme(0xAC9C)
class NSCM_GET_D_LINK_STATUS_REQ(Mme):
    """Lumissil: whether the modem has a link to another one."""

    oui: Oui = LUMISSIL
    lms: LmsHeader


@mme(0xAC9D)
class NSCM_GET_D_LINK_STATUS_CNF(Mme):
    oui: Oui = LUMISSIL
    lms: LmsHeader
    link_status: U8


class Frame(NamedTuple):
    """An MME on the wire, from its destination address on, without VLAN tags."""

    destination: bytes
    source: bytes
    mmtype: int
    message: Mme | None
    """None for a type that is not in `MMES`: its octets are the `trailer` then."""
    version: int = 1
    fragmentation: bytes = bytes(2)
    trailer: bytes = b""
    """What follows the fields. Zeros that only fill the frame up to its least size are left out."""

    @classmethod
    def of(cls, destination: bytes, source: bytes, message: Mme, version: int = 1) -> Self:
        """A frame to send. Vendors' messages have version 0."""
        return cls(destination, source, message.TYPE, message, version)

    def pack(self) -> bytes:
        """The octets. Raises MmeError."""
        head = self.destination + self.source + ETHERTYPE.to_bytes(2) + bytes((self.version,))
        head += self.mmtype.to_bytes(2, "little") + (self.fragmentation if self.version else b"")
        body = self.message.pack() if self.message else b""
        return (head + body + self.trailer).ljust(LEAST_FRAME, b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Raises MmeError."""
        start = 19 if data[14:15] != b"\0" else 17
        if len(data) < start or data[12:14] != ETHERTYPE.to_bytes(2):
            raise MmeError(f"{len(data)} octets are no frame of the type 0x{ETHERTYPE:04X}")
        mmtype = int.from_bytes(data[15:17], "little")
        message, rest = None, data[start:]
        if mmtype in MMES:
            message, rest = MMES[mmtype].unpack(rest)
        if len(data) <= LEAST_FRAME:
            rest = rest.rstrip(b"\0")
        return cls(data[:6], data[6:12], mmtype, message, data[14], data[17:start], rest)
