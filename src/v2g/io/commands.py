"""A command as it comes over the control socket: a line of JSON, checked against the types of the commands."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from v2g.kernel.errors import V2GError


class NotACommand(V2GError):
    """The line is no command. The text names what is wrong with it and what would be right."""


def read(line: bytes, commands: Any) -> msgspec.Struct:
    """The command that a line of JSON stands for.

    `commands`: a union of structs that are tagged by `command`. Arguments may stand beside the name, or below
    `arguments`; `connector` is the former name of `evse`. Raises `NotACommand`.
    """
    kinds: dict[str, Any] = {str(each.__struct_config__.tag): each for each in get_args(commands)}
    try:
        asked = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotACommand(f'not a command: {error}; say for example {{"command": "status"}}') from error
    name = asked.get("command") if isinstance(asked, dict) else None
    if not isinstance(name, str):
        raise NotACommand('not a command: its name is missing; say for example {"command": "status"}')
    if name not in kinds:
        raise NotACommand(f"there is no command {name!r}, only {', '.join(kinds)}")
    arguments = _arguments(name, asked)
    try:
        command: msgspec.Struct = msgspec.convert(arguments | {"command": name}, kinds[name])
    except msgspec.ValidationError as error:
        raise NotACommand(f"{name}: {_complaint(kinds[name], arguments, str(error))}") from error
    return command


def _arguments(name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    beside = {key: value for key, value in asked.items() if key not in ("command", "arguments")}
    below = asked.get("arguments", {})
    if not isinstance(below, dict) or "command" in below or (below and beside):
        raise NotACommand(f'{name}: give the arguments beside the name, such as {{"command": "stop", "evse": 1}}')
    arguments = beside or below
    if "connector" in arguments:
        arguments = {"evse": arguments["connector"]} | {k: v for k, v in arguments.items() if k != "connector"}
    return arguments


def _complaint(kind: Any, arguments: Mapping[str, Any], error: str) -> str:
    """What is wrong with the first argument that is: missing, unknown, or of the wrong type or size."""
    from msgspec.inspect import StructType, type_info

    from v2g.kernel.admitted import admitted

    described = type_info(kind)
    assert isinstance(described, StructType)
    values = {field.name: admitted(field.type) for field in described.fields}
    for name in arguments:
        if name not in values:
            return f"there is no argument {name!r}, only {', '.join(values)}"
    for field in described.fields:
        if field.required and field.name not in arguments:
            return f"{field.name} is missing; give {values[field.name]}"
    _, _, path = error.rstrip("`").partition("`$.")
    name = re.split(r"[.\[]", path)[0]  # `names[0]` is in `names`
    name = name if name in values else ""
    given = msgspec.json.encode(arguments.get(name)).decode()
    return f"{name} is {given if len(given) < 40 else given[:37] + '...'}; give {values[name]}" if name else error
