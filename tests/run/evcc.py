"""A custom charger as evcc has it (https://docs.evcc.io/en/docs/devices/plugins), made from its configuration.

Of its plugins: `http` with `uri`, `method`, `headers`, `auth`, `body`, `jq` (a path), `scale`; and `watchdog`.
"""

import re
from typing import Any

import requests

STATUSES = ("A", "B", "C", "D", "E", "F")


class Charger:
    """Reads and steers a charger as an evcc loadpoint does."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        assert configuration["type"] == "custom"
        assert {"status", "enabled", "enable", "maxcurrent"} <= configuration.keys()  # those that are required
        self._plugins = configuration

    def read(self, name: str) -> Any:
        """An attribute, of the type that evcc wants it to be."""
        plugin = self._plugins[name]
        value = self._call(plugin)
        for part in filter(None, plugin.get("jq", "").split(".")):
            value = value[part]
        value = value * plugin["scale"] if "scale" in plugin else value
        kinds: dict[str, Any] = {
            "status": str,
            "enabled": bool,
            "power": (int, float),
            "energy": (int, float),
            "soc": int,
        }
        assert isinstance(value, kinds[name]), (name, value)
        assert name != "status" or value in STATUSES
        return value

    def write(self, name: str, value: bool | int) -> None:
        """`enable` or `maxcurrent`."""
        plugin = self._plugins[name]
        if plugin["source"] == "watchdog":
            plugin = plugin["set"]
        body = plugin["body"].replace(f"${{{name}}}", str(value))
        body = re.sub(
            r"\{\{if \.(\w+)\}\}(.*?)\{\{else\}\}(.*?)\{\{end\}\}", lambda found: found[2] if value else found[3], body
        )
        self._call(plugin, body)

    @staticmethod
    def _call(plugin: dict[str, Any], body: str | None = None) -> Any:
        assert plugin["source"] == "http"
        headers = {key: value for each in plugin.get("headers", ()) for key, value in each.items()}
        if "auth" in plugin:
            assert plugin["auth"]["type"] == "bearer"
            headers["Authorization"] = f"Bearer {plugin['auth']['token']}"
        answer = requests.request(plugin.get("method", "GET"), plugin["uri"], data=body, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()
