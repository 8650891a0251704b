"""The results of a conformance run as one HTML page. It loads nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.runner import summary
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

_STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { padding: .2rem .6rem .2rem 0; text-align: left }
tr { border-bottom: 1px solid #ddd } .fail { color: #b00020; font-weight: bold } .pass { color: #1b6e20 }
td:first-child { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
"""


class ReportError(V2GError):
    """The page cannot be written. Names the file and the remedy."""


def check_writable(path: Path) -> None:
    """Raises `ReportError` before the work is done rather than after it."""
    try:
        path.open("a").close()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; name a file that can be written") from error


def write(path: Path, protocol: str, results: Sequence[Result], station: str = "") -> None:
    """What failed comes first. `station`: which one, if it is not that of this project in memory."""
    order = (Verdict.FAIL, Verdict.PASS, Verdict.NOT_APPLICABLE)
    rows = "\n".join(
        f'<tr><td>{escape(each.id)}</td><td class="{each.verdict.split()[0]}">{each.verdict}</td>'
        f"<td>{escape(each.text)}</td></tr>"
        for each in sorted(results, key=lambda each: order.index(each.verdict))
    )
    tested = station or f"v2g {version('v2g')}"
    where = "Real time and sockets" if station else "Virtual station and hardware"
    now = datetime.now(UTC).isoformat(timespec="minutes")
    regular_file.write_text(
        path,
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Conformance: {escape(protocol)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>Conformance of {escape(tested)}: {escape(protocol)}</h1>"
        f"<p>{escape(summary(results))}. {where}, {now}.</p>"
        f"<table><tr><th>Case</th><th>Verdict</th><th>Why</th></tr>\n{rows}\n</table></body></html>\n",
    )
