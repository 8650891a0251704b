"""Who decides about cars on the bench, if a case needs another verdict than a grant."""

from dataclasses import dataclass

from v2g.station.access import Answer, Identity, Verdict


@dataclass(frozen=True, slots=True)
class Always:
    """An authoriser with one verdict for everybody."""

    verdict: Verdict

    def judge(self, identity: Identity, now: float) -> Verdict:
        return self.verdict


NOBODY = Always(Verdict(Answer.REFUSED, "nobody may use this EVSE"))
NOTHING = Always(Verdict(Answer.PENDING, "nobody has decided yet"))
