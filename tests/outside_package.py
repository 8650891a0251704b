"""A package outside `v2g`, installed for one test: modules and entry points in a folder of their own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path


@contextmanager
def installed(folder: Path, files: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """`files`: path -> content. `entry_points`: group -> name -> `module:attribute`."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    info = folder / f"{folder.name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.name}\nVersion: 1.0\n")
    rows = [
        f"[{group}]\n" + "".join(f"{name} = {ref}\n" for name, ref in each.items())
        for group, each in entry_points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(rows))
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
        invalidate_caches()
