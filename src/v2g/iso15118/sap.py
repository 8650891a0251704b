"""SupportedAppProtocol: the handshake that picks the protocol of a session (ISO 15118-2 8.2, ISO 15118-20 8.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from v2g.iso15118.service import Service
from v2g.messages.sap import AppProtocol, ResponseCode, supportedAppProtocolReq, supportedAppProtocolRes


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that this side speaks."""

    namespace: str
    dc: bool | None
    """Whether it carries DC services; otherwise AC; None: both."""
    major: int = 1
    minor: int = 0
    bidirectional: bool = True
    """Whether it carries services that feed the grid."""

    def carries(self, service: Service) -> bool:
        """Whether a session of this protocol can have this service."""
        return (self.dc is None or self.dc is service.dc) and (self.bidirectional or not service.bidirectional)


ISO20_AC = Protocol("urn:iso:std:iso:15118:-20:AC", dc=False)
ISO20_DC = Protocol("urn:iso:std:iso:15118:-20:DC", dc=True)


def negotiate(
    request: supportedAppProtocolReq, spoken: Sequence[Protocol]
) -> tuple[supportedAppProtocolRes, Protocol | None]:
    """The response, and the protocol that both sides will speak; None if they share none.

    What the station cannot serve is left out first, then the car's priority decides (1 is the highest) [V2G2-169].
    A different minor version is no obstacle, a different major version is. The car's own SchemaID is echoed.
    """

    def common(entry: AppProtocol) -> Protocol | None:
        for protocol in spoken:
            if (protocol.namespace, protocol.major) == (entry.ProtocolNamespace, entry.VersionNumberMajor):
                return protocol
        return None

    for entry in sorted(request.AppProtocol, key=lambda entry: entry.Priority):
        protocol = common(entry)
        if protocol is not None:
            same = entry.VersionNumberMinor == protocol.minor
            code = (
                ResponseCode.OK_SuccessfulNegotiation
                if same
                else ResponseCode.OK_SuccessfulNegotiationWithMinorDeviation
            )
            return supportedAppProtocolRes(ResponseCode=code, SchemaID=entry.SchemaID), protocol
    return supportedAppProtocolRes(ResponseCode=ResponseCode.Failed_NoNegotiation), None
