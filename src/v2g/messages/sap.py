"""SupportedAppProtocol: how car and station agree on a protocol (ISO 15118-2 and -20, 8.2; namespace of 2010)."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.sap as sap
from v2g.exi.facets import Enumeration, Length, Occurs, Range, Type, UnsignedByte, UnsignedInt, element

NAMESPACE = "urn:iso:15118:2:2010:AppProtocol"
QUALIFIED_ELEMENTS = False

Id = UnsignedByte
ProtocolName = Annotated[str, Length(0, 30)]
ProtocolNamespace = Annotated[str, Length(0, 100)]
Priority = Annotated[int, Range(1, 20)]


class ResponseCode(Enumeration):
    OK_SuccessfulNegotiation = auto()
    OK_SuccessfulNegotiationWithMinorDeviation = auto()
    Failed_NoNegotiation = auto()


@element
class supportedAppProtocolReq(Type):
    AppProtocol: Annotated[list[sap.AppProtocol], Occurs(1, 20)]


@element
class supportedAppProtocolRes(Type):
    ResponseCode: sap.ResponseCode
    SchemaID: Id | None = None


class AppProtocol(Type):
    ProtocolNamespace: sap.ProtocolNamespace
    VersionNumberMajor: UnsignedInt
    VersionNumberMinor: UnsignedInt
    SchemaID: Id
    Priority: sap.Priority
