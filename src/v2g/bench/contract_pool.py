"""The provisioning service of a bench: contracts for cars out of a test hierarchy (`v2g pki init`), for `v2g csms`."""

import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from v2g.bench.contract_service import ContractService, Issuer
from v2g.iso15118.contract import Credential, Unprovisioned
from v2g.messages import ExiError
from v2g.ocpp import v21
from v2g.pki.certificate import read_pem
from v2g.pki.hierarchy import EMAID, PkiError
from v2g.pki.store import ISO2

_SETS = {"urn:iso:15118:2:2013:MsgDef": "iso2", "urn:iso:std:iso:15118:-20:CommonMessages": "iso20-common"}


class ContractPool:
    """Answers Get15118EVCertificate: cars of ISO 15118-20 get contracts of the directory's authorities, those of
    ISO 15118-2 of the ones in `iso2` below it."""

    def __init__(self, directory: Path) -> None:
        """Raises `PkiError` for a directory without authorities."""
        below = directory / ISO2
        self._services = {"iso20-common": _service(directory), "iso2": _service(below if below.is_dir() else directory)}

    def answer(self, asked: v21.Get15118EVCertificateRequest) -> v21.Get15118EVCertificateResponse:
        """The response to a station."""
        message_set = _SETS.get(asked.iso15118SchemaVersion)
        try:
            if message_set is None:
                raise Unprovisioned(f"{asked.iso15118SchemaVersion} is not known here")
            brought = self._services[message_set].fetch(b64decode(asked.exiRequest), asked.action, message_set)
        except (Unprovisioned, ExiError, ValueError):
            brought = None
        if brought is None:
            return v21.Get15118EVCertificateResponse(status="Failed", exiResponse="")
        return v21.Get15118EVCertificateResponse(status="Accepted", exiResponse=b64encode(brought).decode())


def _service(directory: Path) -> ContractService:
    def chain(*stems: str) -> tuple[bytes, ...]:
        return tuple(read_pem((directory / f"{stem}.pem").read_bytes())[0].der for stem in stems)

    def key(stem: str) -> Any:
        return load_pem_private_key((directory / f"{stem}_key.pem").read_bytes(), None)

    try:
        operator = Issuer(chain("mo_sub_ca2", "mo_sub_ca1_cross"), key("mo_sub_ca2"))
        service = Credential(chain("cps_cert", "cps_sub_ca2", "cps_sub_ca1"), key("cps"))
    except OSError as error:
        raise PkiError(f"{error.filename}: {error.strerror}; `v2g pki init` makes the authorities") from error
    return ContractService(operator, service, lambda car: EMAID, time.time)
