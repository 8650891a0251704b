"""AuthorizationSetup: the station offers external identification (EIM) only, so no challenge and no certificates."""

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import (
    Authorization,
    AuthorizationSetupReq,
    AuthorizationSetupRes,
    EIM_ASResAuthorizationMode,
)
from v2g.messages.iso20.types import ResponseCode


def answer(request: AuthorizationSetupReq, session: Session, view: StationView) -> Reply:
    response = AuthorizationSetupRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        AuthorizationServices=[Authorization.EIM],
        CertificateInstallationService=False,
        EIM_ASResAuthorizationMode=EIM_ASResAuthorizationMode(),
    )
    return Reply(response, Phase.AUTHORIZATION, session)
