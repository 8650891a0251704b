"""AuthorizationSetup: external identification (EIM), and contracts (PnC) if the station takes any."""

from dataclasses import replace

from v2g.iso15118.contract import CHALLENGE_OCTETS
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.kernel import chance
from v2g.messages.iso20.common import (
    Authorization,
    AuthorizationSetupReq,
    AuthorizationSetupRes,
    EIM_ASResAuthorizationMode,
    PnC_ASResAuthorizationMode,
)
from v2g.messages.iso20.types import ResponseCode


def answer(request: AuthorizationSetupReq, session: Session, view: StationView) -> Reply:
    services, external, contract = [Authorization.EIM], None, None
    if session.offer.contracts is None:
        external = EIM_ASResAuthorizationMode()  # [V2G20-1220]
    else:  # both may be offered [V2G20-2566]; the mode is that of contracts then [V2G20-1219], [V2G20-2568]
        services = [Authorization.PnC, Authorization.EIM]
        session = replace(session, challenge=chance.octets(CHALLENGE_OCTETS))  # [V2G20-697], [V2G20-698]
        contract = PnC_ASResAuthorizationMode(session.challenge)
    response = AuthorizationSetupRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        AuthorizationServices=services,
        CertificateInstallationService=session.offer.provisioning is not None,
        EIM_ASResAuthorizationMode=external,
        PnC_ASResAuthorizationMode=contract,
    )
    return Reply(response, Phase.AUTHORIZATION, session)
