"""What is told of a session: lines for the trace, and its figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in the trace."""

    text: str
    warning: bool = False


@dataclass(slots=True)
class Report:
    """The figures of one session, for the operator."""

    session_id: str = ""
    evcc_id: str = ""
    service: str = ""
    mode: str = ""
    messages: int = 0
    last_message: str = ""
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    result: str = ""
    fault: str | None = None
