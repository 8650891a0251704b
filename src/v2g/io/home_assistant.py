"""How Home Assistant learns of an EVSE and makes a device of it: MQTT discovery, one message for each EVSE.

https://www.home-assistant.io/integrations/mqtt/ describes the form (device discovery).
"""

import re
from typing import Any

MODES = ("auto", "charge", "discharge", "pause")


def discovery(prefix: str, evse: dict[str, Any], version: str, rights: tuple[str, ...]) -> dict[str, Any]:
    """The message. `prefix`: of the station's topics; `evse`: as the local API shows it; `rights`: of the broker."""
    id, base = node(evse), f"{prefix}/evse/{evse['evse']}"
    components = _sensors()
    if "steer" in rights:
        components |= _controls(base)
        if evse.get("switches_phases"):
            components["phases"] = {
                "platform": "select", "name": "Phases", "options": ["auto", "1", "3"],
                "command_topic": f"{base}/set/phases", "value_template": "{{ value_json.phases_asked or 'auto' }}",
            }  # fmt: skip
    if "authorise" in rights:
        components["authorise"] = _button("Let the car in", f"{base}/set/authorise", "mdi:account-check")
    for name, each in components.items():
        each["unique_id"] = f"{id}_{name.replace('-', '_')}"
        each["availability"] = [{"topic": f"{prefix}/availability"}]
        if each["platform"] != "button":
            each["state_topic"] = f"{base}/state"
    return {
        "device": {
            "identifiers": [id],
            "name": f"EVSE {evse['evse_id']}",
            "manufacturer": "v2g",
            "model": "Bidirectional charging station",
            "sw_version": version,
        },
        "origin": {"name": "v2g", "sw_version": version},
        "components": components,
        "qos": 1,
    }


def node(evse: dict[str, Any]) -> str:
    """The name of the device in topics: letters, digits, `_` and `-` only."""
    return "v2g_" + re.sub(r"[^A-Za-z0-9_-]", "_", evse["evse_id"])


def _sensors() -> dict[str, dict[str, Any]]:
    return {
        "state": {
            "platform": "sensor", "name": "State", "device_class": "enum", "value_template": "{{ value_json.state }}",
            "options": ["free", "connected", "asks", "charging", "discharging", "idle", "unavailable"],
        },
        "power": _measured("Power", "power_w", "W", "power", "measurement"),
        "import": _measured("Energy taken", "import_wh", "Wh", "energy", "total_increasing"),
        "export": _measured("Energy fed", "export_wh", "Wh", "energy", "total_increasing"),
        "charged": _measured("Charged in this session", "charged_wh", "Wh", "energy", "total"),
        "discharged": _measured("Discharged in this session", "discharged_wh", "Wh", "energy", "total"),
        "soc": _measured("State of charge", "soc_percent", "%", "battery", "measurement"),
        "allowed-charge": _measured("Allowed to charge", "allowed_charge_w", "W", "power", "measurement"),
        "allowed-discharge": _measured("Allowed to discharge", "allowed_discharge_w", "W", "power", "measurement"),
        "limit": {"platform": "sensor", "name": "Limited by", "value_template": "{{ value_json.limited_by }}"},
        "explanation": {
            "platform": "sensor", "name": "Why",
            # A state has at most 255 characters.
            "value_template": "{{ (value_json.explanation or '')[:255] }}",
        },
        "plugged": {
            "platform": "binary_sensor", "name": "Car", "device_class": "plug",
            "value_template": "{{ 'ON' if value_json.status in ('B', 'C') else 'OFF' }}",
        },
    }  # fmt: skip


def _controls(base: str) -> dict[str, dict[str, Any]]:
    set_point = _number("Set-point", "set_point_w", "W", (-22_000, 22_000, 10), f"{base}/set/set-point")
    limit = _number("Charge limit", "charge_limit_w", "W", (0, 22_000, 10), f"{base}/set/limit")
    reserve = _number("Minimum state of charge", "min_soc_percent", "%", (0, 100, 1), f"{base}/set/minimum-soc")
    return {
        "set-point": set_point | {"device_class": "power"},
        "charge-limit": limit | {"device_class": "power"},
        "minimum-soc": reserve | {"device_class": "battery"},
        "mode": {
            "platform": "select", "name": "Mode", "options": list(MODES), "command_topic": f"{base}/set/mode",
            "value_template": "{{ value_json.mode }}",
        },
        "enabled": {
            "platform": "switch", "name": "Power may flow", "command_topic": f"{base}/set/enabled",
            "value_template": "{{ 'ON' if value_json.enabled else 'OFF' }}", "payload_on": "ON", "payload_off": "OFF",
        },
        "stop": _button("End the session", f"{base}/set/stop", "mdi:stop"),
        "release": _button("End the set-point", f"{base}/set/release", "mdi:backup-restore"),
    }  # fmt: skip


def _measured(name: str, field: str, unit: str, device_class: str, state_class: str) -> dict[str, Any]:
    return {
        "platform": "sensor", "name": name, "unit_of_measurement": unit, "device_class": device_class,
        "state_class": state_class, "value_template": f"{{{{ value_json.{field} }}}}",
    }  # fmt: skip


def _number(name: str, field: str, unit: str, span: tuple[int, int, int], topic: str) -> dict[str, Any]:
    least, most, step = span
    return {
        "platform": "number", "name": name, "unit_of_measurement": unit, "min": least, "max": most, "step": step,
        "mode": "box", "command_topic": topic, "value_template": f"{{{{ value_json.{field} }}}}",
    }  # fmt: skip


def _button(name: str, topic: str, icon: str) -> dict[str, Any]:
    return {"platform": "button", "name": name, "command_topic": topic, "payload_press": "PRESS", "icon": icon}
