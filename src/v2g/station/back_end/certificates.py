"""Blocks M and A02: roots that the back end installs, and certificates of the station that it has signed."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec import Struct

from v2g.ocpp import v21
from v2g.ocpp.base import Message, decoder, encode, given
from v2g.ocpp.device_model import Variable
from v2g.station.back_end import x509
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.security import Security

ROOT, OWN = "root", "own certificate"
MOST = 50
_CTRL = "SecurityCtrlr"
Use = v21.CertificateSigningUseEnumType
TRIGGERS: dict[str, Use] = {
    "SignChargingStationCertificate": "ChargingStationCertificate",
    "SignV2GCertificate": "V2GCertificate",
    "SignV2G20Certificate": "V2G20Certificate",
    "SignCombinedCertificate": "V2GCertificate",
}
ROOT_OF: dict[Use, tuple[str, ...]] = {
    "ChargingStationCertificate": ("CSMSRootCertificate",),
    "V2GCertificate": ("V2GRootCertificate",),
    "V2G20Certificate": ("V2GRootCertificate",),
}
ANCHORS: dict[str, Sequence[v21.InstallCertificateUseEnumType]] = {
    "v2g": ("V2GRootCertificate",), "mo": ("MORootCertificate",), "oem": ("OEMRootCertificate",),
}  # fmt: skip
"""Roots for cars and contracts, by how a directory of certificates names them."""


class Root(Struct, frozen=True):
    """A root, and what it is for."""

    use: v21.InstallCertificateUseEnumType
    pem: str


class Own(Struct, frozen=True):
    """A certificate of the station with its chain and key, PEM."""

    chain: str
    key: str


class _Asked(Struct):
    """A request to sign that is under way."""

    use: Use
    key: str
    csr: str
    request: int
    at_s: float
    tries: int = 0


class Certificates(Block):
    """The roots by their serial numbers and issuers. They survive a restart."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._roots: dict[str, Root] = {}
        self.own: dict[str, Own] = {}
        """By use; whoever opens connections takes them from here."""
        self.staples: dict[str, bytes] = {}
        """What a responder says of a leaf that cars get to see, DER, by use."""
        self.changes = 0
        """Rises with every change of what `for_cars` returns."""
        self._asked: _Asked | None = None
        self._next = 1
        for (kind, key), value in sorted(station.store.found.items()):
            try:
                if kind == ROOT:
                    root = decoder(Root).decode(value)
                    x509.hash_data(root.pem)  # one that is no certificate keeps TLS from all others
                    self._roots[key] = root
                elif kind == OWN:
                    own = decoder(Own).decode(value)
                    if not x509.belongs(own.chain, own.key):
                        raise ValueError("damaged")
                    self.own[key] = own
            except ValueError:  # damaged, or of another release of this software
                station.store.put(kind, key, None)
        self._changed()
        self.handlers = {
            "InstallCertificate": self._install,
            "DeleteCertificate": self._delete,
            "GetInstalledCertificateIds": self._ids,
            "CertificateSigned": self._signed,
        }
        station.model.add(
            (
                Variable(_CTRL, "CertificateEntries", data_type="integer", high=MOST,
                         read=lambda: str(len(self._roots) + len(self.own))),
                Variable(_CTRL, "CertSigningWaitMinimum", "30", "integer", "ReadWrite", "s", 1, 3_600),
                Variable(_CTRL, "CertSigningRepeatTimes", "3", "integer", "ReadWrite", "", 0, 20),
                Variable(_CTRL, "AdditionalRootCertificateCheck", "false", "boolean"),
                Variable("ISO15118Ctrlr", "ContractValidationOffline", "true", "boolean", "ReadWrite"),
                Variable("ISO15118Ctrlr", "CentralContractValidationAllowed", "false", "boolean", "ReadWrite"),
                Variable("ISO15118Ctrlr", "ServiceRenegotiationSupport", "false", "boolean"),
            )
        )  # fmt: skip

    def roots(self, *uses: str) -> list[str]:
        """The roots for these uses, PEM."""
        return [each.pem for each in self._roots.values() if each.use in uses]

    def chain(self, use: str) -> list[str]:
        """The station's leaf of a use, and what stands above it up to a root if that is known, PEM each."""
        found = x509.split(self.own[use].chain)
        above = x509.issuer_of(found[-1], self.roots(*ROOT_OF[use]))  # type: ignore[index]
        return found if above is None else [*found, above]

    def staple(self, use: str, answer: bytes) -> None:
        """Keep what a responder says of the leaf of a use."""
        self.staples[use] = answer
        self.changes += 1

    def for_cars(self) -> dict[str, bytes]:
        """What TLS with cars needs, as the files of a directory of certificates by their names in it. The leaf of each
        use has a directory of its own, and another one when it is renewed: its key comes before it."""
        files = {
            f"{name}_root.pem": "\n".join(found).encode()
            for name, uses in ANCHORS.items()
            if (found := self.roots(*uses))
        }
        for use, own in self.own.items():
            if use != "ChargingStationCertificate":
                place = f"{use}-{sha256(own.chain.encode()).hexdigest()[:16]}"
                files[f"{place}/secc_key.pem"] = own.key.encode()
                if (roots := files.get("v2g_root.pem")) is not None:
                    files[f"{place}/v2g_root.pem"] = roots
                if use in self.staples:
                    files[f"{place}/secc_ocsp.der"] = self.staples[use]
                files[f"{place}/secc_cert.pem"] = own.chain.encode()
        return files

    def firmware_fault(self, certificate: str, signature: str, content: bytes) -> str | None:
        """Why a firmware's signature is wrong, or None; without content the certificate alone is judged."""
        if not content:
            return x509.chain_fault(certificate, self.roots("ManufacturerRootCertificate"), self.station.unix_s)
        return x509.signature_fault(certificate, signature, content)

    def step(self) -> None:
        asked, model = self._asked, self.station.model
        if asked is None or not self.station.online:
            return
        wait_s = model.number(_CTRL, "CertSigningWaitMinimum") * 2**asked.tries
        if self.station.now >= asked.at_s + wait_s:  # A02.FR.17 to 19
            if asked.tries >= model.number(_CTRL, "CertSigningRepeatTimes"):
                self._asked = None
                return
            asked.tries += 1
            asked.at_s = self.station.now
            self._send(asked)

    def sign(self, use: Use) -> None:
        """Ask the back end to sign a new key."""
        station = self.station
        name = station.serial or "v2g"
        if use != "ChargingStationCertificate":
            name = next(iter(station.evses.values())).settings.evse_id
        made = x509.new_request(name, station.model.text(_CTRL, "OrganizationName"), use)
        self._asked = _Asked(use, made.key, made.csr, self._next, station.now)
        self._next += 1
        self._send(self._asked)

    def _send(self, asked: _Asked) -> None:
        def then(response: Message | None, now: float) -> None:
            refused = isinstance(response, v21.SignCertificateResponse) and response.status == "Rejected"
            if refused and self._asked is asked:
                self._asked = None

        request = v21.SignCertificateRequest(csr=asked.csr, certificateType=asked.use, requestId=asked.request)
        self.station.call("SignCertificate", request, then)

    def _signed(self, station: ChargingStation, asked: v21.CertificateSignedRequest) -> Message:
        reply, mine = v21.CertificateSignedResponse, self._asked
        request = given(asked.requestId, None)
        if mine is None or (request is not None and request != mine.request):
            return reply(status="Rejected", statusInfo=v21.StatusInfoType(reasonCode="InvalidRequestId"))
        trusted = self.roots(*ROOT_OF[mine.use])
        why = None if x509.belongs(asked.certificateChain, mine.key) else "it is not for the key of the request"
        if why is None and trusted:
            why = x509.chain_fault(asked.certificateChain, trusted, station.unix_s)
        if why is not None:
            station.block(Security).happened("InvalidChargingStationCertificate", why)
            info = v21.StatusInfoType(reasonCode="InvalidCertificate", additionalInfo=why[:1024])
            return reply(status="Rejected", statusInfo=info)
        own = self.own[mine.use] = Own("".join(x509.split(asked.certificateChain)), mine.key)
        self.staples.pop(mine.use, None)
        self._changed()
        station.store.put(OWN, mine.use, encode(own))
        self._asked = None
        return reply(status="Accepted")

    def _install(self, station: ChargingStation, asked: v21.InstallCertificateRequest) -> Message:
        reply = v21.InstallCertificateResponse
        why = x509.root_fault(asked.certificate, station.unix_s)
        if why is not None:
            info = v21.StatusInfoType(reasonCode="InvalidCertificate", additionalInfo=why[:1024])
            return reply(status="Rejected", statusInfo=info)
        root = Root(asked.certificateType, asked.certificate)
        key = _name(x509.hash_data(root.pem)) + f" {root.use}"
        if key not in self._roots and len(self._roots) >= MOST:
            return reply(status="Rejected", statusInfo=v21.StatusInfoType(reasonCode="CertStoreFull"))
        self._roots[key] = root
        self._changed()
        station.store.put(ROOT, key, encode(root))
        return reply(status="Accepted")

    def _delete(self, station: ChargingStation, asked: v21.DeleteCertificateRequest) -> Message:
        wanted = _name(asked.certificateHashData)
        for chain, leaf in self._chains():
            if wanted == _name(leaf) and chain == "ChargingStationCertificate":  # M04.FR.06
                return v21.DeleteCertificateResponse(status="Failed")
        found = [key for key in self._roots if key.startswith(wanted + " ")]
        for key in found:
            del self._roots[key]
            self._changed()
            station.store.put(ROOT, key, None)
        return v21.DeleteCertificateResponse(status="Accepted" if found else "NotFound")

    def _ids(self, station: ChargingStation, asked: v21.GetInstalledCertificateIdsRequest) -> Message:
        wanted = given(asked.certificateType, None)
        rows = [
            v21.CertificateHashDataChainType(certificateHashData=x509.hash_data(each.pem), certificateType=each.use)
            for each in self._roots.values()
            if wanted is None or each.use in wanted
        ]
        if wanted is None or "V2GCertificateChain" in wanted:
            rows += [
                v21.CertificateHashDataChainType(certificateHashData=leaf, certificateType="V2GCertificateChain")
                for use, leaf in self._chains()
                if use != "ChargingStationCertificate"
            ]
        if not rows:
            return v21.GetInstalledCertificateIdsResponse(status="NotFound")
        return v21.GetInstalledCertificateIdsResponse(status="Accepted", certificateHashDataChain=tuple(rows))

    def _changed(self) -> None:
        self.changes += 1
        networks = self.station.networks
        networks.brought_roots = bool(self.roots("CSMSRootCertificate"))
        networks.brought_certificate = "ChargingStationCertificate" in self.own

    def _chains(self) -> Iterator[tuple[str, v21.CertificateHashDataType]]:
        """The station's own leaves by use, each named by its issuer."""
        for use in self.own:
            leaf, *above = self.chain(use)
            yield use, x509.hash_data(leaf, above[0] if above else leaf)


def _name(data: v21.CertificateHashDataType) -> str:
    return f"{data.issuerNameHash} {data.issuerKeyHash} {data.serialNumber}".lower()
