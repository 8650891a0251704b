"""All measures, in the order in which they are applied."""

from v2g.harden import host, network
from v2g.harden.measure import Measure, no_changes

MEASURES = (
    Measure(
        "firewall", "lets through what the configuration says, and nothing else",
        network.firewall_audit, network.firewall_changes,
    ),
    Measure("listeners", "finds what listens beside the station (looks only)", network.listeners_audit, no_changes),
    Measure("clear", "names what the configuration lets pass in clear (looks only)", network.clear_audit, no_changes),
    Measure(
        "sysctl", "buffers, no routing, the kernel's messages for root", network.sysctl_audit, network.sysctl_changes
    ),
    Measure("services", "switches off services that nobody needs", host.services_audit, host.services_changes),
    Measure("unit", "real-time scheduling, and the daemon's rights", host.unit_audit, host.unit_changes),
    Measure("watchdog", "resets the machine if systemd hangs", host.watchdog_audit, host.watchdog_changes),
    Measure("keys", "keys and passwords for the station alone", host.keys_audit, host.keys_changes),
    Measure("root", "root file system read-only", host.root_audit, host.root_changes),
)  # fmt: skip
"""The read-only root is last: whatever else is written is written by then."""
