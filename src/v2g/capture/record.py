"""What a capture holds, message by message, and what is found wrong with it."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from v2g.exi.facets import Type


class Finding(NamedTuple):
    """Something to look at. `requirement` is the standard's number for it, if that is known."""

    rule: str
    requirement: str | None
    packet: int
    text: str


@dataclass(slots=True)
class Record:
    """A message, or, without `message`, something else that is found in the capture."""

    packet: int
    """The number of the packet with which the message was complete, from 1 on."""
    time: float | None
    """Seconds since 1970; None if the input has no times."""
    source: str
    destination: str
    payload_type: int | None
    protocol: str
    """That of the codec; `sdp`, `slac`, `tls`, `tcp` and `link` below it."""
    message: str | None = None
    document: dict[str, Any] | None = None
    findings: list[Finding] = field(default_factory=list)
    value: Type | None = None
    """The message as the codec gives it."""
    payload: bytes = b""
    """Its EXI."""
    connection: int = 0
    """Numbers the connections of the capture; 0 outside of them."""
    gap: bool = False
    """Whether bytes of its connection, of either side, are missing in the capture since the record before."""

    is_late: bool = False
    """Whether it belongs to an earlier place: its bytes came after they had been given up."""

    @property
    def header(self) -> dict[str, Any]:
        """The message's header; empty if it has none."""
        content = self._root
        found: dict[str, Any] = content.get("Header", {})
        return found

    @property
    def content(self) -> dict[str, Any]:
        """The elements of the message."""
        content = self._root
        body: dict[str, Any] | None = content.get("Body")
        return content if body is None else body.get(str(self.message), {})

    @property
    def _root(self) -> dict[str, Any]:
        if not self.document:
            return {}
        found: dict[str, Any] = next(iter(self.document.values()))
        return found

    @property
    def is_request(self) -> bool:
        """Whether it is a request, which only cars send."""
        return self.message is not None and self.message.endswith("Req")

    def remark(self, rule: str, text: str) -> "Record":
        """A finding at this record that turns up only later: a record of its own, without a message."""
        made = replace(self, message=None, document=None, value=None, findings=[])
        made.find(rule, text)
        return made

    def find(self, rule: str, text: str, requirement: str | None = None) -> None:
        """Note a finding at this record."""
        self.findings.append(Finding(rule, requirement, self.packet, text))
