"""Reads the configuration file and checks it: all findings at once, each with its place and its remedy.

The types in `v2g.station.config.settings` say what each field may be. The rules below say what fields must
fulfil together. A relative path in the file starts at the file's directory.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from v2g.kernel.errors import V2GError
from v2g.power.address import Address, AddressError
from v2g.power.address import parse as parse_address
from v2g.power.drivers import make
from v2g.power.quantity import MapError
from v2g.power.wiring import Wiring
from v2g.station.config.settings import Access, Capability, Device, EvseSettings, GridCode, Pilot, Settings, Step
from v2g.thermal.settings import ThermalSettings

Fields = dict[str, Any]
"""A mapping of the file: its valid fields, the defaults of those left out, nothing for those that are wrong."""


class ConfigurationError(V2GError):
    """The file cannot be used. One line for each finding: `file:line:column: path: what is wrong; remedy`."""


def load(path: Path, warn: Callable[[str], None] = lambda line: None) -> Settings:
    """Read and check the file. `warn` gets a line for each old form, with the new one.

    Raises `ConfigurationError` with every finding.
    """
    try:
        loader = yaml.SafeLoader(path.read_bytes())
        root = loader.get_single_node()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; deploy/config.yaml is an example of one") from error
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark) if error.problem_mark else ""
        hint = "indent with spaces" if "'\\t'" in str(error.problem) else "see https://yaml.org for the form"
        raise ConfigurationError(f"{path}:{place} not YAML: {error.problem}; {hint}") from error
    except yaml.reader.ReaderError as error:
        reason = f"{error.reason} at position {error.position}"
        raise ConfigurationError(f"{path}: not YAML: {reason}; write it as UTF-8 text") from error
    if root is None:
        raise ConfigurationError(f"{path}: the file is empty; deploy/config.yaml is an example of one")
    reader = _Reader(path, loader)
    reader.check_duplicates(root)
    fields = reader.read(root, inspect.type_info(Settings), "")
    if reader.findings:
        raise ConfigurationError("\n".join(f"{path}:{_place(mark)} {text}" for mark, text in reader.ordered()))
    for mark, text in reader.warnings:
        warn(f"{path}:{_place(mark)} {text}")
    return msgspec.convert(fields, Settings, dec_hook=lambda kind, value: kind(value))


def _place(mark: yaml.Mark) -> str:
    return f"{mark.line + 1}:{mark.column + 1}:"


_WRONG = object()
"""Stands for a value that has been reported."""


class _Reader:
    """Walks through the file's nodes along the types."""

    def __init__(self, source: Path, loader: yaml.SafeLoader) -> None:
        self.findings: list[tuple[yaml.Mark, str]] = []
        self.warnings: list[tuple[yaml.Mark, str]] = []
        self._directory = source.parent
        self._loader = loader
        self._marks: dict[str, yaml.Mark] = {}

    def ordered(self) -> list[tuple[yaml.Mark, str]]:
        return sorted(self.findings, key=lambda finding: (finding[0].line, finding[0].column))

    def check_duplicates(self, root: yaml.Node) -> None:
        """A key that is there twice: YAML would silently take the last."""
        waiting, seen = [root], set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in seen:  # an alias
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += node.value
            elif isinstance(node, yaml.MappingNode):
                keys: dict[str, yaml.Node] = {}
                for key, value in node.value:
                    first = keys.setdefault(str(key.value), key)
                    if first is not key:
                        self._report(key, f"{key.value}: also in line {first.start_mark.line + 1}; keep one of them")
                    waiting.append(value)

    def read(self, node: yaml.Node, kind: inspect.Type, path: str) -> object:
        """The value of a node; `_WRONG` once it has been reported."""
        self._marks[path] = node.start_mark
        is_null = node.tag == "tag:yaml.org,2002:null"
        if isinstance(kind, inspect.UnionType):
            if is_null:
                return None
            (kind,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
        match kind, node:
            case inspect.StructType(), yaml.MappingNode():
                self._loader.flatten_mapping(node)
                return self._read_mapping(node, kind, path)
            case inspect.StructType(), _ if is_null:  # all its keys are commented out
                return self._read_mapping(yaml.MappingNode(node.tag, [], node.start_mark), kind, path)
            case inspect.VarTupleType(), yaml.SequenceNode() if len(node.value) >= (kind.min_length or 0):
                items = [self.read(item, kind.item_type, f"{path}[{i}]") for i, item in enumerate(node.value)]
                return _WRONG if _WRONG in items else items
            case inspect.DictType(), yaml.MappingNode():
                self._loader.flatten_mapping(node)
                places = {key.value: (value, f"{path}.{key.value}") for key, value in node.value}
                return {name: self.read(value, _resolved(value), place) for name, (value, place) in places.items()}
            case ((inspect.StructType() | inspect.VarTupleType() | inspect.DictType()), _):
                pass
            case _, yaml.ScalarNode() if not is_null:
                try:
                    return _scalar(node, kind, self._directory)
                except ValueError:
                    pass
        self._report(node, f"{path or 'the file'}: {_found(node)}; must be {_describe(kind)}{_hint(node, kind)}")
        return {} if isinstance(kind, inspect.StructType) else _WRONG

    def _read_mapping(self, node: yaml.MappingNode, kind: inspect.StructType, path: str) -> Fields:
        known = {field.name: field for field in kind.fields}
        start = f"{path}." if path else ""
        values = {}
        for key, value in node.value:
            name = key.value
            if not isinstance(key, yaml.ScalarNode):
                self._report(key, f"{path or 'the file'}: a key must be a single word")
            elif name not in known:
                remedy = _did_you_mean(name, known) or f"the keys here are {', '.join(known)}"
                self._report(key, f"{start}{name}: unknown key; {remedy}")
            else:
                values[name] = self.read(value, known[name].type, start + name)
        for name, field in known.items():
            if name in values:
                continue
            if field.required:
                self._report(node, f"{start}{name}: missing; add {_describe(field.type)}")
            else:
                default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
                values[name] = msgspec.to_builtins(default, enc_hook=str)
        fields = {name: value for name, value in values.items() if value is not _WRONG}
        for rules, found in ((_RULES, self.findings), (_WARNINGS, self.warnings)):
            for rule in rules.get(kind.cls, ()):
                with suppress(KeyError):  # a field that the rule needs is wrong itself
                    for name, text in rule(fields):
                        place = (start + name).rstrip(".")
                        found.append((self._marks.get(place, node.start_mark), f"{place}: {text}"))
        return fields

    def _report(self, node: yaml.Node, text: str) -> None:
        self.findings.append((node.start_mark, text))


def _resolved(node: yaml.Node) -> inspect.Type:
    """The type of a value that may be a number, a word, or true or false."""
    if node.tag == "tag:yaml.org,2002:bool":
        return inspect.BoolType()
    number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    return inspect.FloatType() if number else inspect.StrType(min_length=1)


def _scalar(node: yaml.ScalarNode, kind: inspect.Type, directory: Path) -> object:
    """Numbers and texts are taken as they are written, not as YAML resolves them: `0660` is no octal number here,
    `1:30` no sexagesimal one. Raises `ValueError`."""
    text: str = node.value
    quoted = node.style is not None
    match kind:
        case inspect.BoolType() if node.tag == "tag:yaml.org,2002:bool":
            return yaml.SafeLoader.bool_values[text.lower()]
        case inspect.IntType() | inspect.FloatType() if not quoted:
            value = int(text) if isinstance(kind, inspect.IntType) else float(text)
            bounds = (
                isfinite(value),
                kind.ge is None or value >= kind.ge,
                kind.gt is None or value > kind.gt,
                kind.le is None or value <= kind.le,
            )
            if all(bounds):
                return value
        case inspect.StrType():
            long_enough = len(text) >= (kind.min_length or 0)
            short_enough = kind.max_length is None or len(text) <= kind.max_length
            if long_enough and short_enough and (kind.pattern is None or re.search(kind.pattern, text)):
                return text
        case inspect.LiteralType():
            for choice in kind.values:
                if str(choice) == text:
                    return choice
        case inspect.CustomType() if text:
            return directory / text
    raise ValueError(text)


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "is a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "is a list" if node.value else "is an empty list"
    if not node.value:
        return "is empty"
    quoted = isinstance(node, yaml.ScalarNode) and node.style
    return f"is {'the text ' if quoted else ''}{node.value[:60]!r}"


def _describe(kind: inspect.Type) -> str:
    """What a value of this type must be."""
    match kind:
        case inspect.UnionType():
            return _describe(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
        case inspect.StructType():
            return f"a mapping with the keys {', '.join(field.name for field in kind.fields)}"
        case inspect.VarTupleType():
            return f"a list, each item {_describe(kind.item_type)}"
        case inspect.DictType():
            return "a mapping of names to values"
        case inspect.LiteralType():
            return " or ".join(str(value) for value in kind.values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            if kind.ge is not None and kind.le is not None:
                return f"{noun} from {kind.ge} to {kind.le}"
            return noun + (f" above {kind.gt}" if kind.gt is not None else f" of at least {kind.ge}" if kind.ge else "")
        case inspect.StrType():
            if kind.pattern:
                return _PATTERNS.get(kind.pattern, f"text of the form {kind.pattern}")
            return f"text of {kind.min_length or 0} to {kind.max_length} characters" if kind.max_length else "text"
        case _:
            return "a path"


_PATTERNS = {
    r"^\S+$": "an address such as modbus://192.168.1.10:502?unit=1",
    r"^0?[0-7]{3}$": "octal permissions, such as 0660",
}


def _hint(node: yaml.Node, kind: inspect.Type) -> str:
    match kind, node:
        case inspect.LiteralType(), yaml.ScalarNode() if meant := _did_you_mean(node.value, map(str, kind.values)):
            return f" ({meant})"
        case ((inspect.IntType() | inspect.FloatType()), yaml.ScalarNode()) if node.style:
            return ", without quotes"
    return ""


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # only where something is wrong

    by_lower = {name.lower(): name for name in known}
    return "".join(f"did you mean {by_lower[match]}?" for match in get_close_matches(word.lower(), by_lower, n=1))


Findings = Iterator[tuple[str, str]]
"""Path below the mapping, and what is wrong with it."""


def _where(device: Fields) -> Address:
    """Raises `AddressError`, and `KeyError` if a field is wrong itself."""
    return parse_address(device["address"], device["unit"], device["driver"])


def _device_address(device: Fields) -> Findings:
    try:
        _where(device)
    except AddressError as error:
        yield "address", str(error)


def _old_address(device: Fields) -> Findings:
    if "://" not in device["address"]:
        with suppress(AddressError):
            yield "address", f"the old form; write `address: {_where(device)}`"


class _Unconnected:
    """`v2g.power.wiring.Carriers` that lead nowhere: a driver opens nothing before its first method is called."""

    def registers(self, address: Address, device: str) -> Any:
        return None

    def samples(self, address: Address) -> Any:
        return None

    def keep(self, close: Callable[[], None]) -> None:
        pass


_DEVICES = {
    "contactor": ("contactor",),
    "meter": ("meter",),
    "inverter": ("inverter",),
    "isolation": ("isolation",),
    "grid": ("grid",),
    "pilot.device": ("pilot",),
    "safety": ("safety", "pump"),
    "ccid": ("contactor",),
    "lock": ("lock",),
}
"""Key of a device -> kinds of the drivers for it."""


def _drivers(evse: Fields) -> Findings:
    """Whether the daemon can make the drivers."""
    for key, kinds in _DEVICES.items():
        outer, _, inner = key.partition(".")
        device = evse.get(outer)
        device = device.get(inner) if device and inner else device
        if not device or not {"address", "unit", "driver", "registers"} <= device.keys():
            continue
        try:
            wiring = Wiring(outer, _where(device), _Unconnected(), device["registers"])
            for kind in kinds:
                make(kind, device["driver"], wiring)
        except MapError as error:
            yield f"{key}.registers", str(error).replace("\n", " | ")
        except V2GError as error:
            yield f"{key}.{'address' if device['driver'] is None else 'driver'}", str(error)
        except AddressError:  # has its own finding
            continue


def _step_power(step: Fields) -> Findings:
    if (step["power_w"] is None) == (step["follow"] is None):
        yield "", "a step has either power_w or follow; give one of them"
    elif step["follow"] is None and (step["base_w"] or step["w_per_hz"] or step["deadband_hz"]):
        yield "", "base_w, w_per_hz and deadband_hz belong to `follow: frequency`; remove them, or power_w"


def _voltage_range(capability: Fields) -> Findings:
    low, high = capability["voltage_min_v"], capability["voltage_max_v"]
    if low >= high:
        yield "voltage_min_v", f"{low:g} is not below voltage_max_v, {high:g}; correct one of them"


def _listed_cars(access: Fields) -> Findings:
    if access["grant"] != "listed":
        return
    if not access["certificates"] and not access["evcc_ids"]:
        yield "certificates", "empty, so that `grant: listed` admits no car; list the names in their certificates"
    if access["evcc_ids"] and not access["unproved"]:
        remedy = "list the names of their certificates under `certificates`, or accept it with `unproved: true`"
        yield "evcc_ids", f"a car makes up its EVCCID, and nothing proves it; {remedy}"


def _listed_once(evse: Fields) -> Findings:
    for name in ("services", "modes"):
        for index, item in enumerate(evse[name]):
            if item in evse[name][:index]:
                yield f"{name}[{index}]", f"{item} is listed twice; remove one"


def _dc_devices(evse: Fields) -> Findings:
    if any(service.startswith("DC") for service in evse["services"]):
        for name in ("inverter", "isolation"):
            if name in evse and evse[name] is None:
                yield name, "missing; a DC service needs one: add its address, or offer AC services only"


def _discharge_permission(evse: Fields) -> Findings:
    only_bidirectional = all(service.endswith("_BPT") for service in evse["services"])
    if only_bidirectional and not evse["access"]["discharge"]:
        remedy = "allow it, or add DC or AC to services"
        yield "access.discharge", f"false, while every service feeds the grid: no car could be served; {remedy}"


def _dispatch_order(evse: Fields) -> Findings:
    *timed, _ = evse["dispatch"] or [None]
    if not evse["dispatch"]:
        yield "dispatch", "has no step; add one, such as {power_w: 0}"
    for index, step in enumerate(timed):
        if "for_s" in step and step["for_s"] is None:
            yield f"dispatch[{index}]", "for_s is missing: the steps after it would never come; say how long it lasts"


def _grid_protection(evse: Fields) -> Findings:
    grid_code, reason = evse["grid_code"], "a station that feeds the grid protects it"
    if evse["access"]["discharge"]:
        if evse["grid"] is None:
            yield "grid", f"missing, while access.discharge is true: {reason}; add the grid sensing unit's address"
        if grid_code is None:
            yield "grid_code", f"missing, while access.discharge is true: {reason}; add {{name: ieee1547-cat3}}"
    elif grid_code is not None and evse["grid"] is None:
        yield "grid", "missing, while there is a grid_code; add the grid sensing unit's address, or remove grid_code"
    if grid_code is None:
        return
    from v2g.grid.codes import CODES  # only if there is a code to check: the daemon starts faster

    name, category, built_in = grid_code["name"], grid_code["category"], CODES.is_built_in(grid_code["name"])
    if name not in CODES:
        remedy = _did_you_mean(name, CODES.names()) or f"there are {', '.join(CODES.names())}"
        yield "grid_code.name", f"there is no grid code {name!r}; {remedy}"
        return
    if category is None and built_in and not grid_code["settings"]:
        return
    from v2g.grid.settings import SettingsError, read
    from v2g.station.safety.grid_guard import load as load_grid_code

    if category is not None and built_in and "variant" not in read(name):
        yield "grid_code.category", f"{name} has no categories; remove it"
        return

    try:
        load_grid_code(msgspec.convert(grid_code, GridCode), evse["nominal_hz"])
    except SettingsError as error:
        for each in error.errors:
            setting = each.partition(":")[0]
            at = "grid_code.settings" if grid_code["settings"] else "grid_code.name"
            known = not grid_code["settings"] or setting in grid_code["settings"]
            yield at, each if known else f"{each}; see `v2g grid codes {name}`"


def _one_pilot(pilot: Fields) -> Findings:
    if (pilot["device"] is None) == (pilot["pwm"] is None):
        yield "", "name either the microcontroller under `device`, or this machine's own signal under `pwm`"


def _power_line(evse: Fields) -> Findings:
    if evse["plc"] is not None:
        for name, what in (("interface", "the modem is behind it"), ("pilot", "it says when a car is plugged in")):
            if evse[name] is None:
                yield "plc", f"needs `{name}`: {what}; add it, or remove plc"


def _thermal_order(evse: Fields) -> Findings:
    if evse["thermal"] is not None:
        settings = msgspec.convert(evse["thermal"], ThermalSettings)
        yield from ((f"thermal.{text.partition(':')[0]}", text.partition(": ")[2]) for text in settings.findings())
        sensors = [name for name in ("contactor", "coolant", "ambient") if getattr(settings, name) is not None]
        if evse["safety"] is None and sensors:
            remedy = f"add the safety inputs under `safety`, or set {', '.join(sensors)} to null"
            yield "thermal", f"the sensors of {', '.join(sensors)} are the safety inputs'; {remedy}"


def _follow_grid(evse: Fields) -> Findings:
    for index, step in enumerate(evse["dispatch"]):
        if step.get("follow") and evse["grid"] is None:
            yield f"dispatch[{index}].follow", "needs the frequency; add the grid sensing unit under `grid`"


def _distinct_connectors(settings: Fields) -> Findings:
    """What two EVSEs cannot share. Port 0 is a port of its own each time."""
    for name in ("id", "evse_id", "interface", "port", "inverter", "contactor", "isolation"):
        owners: dict[object, int] = {}
        for index, evse in enumerate(settings["evses"]):
            value = evse.get(name)
            if isinstance(value, dict):
                try:
                    value = str(_where(value))
                except (AddressError, KeyError):  # has its own finding
                    continue
            if value and (owner := owners.setdefault(value, index)) != index:
                remedy = "give each EVSE its own" + (", or 0 for a free one" if name == "port" else "")
                yield f"evses[{index}].{name}", f"{value} is also that of evses[{owner}]; {remedy}"


_WARNINGS: Mapping[type, tuple[Callable[[Fields], Findings], ...]] = {Device: (_old_address,)}
"""What is still read, and should be written otherwise."""
_RULES: Mapping[type, tuple[Callable[[Fields], Findings], ...]] = {
    Device: (_device_address,),
    Step: (_step_power,),
    Capability: (_voltage_range,),
    Access: (_listed_cars,),
    Pilot: (_one_pilot,),
    EvseSettings: (
        _listed_once,
        _dc_devices,
        _discharge_permission,
        _dispatch_order,
        _follow_grid,
        _grid_protection,
        _power_line,
        _thermal_order,
        _drivers,
    ),
    Settings: (_distinct_connectors,),
}
