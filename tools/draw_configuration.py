# ruff: noqa: E501 - the rows of a table are one line each
"""Draws docs/configuration.md from the types of the configuration files: `python tools/draw_configuration.py`.

Type, unit, default and range are those that the reader checks; the meaning of a key is the docstring below it.
"""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

from msgspec import Struct

from v2g.depot.configuration import Configuration
from v2g.depot.site.configuration import SiteConfiguration
from v2g.fleet.configuration import FleetConfiguration
from v2g.station.config.keys import Key, keys
from v2g.station.config.leaves import NEEDED
from v2g.station.config.settings import Settings
from v2g.station.config.shown import default_of

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
FILES: dict[str, tuple[str, type[Struct]]] = {
    "A station": ("/etc/v2g/config.yaml", Settings),
    "A depot": ("/etc/v2g/depot.yaml", Configuration),
    "A home or a small business": ("/etc/v2g/site.yaml", SiteConfiguration),
    "A fleet": ("/etc/v2g/fleet.yaml", FleetConfiguration),
}
_HEAD = """\
# Configuration reference

Every key of the four configuration files. Drawn by `tools/draw_configuration.py` from the reader's types.

| command | what it does |
|---|---|
| `v2g config example` | prints a file of a station with comments; `example depot`, `example site` and `example fleet` those of the others |
| `v2g config check FILE` | everything that is wrong, with line, column and remedy; an unknown key with the nearest name |
| `v2g config show FILE` | every setting in force, each with its line or `default`; passwords and tokens in addresses are masked |
| `v2g config default [KEY]` | the keys with their defaults and units; `--of depot`, `--of site`, `--of fleet` |
| `v2g config diff FILE` | what the file changes of the defaults |
| `v2g config diff FILE OTHER` | what differs between two files; exit code 1 if anything does |
| `v2g config migrate FILE` | lifts a file of an older version and shows each change; `--write` changes it, and keeps the old one as `FILE.old` |

Relative paths start at the file's directory. Powers are in W; a positive one charges the vehicle, a negative one feeds
the grid; limits are magnitudes. Secrets stand in files of their own, never in the configuration. A key that is `needed`
has no default.

## Older files

What an older version wrote is read with a warning that shows the new line; the last row is refused. `v2g config migrate`
edits the text at these places and leaves all else as it is, comments too. It writes only what means the same.

| old | new |
|---|---|
| `connectors:` | `evses:` |
| `journal:` | `kept:` |
| `address: 192.168.1.10:502` with `unit: 3` beside it | `address: "modbus://192.168.1.10:502?unit=3"` |
| `address: 0.0.0.0:5000` with `driver: waveform` | `address: "udp://0.0.0.0:5000"` |
| `tls: {profile: iso20}` | `tls: {profile: iso15118-20}` |

`access.evcc_ids` without `unproved: true` needs a decision, so it is left to a person.
"""


def page() -> str:
    """The page."""
    return _HEAD + "".join(_of_file(title, *each) for title, each in FILES.items())


def _of_file(title: str, file: str, kind: type[Struct]) -> str:
    sections: dict[str, list[Key]] = {}
    for key in keys(kind):
        sections.setdefault(key.path.rpartition(".")[0], []).append(key)
    parts = [f"\n## {title}: `{file}`\n"]
    drawn: dict[object, str] = {}  # what a section says -> its place: a device is the same wherever it stands
    for path, found in sections.items():
        rows = [_row(key) for key in found]
        same = drawn.setdefault((found[0].owner, tuple(rows)), path)
        if same != path:
            parts.append(f"\n### {path}\n\nAs `{same}`.\n")
            continue
        intro = f"\n### {path}\n\n{_intro(found[0].owner)}\n" if path else ""
        table = "\n| key | unit | takes | default | meaning |\n|---|---|---|---|---|\n"
        parts.append(intro + table + "".join(rows))
    return "".join(parts)


def _row(key: Key) -> str:
    name = f"{key.name}[]" if key.path.endswith("[]") else key.name
    default = default_of(key)
    if default and key.default is not NEEDED:
        default = f"`{default}`"
    cells = [f"`{name}`", key.unit, key.admits, default, meaning(key)]
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |\n"


def meaning(key: Key) -> str:
    """The docstring below a field, of the class itself or of one that it extends; for a mapping also that of its class."""
    own = next((found for kind in key.owner.__mro__ if (found := _documented(kind).get(key.name))), "")
    text = own or (_intro(key.below) if key.below is not None else "")
    return re.sub(r"\bNone\b", "`null`", text)


def _intro(kind: type[Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


@cache
def _documented(kind: type) -> dict[str, str]:
    """Field -> docstring."""
    if kind.__module__.partition(".")[0] != "v2g":
        return {}
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


if __name__ == "__main__":
    PAGE.write_text(page())
