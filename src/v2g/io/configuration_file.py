"""Any configuration file of this package, recognised by its keys: of a station, a depot, a site, or a fleet.

It is read by the rules of the process that would start with it, so that what `v2g config` shows is what holds.
"""

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from v2g.kernel import regular_file
from v2g.station.config.reader import LARGEST_BYTES, ConfigurationError, Rules, read_with_places

KINDS = ("station", "depot", "site", "fleet")
_SIGNS = {"feeders": "depot", "connection": "site", "depots": "fleet", "depot_list": "fleet"}
"""A key that only one kind of file has."""


class Read(NamedTuple):
    """What a file says."""

    settings: Struct
    warnings: list[str]
    places: dict[str, int]
    """Path of each key that the file has -> its line."""


def content(path: Path) -> bytes:
    """What is in the file. Raises `ConfigurationError`."""
    try:
        return regular_file.beginning(path, LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; `v2g config example` prints one") from error


def kind_of(text: bytes) -> str:
    """Which of `KINDS` a text is, by its keys at the beginning of a line."""
    found = (_SIGNS.get(key.decode()) for key in re.findall(rb"^(\w+):", text, re.MULTILINE))
    return next((kind for kind in found if kind is not None), "station")


def settings_of(kind: str) -> tuple[type[Struct], Rules]:
    """The type of the whole file, and its rules."""
    if kind == "depot":
        from v2g.depot.configuration import Configuration
        from v2g.io.depot_configuration import FILE_RULES as DEPOT_RULES

        return Configuration, DEPOT_RULES
    if kind == "site":
        from v2g.depot.site.configuration import SiteConfiguration
        from v2g.io.site_configuration import FILE_RULES as SITE_RULES

        return SiteConfiguration, SITE_RULES
    if kind == "fleet":
        from v2g.fleet.configuration import FleetConfiguration
        from v2g.io.fleet_configuration import FILE_RULES as FLEET_RULES

        return FleetConfiguration, FLEET_RULES
    from v2g.io.configuration import FILE_RULES
    from v2g.station.config.settings import Settings

    return Settings, FILE_RULES


def parsed(text: bytes, path: Path) -> Read:
    """What a text says that is, or would be, in the file `path`. Raises `ConfigurationError` with every finding."""
    kind, rules = settings_of(kind_of(text))
    return Read(*read_with_places(text, str(path), kind, rules, path.parent))


def replace(path: Path, text: bytes) -> Path:
    """Put a text in the place of a file, with its mode and owner. Returns where the old one is kept: `NAME.old`.

    After a power cut the file is the old one or the new one. Raises `OSError`.
    """
    path = path.resolve()
    kept, fresh = path.with_name(f"{path.name}.old"), path.with_name(f"{path.name}.new")
    found = path.stat()
    for target, data in ((kept, path.read_bytes()), (fresh, text)):
        target.unlink(missing_ok=True)
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copystat(path, target)
        if os.geteuid() == 0:
            os.chown(target, found.st_uid, found.st_gid)
    os.replace(fresh, path)
    return kept
