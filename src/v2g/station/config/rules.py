"""What the fields of the configuration fulfil together: one function for each rule, and one table of them.

A rule looks at one mapping and reports what is wrong in it, with the remedy. What needs a file is checked by the
adapter that opens files (`v2g.io.configuration`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_network

import msgspec

from v2g.kernel.nearest import did_you_mean
from v2g.power.address import CAN, MODBUS_RTU, Address, AddressError
from v2g.power.address import parse as parse_address
from v2g.station.config.leaves import carries_a_secret
from v2g.station.config.reader import Fields, Findings, Rules
from v2g.station.config.settings import (
    COMMANDED,
    Access,
    ApiBroker,
    Capability,
    Device,
    EvseSettings,
    GridCodeSettings,
    LocalApi,
    Metrics,
    Network,
    Ocpp,
    Pilot,
    PlanStep,
    Rule,
    Settings,
    Tls,
)
from v2g.station.config.sunspec import SunSpec
from v2g.thermal.settings import ThermalSettings

OLD_KEYS: Mapping[type, Mapping[str, str]] = {
    Settings: {"connectors": "evses", "journal": "kept"},
}
"""Keys of earlier versions, which are still read: type of the mapping -> old name -> new name."""

OLD_VALUES: Mapping[type, Mapping[str, Mapping[str, str]]] = {
    Tls: {"profile": {"iso20": "iso15118-20"}},
}
"""Values of earlier versions, which `v2g config migrate` lifts: type of the mapping -> key -> old -> new value."""


EVSE_ID = re.compile(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9*]{1,31}|ZZ00000")
"""ISO 15118-20 Annex C: country, operator, E, the EVSE's own part; the last form stands for no id."""

_EVCC_ID = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){1,8}")
"""Of ISO 15118-2 and DIN: octets in hexadecimal digits."""
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){6}")


def device_address(device: Fields) -> Address:
    """Raises `AddressError`, and `KeyError` if a field is wrong itself."""
    return parse_address(device["address"], device["unit"], device["driver"])


def _device_address(device: Fields) -> Findings:
    try:
        device_address(device)
    except AddressError as error:
        yield "address", str(error)


def _old_address(device: Fields) -> Findings:
    if "://" not in device["address"]:
        with suppress(AddressError):
            yield "address", f"the old form; write `address: {device_address(device)}`"


def _step_power(step: Fields) -> Findings:
    if (step["power_w"] is None) == (step["follow"] is None):
        yield "", "a step has either power_w or follow; give one of them"
    elif step["follow"] is None and (step["base_w"] or step["w_per_hz"] or step["deadband_hz"]):
        yield "", "base_w, w_per_hz and deadband_hz belong to `follow: frequency`; remove them, or power_w"


def _voltage_range(capability: Fields) -> Findings:
    low, high = capability["voltage_min_v"], capability["voltage_max_v"]
    if low >= high:
        yield "voltage_min_v", f"{low:g} is not below voltage_max_v, {high:g}; correct one of them"


def _watched_from_afar(metrics: Fields) -> Findings:
    if metrics["host"] not in ("127.0.0.1", "::1", "localhost"):
        yield "host", "anybody who reaches this address may read the numbers; let a firewall admit the watcher alone"


def _listed_cars(access: Fields) -> Findings:
    if access["grant"] not in ("listed", "asked"):
        return
    if (
        access["grant"] == "listed"
        and not access["certificates"]
        and not access["evcc_ids"]
        and not access["contracts"]
        and not access["rules"]
        and not access["cards"]
    ):
        yield "certificates", "empty, so that `grant: listed` admits no car; list the names in their certificates"
    if access["evcc_ids"] and not access["unproved"]:
        remedy = "list the names of their certificates under `certificates`, or accept it with `unproved: true`"
        yield "evcc_ids", f"a car makes up its EVCCID, and nothing proves it; {remedy}"


def _rule_names_somebody(rule: Fields) -> Findings:
    if rule["contract"] is None and rule["vehicle"] is None:
        yield "", "names neither contract nor vehicle; name one, or use `*`"


def _rules_that_discharge(access: Fields) -> Findings:
    for index, rule in enumerate(access["rules"]):
        if not access["discharge"] and rule["may"] == "discharge":
            remedy = "set that to true, or let the rule say `may: charge`"
            yield f"rules[{index}].may", f"discharge, while access.discharge is false for the whole EVSE; {remedy}"


def _bench_discharge_of_strangers(access: Fields) -> Findings:
    if access["bench_discharge"]:
        yield "bench_discharge", "cars feed the grid that prove nothing of who they are; remove it outside a bench"


def _authorizer(access: Fields) -> Findings:
    name = access["authorizer"]
    if name is not None:
        from v2g.station.access import OUTSIDE

        if name not in OUTSIDE:
            yield "authorizer", f"no package here brings an authoriser {name!r}; install the one that does"


def _outside_wishes(evse: Fields) -> Findings:
    for index, name in enumerate(evse["wishes"]):
        from v2g.station.power.sources import OUTSIDE

        if name not in OUTSIDE:
            yield f"wishes[{index}]", f"no package here brings a wish source {name!r}; install the one that does"


_DC = ("DC", "MCS")
"""How the services begin in which the station converts."""


def _listed_once(evse: Fields) -> Findings:
    for name in ("services", "modes"):
        for index, item in enumerate(evse[name]):
            if item in evse[name][:index]:
                yield f"{name}[{index}]", f"{item} is listed twice; remove one"


def _dc_devices(evse: Fields) -> Findings:
    if any(service.startswith(_DC) for service in evse["services"]):
        for name in ("inverter", "isolation"):
            if name in evse and evse[name] is None:
                yield name, "missing; a DC service needs one: add its address, or offer AC services only"


def _discharge_permission(evse: Fields) -> Findings:
    only_bidirectional = all("_" in service for service in evse["services"])  # AC and DC are not
    if only_bidirectional and not evse["access"]["discharge"]:
        remedy = "allow it, or add DC or AC to services"
        yield "access.discharge", f"false, while every service feeds the grid: no car could be served; {remedy}"


def _negative_current(evse: Fields) -> Findings:
    missing = " and ".join(name for name in ("DC", "DC_BPT") if name not in evse["services"])
    for name in ("negative_current", "negative_current_unproved"):
        if evse["access"][name] and missing:
            yield f"access.{name}", f"names cars, while {missing} is not in services; add it"


def _negative_current_names(access: Fields) -> Findings:
    for index, name in enumerate(access["negative_current"]):
        if _MAC.fullmatch(name):
            remedy = "list it under negative_current_unproved if you accept that nothing proves it"
            yield f"negative_current[{index}]", f"{name} is an EVCCID, not a contract; {remedy}"
    for index, name in enumerate(access["negative_current_unproved"]):
        if not _EVCC_ID.fullmatch(name):
            remedy = "write the EVCCID in hexadecimal digits, as the trace has it; contracts go into negative_current"
            yield f"negative_current_unproved[{index}]", f"{name} is no EVCCID of ISO 15118-2 or DIN; {remedy}"
    if access["negative_current_unproved"] and access["unknown"] == "nothing":
        remedy = "let such cars charge (`unknown: charge`), or remove the names"
        yield "negative_current_unproved", f"names cars, while `unknown: nothing` refuses them; {remedy}"


def _negative_current_of_strangers(access: Fields) -> Findings:
    for index, name in enumerate(access["negative_current_unproved"]):
        text = "whoever states this EVCCID is taken for the car and feeds the grid; use its contract if it has one"
        yield f"negative_current_unproved[{index}]", f"nothing proves {name}: {text}"


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
        remedy = did_you_mean(name, CODES.names()) or f"there are {', '.join(CODES.names())}"
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
        load_grid_code(msgspec.convert(grid_code, GridCodeSettings), evse["nominal_hz"])
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


def _phase_contactor(evse: Fields) -> Findings:
    name, other = "phase_contactor", evse.get("phase_contactor")
    if other is None:
        return
    if evse["phases"] != 3:
        yield name, "is for an EVSE with `phases: 3`; remove it, or correct that"
    if evse["pilot"] is None:
        yield name, "needs `pilot`: a car is asked to stop before a phase is switched; add it"
    with suppress(AddressError, KeyError):  # it has its own finding
        if device_address(other) == device_address(evse["contactor"]):
            yield f"{name}.address", "is that of `contactor` too; L2 and L3 have a contactor of their own"


def _phases_of_direct_current(evse: Fields) -> Findings:
    if evse["phase_contactor"] is not None and any(service.startswith(_DC) for service in evse["services"]):
        yield "phase_contactor", "an EVSE with a DC service switches no phases; remove it, or offer AC services only"


def _thermal_order(evse: Fields) -> Findings:
    if evse["thermal"] is not None:
        settings = msgspec.convert(evse["thermal"], ThermalSettings)
        yield from ((f"thermal.{text.partition(':')[0]}", text.partition(": ")[2]) for text in settings.findings())
        sensors = [name for name in ("contactor", "coolant", "ambient") if getattr(settings, name) is not None]
        if evse["safety"] is None and evse["temperatures"] is None and sensors:
            remedy = f"add `safety` or `temperatures`, or set {', '.join(sensors)} to null"
            yield "thermal", f"nothing measures {', '.join(sensors)}; {remedy}"
    elif evse["temperatures"] is not None:
        yield "temperatures", "nothing heeds these sensors without `thermal`; add it, or remove them"


def _follow_grid(evse: Fields) -> Findings:
    for index, step in enumerate(evse["dispatch"]):
        if step.get("follow") and evse["grid"] is None:
            yield f"dispatch[{index}].follow", "needs the frequency; add the grid sensing unit under `grid`"


def _distinct_evses(settings: Fields) -> Findings:
    """What two EVSEs cannot share. Port 0 is a port of its own each time."""
    owners: dict[tuple[str, object], int] = {}
    for index, evse in enumerate(settings["evses"]):
        for name, value in _own(evse):
            if value and (owner := owners.setdefault((name, value), index)) != index:
                remedy = "give each EVSE its own" + (", or 0 for a free one" if name == "port" else "")
                yield f"evses[{index}].{name}", f"{value} is also that of evses[{owner}]; {remedy}"


def _own(evse: Fields) -> Iterator[tuple[str, object]]:
    """What belongs to one EVSE alone: where it is said, and the value."""
    yield from ((name, evse.get(name)) for name in ("id", "evse_id", "interface", "port"))
    pilot = evse.get("pilot") or {}
    devices = {name: evse.get(name) for name in COMMANDED}
    for name, device in {**devices, "pilot.device": pilot.get("device")}.items():
        with suppress(AddressError, KeyError):  # it has its own finding
            if device is None:
                continue
            address, own_map = device_address(device), device["registers"]
            # On a CAN bus devices differ by their frames.
            yield name, f"{address} by {own_map}" if address.scheme == CAN and own_map else str(address)
    if pwm := pilot.get("pwm"):
        yield "pilot.pwm", f"channel {pwm['channel']} of {pwm['chip']}"


def _same_lines(settings: Fields) -> Findings:
    """A serial line has one baud rate, whoever is on it."""
    lines: dict[str, tuple[str, Address]] = {}
    for index, evse in enumerate(settings["evses"]):
        pilot = evse.get("pilot") or {}
        for name, device in [*evse.items(), ("pilot.device", pilot.get("device"))]:
            try:
                address = device_address(device)
            except (AddressError, KeyError, TypeError):  # no device, or one that has its own finding
                continue
            place = f"evses[{index}].{name}"
            first, line = lines.setdefault(address.path, (place, address.line))
            if address.scheme == MODBUS_RTU and line != address.line:
                yield (
                    f"{place}.address",
                    f"{address.line} and {line} ({first}) are one line; give both the same options",
                )


def _bench_discharge(evse: Fields) -> Findings:
    if evse["bench_ac_bpt"] and any(service.startswith("AC_") for service in evse["services"]):
        yield "bench_ac_bpt", "an AC car may feed the grid, and nothing detects islanding; remove it outside a bench"


def _evse_id(evse: Fields) -> Findings:
    if not EVSE_ID.fullmatch(evse["evse_id"]):  # [V2G20-192]
        remedy = "write country, operator, E and a number, as in DE*V2G*E0000001"
        yield (
            "evse_id",
            f"{evse['evse_id']!r} is not in the form of ISO 15118-20 Annex C, so a car may refuse it; {remedy}",
        )


def _shared_pump(settings: Fields) -> Findings:
    """Emergency stop and door may be those of the whole station; a pump obeys who commands it last."""
    owners: dict[str, int] = {}
    for index, evse in enumerate(settings["evses"]):
        with suppress(AddressError, KeyError):  # it has its own finding
            if evse["safety"] is not None:
                address = str(device_address(evse["safety"]))
                if (owner := owners.setdefault(address, index)) != index:
                    remedy = "give each EVSE an I/O module of its own"
                    text = f"{address} is also that of evses[{owner}], and both set the speed of the pump there"
                    yield f"evses[{index}].safety", f"{text}; {remedy}"


def _back_end(network: Fields) -> Findings:
    profile, scheme = network["security_profile"], network["url"].partition(":")[0]
    with_tls = {"ws": "wss", "mqtt": "mqtts"}
    if profile > 1 and scheme in with_tls:
        yield "url", f"security profile {profile} is with TLS; write {with_tls[scheme]}:// there"
    elif profile == 1 and scheme not in with_tls:
        remedy = "write ws:// or mqtt:// there, or choose profile 2 or 3"
        yield "url", f"security profile 1 is without TLS; {remedy}"
    needed = {1: ("password_file",), 2: ("password_file", "roots"), 3: ("roots", "certificate", "private_key")}
    for name in needed[profile]:
        if network[name] is None:
            yield name, f"missing; security profile {profile} needs it"


def _clear_password(network: Fields) -> Findings:
    if network["security_profile"] == 1:
        yield "security_profile", "the password is sent in clear; use 2 or 3 outside a trusted network"


def _no_store(ocpp: Fields) -> Findings:
    if ocpp["store"] is None:
        yield "store", "missing; a transaction that runs while the power fails is never reported; name a file"


def _uncertified(evse: Fields) -> Findings:
    """What is offered, and yet feeds nothing."""
    if evse["bench_ac_bpt"] or not evse["access"]["discharge"] or evse["grid_code"] is None:
        return
    if "AC_BPT" in evse["services"] and not evse["access"]["certified"]:
        remedy = "offer AC_DER_IEC or AC_DER_SAE, or name vehicles under access.certified"
        yield "services", f"AC_BPT only charges: nothing says that a car's inverter brings the grid code; {remedy}"
    feeds = [service for service in evse["services"] if "_" in service]
    if feeds and evse["grid_code"]["settings"].get("islanding.probe_enabled") is False:
        remedy = "leave islanding.probe_enabled on"
        yield "grid_code.settings", f"without the islanding probe {' '.join(feeds)} only charge; {remedy}"


_NEAR = ("127.0.0.1", "::1", "localhost")


def _host(listen: str) -> str:
    return listen.rpartition(":")[0].strip("[]")


def _reached_from_afar(api: Fields) -> Findings:
    if api["listen"] is not None and _host(api["listen"]) not in _NEAR and not api["tokens"]:
        yield "listen", "other machines reach this address, and `tokens` is empty; name a token, or listen at 127.0.0.1"
    if (api["certificate"] is None) != (api["private_key"] is None):
        yield "certificate", "HTTPS needs certificate and private_key; give both, or neither"
    if api["listen"] is None and api["mqtt"] is None:
        yield "", "neither `listen` nor `mqtt` is given; give one of them"
    names = [each.get("name") for each in api["tokens"]]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"tokens[{index}].name", f"{name} is there twice; give each token a name of its own"


def _tokens_in_clear(api: Fields) -> Findings:
    if api["listen"] is not None and _host(api["listen"]) not in _NEAR and api["certificate"] is None:
        yield "listen", "tokens cross the network in clear; give a certificate and its private_key"


def _sunspec(sunspec: Fields) -> Findings:
    files = [name for name in ("certificate", "private_key", "roots") if sunspec[name] is None]
    if files and len(files) < 3:
        yield files[0], "missing; TLS needs certificate, private_key and roots; give all of them, or none"
    for index, each in enumerate(sunspec["writers"]):
        try:
            ip_network(each)
        except ValueError:
            yield f"writers[{index}]", f"{each} is no address and no network, such as 192.168.1.10 or 192.168.1.0/24"


def _sunspec_in_clear(sunspec: Fields) -> Findings:
    if _host(sunspec["listen"]) not in _NEAR and sunspec["certificate"] is None:
        yield "listen", "whoever reaches this address reads, and addresses prove nothing; use TLS, or a network apart"


def _api_broker(broker: Fields) -> Findings:
    if (broker["user"] is None) != (broker["password_file"] is None):
        yield "user", "a user has a password; give user and password_file, or neither"
    if broker["url"].startswith("mqtts:") and broker["roots"] is None:
        yield "roots", "missing; mqtts needs the roots under which the broker's certificate is accepted"


def _broker_in_clear(broker: Fields) -> Findings:
    if broker["url"].startswith("mqtt:") and broker["url"].removeprefix("mqtt://").partition(":")[0] not in _NEAR:
        yield "url", "commands and the password cross the network in clear; use mqtts"


def _nobody_is_asked(settings: Fields) -> Findings:
    """`grant: asked` needs somebody to ask."""
    api = settings["local_api"]
    sides = [] if api is None else [*api["tokens"], *([] if api["mqtt"] is None else [api["mqtt"]])]
    if any("authorise" in each.get("rights", ()) for each in sides):
        return
    for index, evse in enumerate(settings["evses"]):
        if (evse.get("access") or {}).get("grant") == "asked":
            remedy = "give a token of local_api the right `authorise`"
            yield f"evses[{index}].access.grant", f"asked, and nobody may answer: unlisted cars wait for ever; {remedy}"


def _logged_keys(tls: Fields) -> Findings:
    if tls["key_log"] is not None:
        yield "key_log", "whoever reads this file can read every session; remove it outside a bench"


RULES = Rules(
    errors={
        Device: (_device_address,),
        PlanStep: (_step_power,),
        Capability: (_voltage_range,),
        Access: (_listed_cars, _authorizer, _rules_that_discharge, _negative_current_names),
        Rule: (_rule_names_somebody,),
        Pilot: (_one_pilot,),
        EvseSettings: (
            _listed_once,
            _outside_wishes,
            _dc_devices,
            _discharge_permission,
            _negative_current,
            _dispatch_order,
            _follow_grid,
            _grid_protection,
            _power_line,
            _phase_contactor,
            _thermal_order,
        ),
        Network: (_back_end,),
        Ocpp: (_back_end,),
        Settings: (_distinct_evses, _same_lines),
        LocalApi: (_reached_from_afar,),
        SunSpec: (_sunspec,),
        ApiBroker: (_api_broker,),
    },
    warnings={
        Access: (_bench_discharge_of_strangers, _negative_current_of_strangers),
        Device: (_old_address,),
        EvseSettings: (_bench_discharge, _evse_id, _uncertified, _phases_of_direct_current),
        Metrics: (_watched_from_afar,),
        Settings: (_shared_pump, _nobody_is_asked),
        LocalApi: (_tokens_in_clear,),
        SunSpec: (_sunspec_in_clear,),
        ApiBroker: (_broker_in_clear, carries_a_secret),
        Tls: (_logged_keys, carries_a_secret),
        Network: (_clear_password, carries_a_secret),
        Ocpp: (_clear_password, _no_store, carries_a_secret),
    },
    old_keys=OLD_KEYS,
)
