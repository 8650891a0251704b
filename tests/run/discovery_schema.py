"""What Home Assistant's public documentation says of MQTT device discovery, as a check of its own.

https://www.home-assistant.io/integrations/mqtt/ and the pages of the sensor, binary_sensor, number, select, switch and
button platforms. Nothing here knows how the station makes its messages.
"""

import re
from typing import Any

SHARED = {
    "availability", "availability_mode", "default_entity_id", "device_class", "enabled_by_default", "encoding",
    "entity_category", "entity_picture", "icon", "json_attributes_template", "json_attributes_topic", "name",
    "platform", "qos", "unique_id",
}  # fmt: skip
REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "number": {"command_topic"},
    "select": {"command_topic", "options"},
    "switch": {"command_topic"},
    "button": {"command_topic"},
}
OPTIONAL = {
    "sensor": {
        "expire_after", "force_update", "last_reset_value_template", "options", "state_class",
        "suggested_display_precision", "unit_of_measurement", "value_template",
    },
    "binary_sensor": {"expire_after", "force_update", "off_delay", "payload_off", "payload_on", "value_template"},
    "number": {
        "command_template", "max", "min", "mode", "optimistic", "payload_reset", "retain", "state_topic", "step",
        "unit_of_measurement", "value_template",
    },
    "select": {"command_template", "optimistic", "retain", "state_topic", "value_template"},
    "switch": {
        "command_template", "optimistic", "payload_off", "payload_on", "retain", "state_off", "state_on", "state_topic",
        "value_template",
    },
    "button": {"command_template", "payload_press", "retain"},
}  # fmt: skip
UNITS = {
    "power": {"mW", "W", "kW", "MW"},
    "energy": {"J", "kJ", "Wh", "kWh", "MWh"},
    "battery": {"%"},
}
STATE_CLASSES = {"power": {"measurement"}, "energy": {"total", "total_increasing"}, "battery": {"measurement"}}
TOP = {"device", "origin", "components", "availability", "state_topic", "command_topic", "qos", "encoding"}
DEVICE = {
    "configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id", "name",
    "serial_number", "suggested_area", "sw_version", "via_device",
}  # fmt: skip
TOPIC = re.compile(r"(?P<prefix>[^+#]+)/device/([A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+/config")


def wrong(topic: str, message: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a message. `state`: what the state topic says, as JSON."""
    found = [] if TOPIC.fullmatch(topic) else [f"{topic}: not PREFIX/device/OBJECT/config"]
    found += [f"{key}: not known" for key in message.keys() - TOP]
    device, origin = message.get("device", {}), message.get("origin", {})
    found += [f"device.{key}: not known" for key in device.keys() - DEVICE]
    if not device.get("identifiers") and not device.get("connections"):
        found.append("device: needs identifiers or connections")
    if not origin.get("name") or origin.keys() - {"name", "sw_version", "support_url"}:
        found.append("origin: needs a name")
    ids = [each.get("unique_id") for each in message.get("components", {}).values()]
    if None in ids or len(set(ids)) < len(ids) or not ids:
        found.append("components: each needs a unique_id of its own")
    for name, each in message.get("components", {}).items():
        found += [f"{name}: {text}" for text in _wrong(each, state)]
    return found


def _wrong(entity: dict[str, Any], state: dict[str, Any]) -> list[str]:
    platform = entity.get("platform", "")
    if platform not in REQUIRED:
        return [f"platform {platform!r} is not known"]
    needed = REQUIRED[platform]
    found = [f"{key} is missing" for key in needed - entity.keys()]
    found += [f"{key} is not known" for key in entity.keys() - needed - OPTIONAL[platform] - SHARED]
    found += [f"{key} has a wildcard" for key in entity if key.endswith("_topic") and re.search("[+#]", entity[key])]
    for field in re.findall(r"value_json\.(\w+)", entity.get("value_template", "")):
        if field not in state:
            found.append(f"the state has no {field}")
    for each in entity.get("availability", ()):
        if "topic" not in each:
            found.append("availability needs a topic")
    return found + _wrong_class(entity)


def _wrong_class(entity: dict[str, Any]) -> list[str]:
    kind, unit, state_class = (entity.get(key) for key in ("device_class", "unit_of_measurement", "state_class"))
    found = []
    if kind in UNITS and unit not in UNITS[kind]:
        found.append(f"{unit} is no unit of {kind}")
    if state_class is not None and state_class not in STATE_CLASSES.get(str(kind), ()):
        found.append(f"{kind} cannot be {state_class}")
    if kind == "enum" and (not entity.get("options") or unit or state_class):
        found.append("an enum has options, no unit and no state class")
    if entity["platform"] == "number":
        if not entity.get("min", 1) < entity.get("max", 100) or entity.get("step", 1) < 0.001:
            found.append("min, max and step do not fit")
        if entity.get("mode", "auto") not in ("auto", "box", "slider"):
            found.append("mode is not known")
    if entity.get("entity_category") not in (None, "config", "diagnostic"):
        found.append("entity_category is not known")
    return found
