"""Authorization by external identification.

A rejected car is not failed: it gets Finished with a warning and may try again [V2G20-2219], [V2G20-2230].
"""

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Authorization as Verdict
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import Authorization, AuthorizationReq, AuthorizationRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: AuthorizationReq, session: Session, view: StationView) -> Reply:
    if request.SelectedAuthorizationService is not Authorization.EIM or request.EIM_AReqAuthorizationMode is None:
        code, processing = ResponseCode.WARNING_AuthorizationSelectionInvalid, Processing.Finished
        following = Phase.AUTHORIZATION
    elif view.authorization is Verdict.ACCEPTED:
        code, processing, following = ResponseCode.OK, Processing.Finished, Phase.SERVICE_DISCOVERY
    elif view.authorization is Verdict.REJECTED:
        code, processing = ResponseCode.WARNING_EIMAuthorizationFailure, Processing.Finished
        following = Phase.AUTHORIZATION
    else:
        code, processing = ResponseCode.OK, Processing.Ongoing_WaitingForCustomerInteraction
        following = Phase.AUTHORIZATION
    return Reply(
        AuthorizationRes(Header=header(session, view), ResponseCode=code, EVSEProcessing=processing),
        following,
        session,
    )
