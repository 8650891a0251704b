"""What `v2g trace stats` counts: how sessions ended, their slowest responses, and the faults."""

import re
from collections import Counter
from math import ceil
from typing import Any

from v2g.io.trace_reader import Line

_ENDED = re.compile(r"session (ended|paused): charged ([\d.]+) Wh, discharged ([\d.]+) Wh, (\d+) messages", re.ASCII)
_SLOWEST = re.compile(r"slowest response ([\d.]+) ms \((\w+)\), owed within (\d+) ms", re.ASCII)
_FAULT = re.compile(r"(0x[0-9A-F]{2}) ([^:]+): .*", re.ASCII)
_NO_SESSION = re.compile(r"-|stranger|0+", re.ASCII)
"""Nobody's, or of a car that has none yet."""


class Statistics:
    """Takes the lines of a trace in any order."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[int | None, str], str] = {}
        self._faulted: set[tuple[int | None, str]] = set()
        self._charged_wh = self._discharged_wh = 0.0
        self._messages = 0
        self._took_ms: dict[str, list[float]] = {}
        self._owed_ms: dict[str, float] = {}
        self._faults: Counter[tuple[str, str]] = Counter()
        self._latest: dict[str, str] = {}

    def add(self, line: Line) -> None:
        """Count one line."""
        key = line.evse, line.session
        has_session = _NO_SESSION.fullmatch(line.session) is None
        if has_session:
            self._sessions.setdefault(key, "without an end")
        if line.level == "ERROR" and (found := _FAULT.fullmatch(line.text)):
            self._faulted.add(key)
            self._faults[found[1], found[2]] += 1
            self._latest[found[1]] = max(line.moment, self._latest.get(found[1], ""))
        elif line.level == "INFO" and (found := _ENDED.fullmatch(line.text)):
            if has_session:
                self._sessions[key] = found[1]
            self._charged_wh += float(found[2])
            self._discharged_wh += float(found[3])
            self._messages += int(found[4])
        elif line.level == "INFO" and (found := _SLOWEST.fullmatch(line.text)):
            self._took_ms.setdefault(found[2], []).append(float(found[1]))
            self._owed_ms[found[2]] = float(found[3])

    def document(self) -> dict[str, Any]:
        """For programs. `slowest` has the slowest response of each session, by its message."""
        endings = Counter(
            f"{ending} with a fault" if key in self._faulted else ending for key, ending in self._sessions.items()
        )
        return {
            "sessions": len(self._sessions),
            "endings": dict(sorted(endings.items())),
            "charged_wh": round(self._charged_wh, 1),
            "discharged_wh": round(self._discharged_wh, 1),
            "messages": self._messages,
            "slowest": [self._response(message) for message in sorted(self._took_ms)],
            "faults": [
                {"code": code, "title": title, "count": count, "latest": self._latest[code]}
                for (code, title), count in sorted(self._faults.items())
            ],
        }

    def text(self) -> list[str]:
        """For a person."""
        found = self.document()
        endings = ", ".join(f"{count} {ending}" for ending, count in found["endings"].items())
        lines = [
            f"{found['sessions']} sessions{': ' if endings else ''}{endings}",
            f"charged {found['charged_wh']:.1f} Wh, discharged {found['discharged_wh']:.1f} Wh, "
            f"{found['messages']} messages",
        ]
        if found["slowest"]:
            head = f"{'sessions':>8} {'p50':>8} {'p99':>8} {'most':>8} {'owed':>8} {'margin':>8}"
            lines += ["", f"{'slowest response, ms':32}{head}"]
        lines += [
            f"  {each['message']:30}{each['sessions']:8} {each['p50_ms']:8.1f} {each['p99_ms']:8.1f} "
            f"{each['most_ms']:8.1f} {each['owed_ms']:8.0f} {each['margin_ms']:8.1f}"
            for each in found["slowest"]
        ]
        if found["faults"]:
            lines += ["", "faults"]
        width = max((len(each["title"]) for each in found["faults"]), default=0)
        lines += [
            f"  {each['code']} {each['title']:{width}} {each['count']:6}, latest {each['latest']}"
            for each in found["faults"]
        ]
        return lines

    def _response(self, message: str) -> dict[str, Any]:
        took, owed = sorted(self._took_ms[message]), self._owed_ms[message]
        return {
            "message": message,
            "sessions": len(took),
            "p50_ms": _quantile(took, 0.5),
            "p99_ms": _quantile(took, 0.99),
            "most_ms": took[-1],
            "owed_ms": owed,
            "margin_ms": round(owed - took[-1], 1),
        }


def _quantile(values: list[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    return values[max(0, ceil(share * len(values)) - 1)]
