"""Things by name, from this package and from others: drivers, grid codes, wish sources, authorisers.

A package outside brings one as an entry point:

    [project.entry-points."v2g.drivers"]
    "inverter.acme" = "v2g_acme:inverter"

It is imported when its name is used, and only if this package has nothing of that name. A package that cannot be
imported is an error of what it brings, not of the station.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from v2g.kernel.errors import V2GError

if TYPE_CHECKING:  # loaded for a name that is not built in
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class RegistryError(V2GError):
    """There is no such thing, or its package cannot be used. Names the thing, the package and the remedy."""


class Registry(Generic[T]):
    """What is there by name."""

    def __init__(
        self,
        group: str,
        what: str,
        built_in: Mapping[str, Callable[[], T]],
        is_one: Callable[[object], bool] = callable,
    ) -> None:
        """`group`: of the entry points. `what`: one of them in a sentence, such as `driver`. `built_in`: name -> how it
        is loaded. `is_one`: whether an object from outside can be one."""
        self._group, self._what, self._built_in, self._is_one = group, what, built_in, is_one

    def __contains__(self, name: str) -> bool:
        return name in self._built_in or bool(self._entry_points(name))

    def is_built_in(self, name: str) -> bool:
        """Whether it comes with this package."""
        return name in self._built_in

    def names(self) -> list[str]:
        """All that there are, sorted. Imports nothing."""
        return sorted({*self._built_in, *(point.name for point in self._entry_points())})

    def load(self, name: str) -> T:
        """The thing of that name. Raises `RegistryError`."""
        if name in self._built_in:
            return self._built_in[name]()
        points = self._entry_points(name)
        if not points:
            raise RegistryError(f"there is no {self._what} {name!r}; there are {', '.join(self.names())}")
        owners = sorted({_package(point) for point in points})
        if len(points) > 1:
            raise RegistryError(f"{self._what} {name!r} comes from {' and '.join(owners)}; uninstall all but one")
        (point,) = points
        source = f"{self._what} {name!r} of the package {owners[0]}"
        try:
            thing: object = point.load()
        except Exception as error:  # whatever a package does on import is its own failure
            reason = f"{type(error).__name__}: {error}"
            raise RegistryError(f"{source} cannot be loaded: {reason}; update or uninstall it") from error
        if not self._is_one(thing):
            kind = type(thing).__name__
            raise RegistryError(f"{source} is of type {kind}, which is no {self._what}; update or uninstall it")
        return cast(T, thing)

    def _entry_points(self, name: str | None = None) -> list["EntryPoint"]:
        from importlib.metadata import entry_points

        found = entry_points(group=self._group) if name is None else entry_points(group=self._group, name=name)
        return list(found)


def imported(reference: str) -> Callable[[], Any]:
    """How `module:attribute` of this package is loaded: on use, so that a row costs nothing."""

    def load() -> Any:
        module, _, attribute = reference.partition(":")
        return getattr(import_module(module), attribute)

    return load


def _package(point: "EntryPoint") -> str:
    return "?" if point.dist is None else point.dist.name
