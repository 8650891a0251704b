"""The modem of one side, car or station: what it is, which key it has, whether it has a link.

Sans-IO: `receive`, `expire` and `next_deadline` as in the matching.
"""

from v2g.slac import mme
from v2g.slac.event import KeySet, Level, LinkDown, LinkUp, ModemFailed, ModemFound, Step
from v2g.slac.key import NetworkKey
from v2g.slac.mme import LOCAL_MODEM, Frame, Mme

ANSWER_S = 1.0
"""Timeout of an answer. No standard has a value; modems in use need milliseconds, after a restart seconds."""
IDENTIFY_TRIES = 5
KEY_TRIES = 3
"""Unanswered or refused this often in a row, the key is reported as a failure. Trying goes on."""
POLL_S = 0.2
LOST_AFTER = 3
"""Bad or missing answers in a row before the link counts as lost: it is left within TP_match_leave."""
LEVEL_POLL_S = 2.0

QUALCOMM, LUMISSIL = "Qualcomm", "Lumissil"
_TAKEN = (0, 1)
"""Results of CM_SET_KEY.CNF that mean success: 0 by the standard, 1 in modems in use."""


class Modem:
    """Talks to the modem for one host."""

    def __init__(self, mac: bytes, address: bytes | None = None) -> None:
        """`mac`: of the host. `address`: the modem's MAC. None: learned from its first answer."""
        self.address = self._given_address = address
        self.vendor: str | None = None
        self.version: str | None = None
        self.key: NetworkKey | None = None
        """As the modem has taken it; None while it is being changed."""
        self.linked = False
        self._mac = mac
        self._identify: float | None = None
        self._identify_tries = 0
        self._wanted: NetworkKey | None = None
        self._key_deadline: float | None = None
        self._key_tries = 0
        self._key_problem = ""
        self._poll: float | None = None
        self._level_poll = 0.0
        self._awaited = False
        self._misses = 0

    def identify(self, now: float) -> Step:
        """Ask the modem what it is, in every vendor's way."""
        self._identify, self._identify_tries = now + ANSWER_S, self._identify_tries + 1
        requests: list[Mme] = [mme.VS_SW_VER_REQ(), mme.NSCM_GET_VERSION_REQ(lms=bytes(19))]
        return Step(send=[self._frame(each, version=0) for each in requests])

    def set_key(self, key: NetworkKey, now: float) -> Step:
        """Give the modem a key; with it the modem leaves its present network."""
        self.unwatch()
        self.address = self._given_address  # a stranger who was taken for the modem is forgotten
        self.key, self._wanted, self._key_tries = None, key, 0
        return self._send_key(now)

    def watch(self, now: float) -> Step:
        """Poll from now on whether there is a link."""
        self.unwatch()
        return self._send_poll(now)

    def unwatch(self) -> None:
        """Stop polling."""
        self.linked, self._poll = False, None
        self._awaited, self._misses, self._level_poll = False, 0, 0.0

    def receive(self, frame: Frame, now: float) -> Step:
        """A frame that may be an answer of the modem."""
        message = frame.message
        if self.address is not None and frame.source != self.address:
            return Step()
        match message:
            case mme.CM_SET_KEY_CNF() if self._wanted is not None:
                self.address = frame.source
                return self._key_answered(message.result)
            case mme.VS_SW_VER_CNF() if self._identify is not None and message.status == 0:
                return self._found(frame, QUALCOMM, message.version.rstrip(b"\0").decode("ascii", "replace"))
            case mme.NSCM_GET_VERSION_CNF() if self._identify is not None:
                parts = (message.version_major, message.version_minor, message.version_patch, message.version_build)
                return self._found(frame, LUMISSIL, ".".join(map(str, parts)))
            case mme.VS_LINK_STATUS_CNF() if message.status == 0:
                return self._link(message.link_status == 1)
            case mme.NSCM_GET_D_LINK_STATUS_CNF():
                return self._link(message.link_status == 1)
            case mme.CC_DISCOVER_LIST_CNF():
                peers = [each for each in message.neighbours() if each.same_network and each.tei]
                step = self._link(bool(peers)) if self.vendor is None else Step()
                levels = [each.level_db for each in peers if each.level_db is not None]
                if self.linked and levels:
                    step.events.append(Level(max(levels)))
                return step
        return Step()

    def expire(self, now: float) -> Step:
        """Time has passed: ask again if an answer is overdue."""
        step = Step()
        if self._identify is not None and now >= self._identify:
            if self._identify_tries < IDENTIFY_TRIES:
                step.add(self.identify(now))
            else:
                self._identify = None
        if self._key_deadline is not None and now >= self._key_deadline:
            if self._key_tries == KEY_TRIES:
                step.events.append(ModemFailed(f"the modem {self._key_problem}"))
            step.add(self._send_key(now))
        if self._poll is not None and now >= self._poll:
            if self._awaited:
                step.add(self._link(False, "the modem does not answer"))
            step.add(self._send_poll(now))
        return step

    def next_deadline(self) -> float | None:
        """When `expire` is due."""
        deadlines = (self._identify, self._key_deadline, self._poll)
        return min((each for each in deadlines if each is not None), default=None)

    def _found(self, frame: Frame, vendor: str, version: str) -> Step:
        self.address, self.vendor, self.version = frame.source, vendor, version
        self._identify = None
        return Step(events=[ModemFound(vendor, version)])

    def _send_key(self, now: float) -> Step:
        assert self._wanted is not None
        self._key_deadline, self._key_tries = now + ANSWER_S, self._key_tries + 1
        self._key_problem = "does not answer CM_SET_KEY.REQ; look at its supply, its driver and the interface"
        # CCo capability 1 as stations in use send it: the modem may coordinate the network.
        return Step(
            send=[self._frame(mme.CM_SET_KEY_REQ(cco_capability=1, nid=self._wanted.nid, nmk=self._wanted.nmk))]
        )

    def _key_answered(self, result: int) -> Step:
        assert self._wanted is not None
        if result not in _TAKEN:  # asked again at the deadline: at once it would be refused again
            self._key_problem = f"refuses the key with result {result}; look at its configuration (PIB)"
            return Step()
        self.key, self._wanted, self._key_deadline = self._wanted, None, None
        return Step(events=[KeySet(self.key)])

    def _send_poll(self, now: float) -> Step:
        self._poll, self._awaited = now + POLL_S, True
        if self.vendor == QUALCOMM:
            send = [self._frame(mme.VS_LINK_STATUS_REQ(), version=0)]
        elif self.vendor == LUMISSIL:
            send = [self._frame(mme.NSCM_GET_D_LINK_STATUS_REQ(lms=bytes(19)), version=0)]
        else:
            return Step(send=[self._frame(mme.CC_DISCOVER_LIST_REQ())])
        if self.linked and now >= self._level_poll:
            self._level_poll = now + LEVEL_POLL_S
            send.append(self._frame(mme.CC_DISCOVER_LIST_REQ()))
        return Step(send=send)

    def _link(self, up: bool, reason: str = "the modem has no link any more") -> Step:
        if self._poll is None:
            return Step()
        self._awaited = False
        if up:
            self._misses, was = 0, self.linked
            self.linked = True
            return Step(events=[] if was else [LinkUp()])
        self._misses += 1
        if not self.linked or self._misses < LOST_AFTER:
            return Step()
        self.linked = False
        return Step(events=[LinkDown(reason)])

    def _frame(self, message: Mme, version: int = 1) -> bytes:
        return Frame.of(LOCAL_MODEM, self._mac, message, version).pack()
