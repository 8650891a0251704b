"""The bill of materials of what is delivered, in dist/: `make sbom` (CycloneDX 1.6, JSON).

It holds v2g with every Python package that its extras need, as they are installed in this environment, and what is
built into the operator's page from npm. The same environment and commit make the same file. A Debian package has one of
what it holds (`tools/make_deb.py`).
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.make_dist import epoch

ROOT = Path(__file__).parent.parent
DELIVERED = (
    "station", "serial", "can", "ocpp", "metrics", "otel", "mqtt", "api", "depot", "postgres", "dnp3", "csip", "fleet",
)  # fmt: skip
"""Extras; the others are for those who change, test and pack."""


class Installed:
    """The packages in some directories; those of this environment without any."""

    def __init__(self, *directories: Path) -> None:
        self._path = [str(each) for each in directories]

    def __call__(self, name: str) -> Distribution:
        """Raises `PackageNotFoundError` for one that is not there."""
        if not self._path:
            return distribution(name)
        for each in Distribution.discover(name=name, path=self._path):
            return each
        raise PackageNotFoundError(name)


def needed(extras: tuple[str, ...] = DELIVERED, installed: Installed | None = None) -> dict[str, set[str]]:
    """Each package with those that it needs, v2g first. Raises `PackageNotFoundError` for one that is not installed."""
    find = installed or Installed()
    found: dict[str, set[str]] = {}
    waiting = [("v2g", frozenset(extras))]
    seen = set[tuple[str, frozenset[str]]]()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        below = found.setdefault(name, set())
        for each in _requirements(find(name), wanted):
            inner = canonicalize_name(each.name)
            if inner != name:
                below.add(inner)
            waiting.append((inner, frozenset(each.extras)))
    return found


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in package.requires or []:
        requirement = Requirement(line)
        asked = sorted(extras) or [""]
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in asked):
            yield requirement


def versions(extras: tuple[str, ...] = DELIVERED) -> dict[str, str]:
    """Package -> installed version, without v2g itself."""
    return {name: distribution(name).version for name in sorted(needed(extras)) if name != "v2g"}


def bill(extras: tuple[str, ...] = DELIVERED, *directories: Path) -> str:
    """The document: of this environment, or of what the directories hold. Raises `PackageNotFoundError`."""
    installed = Installed(*directories)
    graph = needed(extras, installed)
    parts = {name: _component(installed(name)) for name in sorted(graph)}
    page = list(_of_the_page())
    bom = Bom(components=[*(part for name, part in parts.items() if name != "v2g"), *page])
    bom.metadata.component = parts["v2g"]
    bom.metadata.timestamp = datetime.fromtimestamp(epoch(ROOT), UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, " ".join(sorted(str(each.purl) for each in bom.components)))
    for name, below in graph.items():
        bom.register_dependency(parts[name], [parts[each] for each in sorted(below)] + (page if name == "v2g" else []))
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _component(package: Distribution) -> Component:
    name = canonicalize_name(package.metadata["Name"])
    expression = package.metadata["License-Expression"] or package.metadata["License"] or ""
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.APPLICATION if name == "v2g" else ComponentType.LIBRARY,
        bom_ref=f"pkg:pypi/{name}@{package.version}",
        purl=PackageURL("pypi", name=name, version=package.version),
        licenses=[LicenseFactory().make_from_string(expression)] if 0 < len(expression) < 100 else [],
    )


def _of_the_page() -> Iterator[Component]:
    """What `make console` builds into the files of the page."""
    for name, version in json.loads((ROOT / "console" / "package.json").read_text())["dependencies"].items():
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            bom_ref=f"pkg:npm/{name}@{version}",
            purl=PackageURL("npm", name=name, version=version),
        )


def main() -> int:
    """Prints the file's path."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    file = ROOT / "dist" / f"v2g-{version}.cdx.json"
    file.parent.mkdir(exist_ok=True)
    try:
        file.write_text(bill())
    except PackageNotFoundError as error:
        print(f"{error.name} is not installed; `make sbom` installs it with the environment for tests", file=sys.stderr)
        return 2
    print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
