"""`v2g config show|default|diff|migrate`: what holds and why, what differs, and how an older file becomes a new one."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_json
from v2g.cli.daemon import DEFAULT_CONFIG
from v2g.cli.parser import UsageError
from v2g.cli.terminal import warn
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.station.config.leaves import Difference


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    show = actions.add_parser("show", help="every setting in force, and where each comes from")
    _add_file(show)
    add_json(show)
    default = actions.add_parser("default", help="every key with its default, its unit and what it takes")
    default.add_argument("key", metavar="KEY", nargs="?", default="", help="this one and those below it only")
    default.add_argument(
        "--of", choices=("station", "depot", "site", "fleet"), default="station", help="whose file (default: station)"
    )
    diff = actions.add_parser("diff", help="what a file changes of the defaults, or of another file")
    diff.add_argument("file", metavar="FILE", type=Path, help="a file, or the older one of two")
    diff.add_argument("other", metavar="OTHER", type=Path, nargs="?", help="the newer one; default: the defaults")
    add_json(diff)
    migrate = actions.add_parser("migrate", help="lift a file of an older version; comments stay")
    _add_file(migrate)
    migrate.add_argument("--write", action="store_true", help="change the file, and keep the old one as FILE.old")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", type=Path, nargs="?", default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}"
    )


def show(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ConfigurationError` for a file that the daemon would not start with."""
    from v2g.io.configuration_file import content, parsed
    from v2g.station.config import shown
    from v2g.station.config.leaves import leaves

    found = parsed(content(args.file), args.file)
    for line in found.warnings:
        warn(line)
    if args.json:
        rows = [
            {"key": key, "value": _plain(value), "from": shown.origin(key, found.places)}
            for key, value in leaves(found.settings)
        ]
        print(json.dumps(rows, indent=2))
    else:
        print(f"# {args.file}: every setting in force; secrets are masked.")
        sys.stdout.write(shown.text(found.settings, found.places))
    return 0


def default(args: argparse.Namespace) -> int:
    """Returns 0. Raises `UsageError` for a key that there is not."""
    from v2g.io.configuration_file import settings_of
    from v2g.kernel.nearest import did_you_mean
    from v2g.station.config.keys import keys
    from v2g.station.config.shown import default_of

    kind, _ = settings_of(args.of)
    every = list(keys(kind))
    wanted = args.key.replace("[]", "")
    chosen = [key for key in every if _is_below(key.path.replace("[]", ""), wanted)]
    if not chosen:
        near = did_you_mean(args.key, (key.path for key in every))
        raise UsageError(f"there is no key {args.key!r} of a {args.of}; {near or '`v2g config default` lists them'}")
    rows = [(key.path, default_of(key), key.unit, key.admits) for key in chosen]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip())
    return 0


def _is_below(path: str, wanted: str) -> bool:
    return not wanted or path == wanted or path.startswith(f"{wanted}.")


def diff(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if two files differ."""
    from v2g.io.configuration_file import content, parsed
    from v2g.station.config.leaves import between, from_defaults

    first = parsed(content(args.file), args.file).settings
    if args.other is None:
        found = from_defaults(first)
    else:
        second = parsed(content(args.other), args.other).settings
        if type(first) is not type(second):
            raise V2GError(f"{args.file} and {args.other} are files of different kinds; compare two of one kind")
        found = between(first, second)
    if args.json:
        rows = [{"key": each.key, "before": _plain(each.before), "after": _plain(each.after)} for each in found]
        print(json.dumps(rows, indent=2))
    else:
        for line in _rows(found):
            print(line)
    return 1 if found and args.other is not None else 0


def _rows(found: "list[Difference]") -> Iterator[str]:
    from v2g.station.config.shown import scalar

    width = max((len(each.key) for each in found), default=0)
    for each in found:
        yield f"{each.key:<{width}}  {scalar(each.before)} -> {scalar(each.after)}"


def _plain(value: object) -> object:
    """For JSON; secrets are masked."""
    from msgspec import to_builtins

    from v2g.station.config.leaves import masked

    return to_builtins(masked(value), enc_hook=str)


def migrate(args: argparse.Namespace) -> int:
    """Returns 0. Raises `V2GError` if the file cannot be lifted; then it is as it was."""
    from v2g.io import configuration_file

    file: Path = args.file
    old = configuration_file.content(file)
    lifted, changes = _lifted(old, file)
    if not changes:
        print(f"{file}: nothing to change")
        return 0
    print("\n".join(changes), end="\n\n")
    sys.stdout.writelines(_unified(old.decode(), lifted, file))
    if not args.write:
        print(f"\nnothing is written; `v2g config migrate --write {file}` changes the file")
        return 0
    try:
        kept = configuration_file.replace(file, lifted.encode())
    except OSError as error:
        raise V2GError(f"{error.filename or file}: {error.strerror}; let this user write there") from error
    print(f"\n{file} is changed; the old one is {kept}")
    return 0


def _lifted(old: bytes, file: Path) -> tuple[str, list[str]]:
    """The new text, which means what the old one did, and what was changed in it."""
    import yaml

    from v2g.io.configuration_file import kind_of, parsed, settings_of
    from v2g.kernel.bounded_yaml import TooLarge
    from v2g.station.config.migration import lift, modern
    from v2g.station.config.reader import ConfigurationError

    kind, _ = settings_of(kind_of(old))
    try:
        lifted = lift(old.decode(), kind)
    except (yaml.YAMLError, TooLarge, UnicodeError) as error:
        parsed(old, file)  # raises with place and remedy
        raise V2GError(f"{file}: {error}; write it as UTF-8 text") from error
    after = parsed(lifted.text.encode(), file)  # raises for what remains to be done by hand
    try:
        before = parsed(old, file)
    except ConfigurationError:
        return lifted  # an old value that is no longer read: nothing to compare with
    if modern(before.settings) != modern(after.settings):
        raise V2GError(f"{file}: lifted, it would not mean the same; change it by hand, as `v2g config check` says")
    return lifted


def _unified(old: str, new: str, file: Path) -> Iterator[str]:
    from difflib import unified_diff

    lines = unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), str(file), f"{file} (new)", n=1)
    return (line if line.endswith("\n") else f"{line}\n" for line in lines)
