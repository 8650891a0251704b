"""Certificates that the back end has brought for TLS with cars, as a directory beside its store."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def place(store: Path) -> Path:
    """The directory, for the store of the back end's side."""
    return store.with_name(f"{store.name}.cars")


def mirror(directory: Path, files: Mapping[str, bytes]) -> None:
    """Make the directory hold these files, in their order, and no others. A reader finds each whole or not at all.

    Raises `OSError`.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        file = directory / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if not file.is_file() or file.read_bytes() != content:
            new = file.with_name(f"{file.name}.new")
            with open(new, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as writing:
                writing.write(content)
                writing.flush()
                os.fsync(writing.fileno())
            new.replace(file)
    for file in sorted(directory.rglob("*"), reverse=True):  # what is in a directory comes before it
        if file.is_dir():
            with suppress(OSError):  # it is not empty
                file.rmdir()
        elif str(file.relative_to(directory)) not in files:
            file.unlink()
