"""Grid codes by name. A package outside brings one as an entry point of the group `v2g.grid_codes`: the text of its
file, or the file's path. A file whose name begins with `_` is none itself: others extend it."""

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

from v2g.kernel import regular_file
from v2g.kernel.registry import Registry

Source = str | Path


def _is_source(thing: object) -> bool:
    return isinstance(thing, str | Path)


_FILES = {
    file.name.removesuffix(".toml"): partial(file.read_text, "utf-8")
    for file in files(__package__).iterdir()
    if file.name.endswith(".toml")
}

_LOADED: dict[str, Callable[[], Source]] = {name: read for name, read in _FILES.items() if not name.startswith("_")}

CODES: Registry[Source] = Registry("v2g.grid_codes", "grid code", _LOADED, _is_source)


def add(file: Path) -> str:
    """Adds the code in a file that no package brings, until this process ends. Returns its name: the file's path."""
    _LOADED[str(file)] = lambda: file
    return str(file)


def content(name: str) -> str:
    """The content of the file of a grid code, or of what others extend.

    Raises `RegistryError`, and `OSError` if the file of a package outside cannot be read.
    """
    if name in _FILES:
        return _FILES[name]()
    source = CODES.load(name)
    return source if isinstance(source, str) else regular_file.read_text(source)
