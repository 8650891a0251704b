"""Findings about a machine, from files in the form in which Linux gives them."""

import os
from pathlib import Path
from typing import Any

import pytest

from v2g.run import doctor
from v2g.run.doctor import Level

REAL_TIME_PRIORITY, POLICY = 40, 41
"""Fields of /proc/PID/stat, counted from 1 (proc(5))."""
KMSG = (
    "6,339,5140900,-;NET: Registered PF_NETLINK/PF_ROUTE protocol family\n"
    "3,400,9000000,-;qcaspi spi0.0 eth1: signature 0x0000 is not like it should be\n"
    "3,401,9100000,-;qcaspi spi0.0 eth1: signature 0x0000 is not like it should be\n"
    "4,402,9200000,-;EXT4-fs error (device mmcblk0p2): ext4_find_entry\n"
    " SUBSYSTEM=block\n"
    "10,403,9300000,-;mmc0: Timeout waiting for hardware interrupt.\n"
)


def machine(root: Path, **files: str) -> Path:
    for name, content in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root


@pytest.mark.parametrize(
    ("release", "level"), [("5.4.0-26-generic", Level.WARNING), ("5.10.0-30-rt-arm64", Level.GOOD), ("?", Level.NOTE)]
)
def test_an_old_kernel_is_warned_of(tmp_path: Path, release: str, level: Level) -> None:
    [found] = doctor.kernel(machine(tmp_path, proc__sys__kernel__osrelease=release))
    assert found.level is level
    assert found.remedy or level is Level.GOOD


def test_a_real_time_kernel_is_known_by_its_own_word(tmp_path: Path) -> None:
    names = {"proc__sys__kernel__osrelease": "6.1.0-rt", "proc__sys__kernel__version": "#1 SMP PREEMPT_RT Debian"}
    assert "with PREEMPT_RT" in next(doctor.kernel(machine(tmp_path, **names))).text
    assert (
        "without PREEMPT_RT"
        in next(doctor.kernel(machine(tmp_path / "2", **{**names, "proc__sys__kernel__version": "#1 SMP"}))).text
    )


def test_the_scheduling_of_the_daemon_is_seen(tmp_path: Path) -> None:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on
    fields[REAL_TIME_PRIORITY - 3], fields[POLICY - 3] = "99", str(os.SCHED_FIFO)
    names = {"proc__4711__stat": f"4711 (v2g (x) y) {' '.join(fields)}\n"}
    [found] = doctor.scheduling(machine(tmp_path, **names), 4711)
    assert found.text == "SCHED_FIFO, priority 99"
    [_, unbounded] = doctor.scheduling(machine(tmp_path, proc__sys__kernel__sched_rt_runtime_us="-1\n"), 4711)
    assert unbounded.level is Level.WARNING
    [plain] = doctor.scheduling(Path("/"), os.getpid())
    assert plain.text == "not real-time"
    assert [each.level for each in doctor.scheduling(tmp_path, 1)] == [Level.NOTE]
    assert not list(doctor.scheduling(tmp_path, None))


def test_urgent_messages_about_hardware_are_shown_once() -> None:
    found = list(doctor.kernel_messages(KMSG))
    assert [each.text for each in found] == [
        "qcaspi spi0.0 eth1: signature 0x0000 is not like it should be (2 times)",
        "mmc0: Timeout waiting for hardware interrupt.",  # facility 1, priority 2
    ]
    assert [each.level for each in doctor.kernel_messages("6,1,1,-;spi0: fine")] == [Level.GOOD]


STILL = {"count": 0, "last_s": 0.0, "unix_s": None}
EVSE: dict[str, Any] = {
    "evse": 1, "ready": True, "not_ready_because": None, "troubles": {}, "devices": ["contactor", "meter"],
    "pilot_duty": 0.05, "pilot_measured_duty": 0.05, "meter_w": -5100.0, "power_w": -5000.0,
    "grid": {"code": "VDE-AR-N 4105", "state": "run", "why": "", "set_point_delay_s": 0.1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "levels"),
    [
        ({}, {}),
        ({"pilot_measured_duty": 0.09}, {"EVSE 1 pilot": Level.FAULT}),
        ({"pilot_measured_duty": None}, {"EVSE 1 pilot": Level.NOTE}),
        ({"meter_w": 5100.0}, {"EVSE 1 meter": Level.FAULT}),
        ({"troubles": {"meter": "no answer"}}, {"EVSE 1 meter": Level.FAULT}),
        ({"ready": False, "not_ready_because": "no reading"}, {"EVSE 1": Level.FAULT}),
        ({"grid": EVSE["grid"] | {"set_point_delay_s": None}}, {"EVSE 1 set-point delay": Level.NOTE}),
        ({"grid": EVSE["grid"] | {"state": "trip", "why": "ov2"}}, {"EVSE 1 grid": Level.NOTE}),
        ({"grid": None}, {}),
        ({"refused_plain": None}, {}),
        ({"refused_plain": "a car here asked for TLS"}, {"EVSE 1 without TLS": Level.WARNING}),
    ],
)
def test_what_a_station_measures_is_compared(change: dict[str, Any], levels: dict[str, Level]) -> None:
    found = list(doctor.running({"evses": [EVSE | change], "clock_steps": STILL}))
    assert {each.subject: each.level for each in found if each.level is not Level.GOOD} == levels


@pytest.mark.parametrize(("beside", "command"), [({"not_ready_fault": "0x10"}, "v2g faults 0x10"), ({}, "v2g faults")])
def test_an_evse_that_is_not_ready_is_led_to_its_fault(beside: dict[str, str], command: str) -> None:
    evse = EVSE | {"ready": False, "not_ready_because": "no reading of the inverter"} | beside
    [found] = (each for each in doctor.running({"evses": [evse], "clock_steps": STILL}) if each.subject == "EVSE 1")
    assert found.remedy == f"`{command}` says what it means and what to do"


def test_a_restart_that_waits_is_named() -> None:
    [_, found] = doctor.running({"evses": [], "clock_steps": STILL, "restart_waits": "`v2g restart --wait`; it waits"})
    assert (found.subject, found.level, found.text) == ("restart", Level.NOTE, "`v2g restart --wait`; it waits")


def test_a_clock_that_was_set_is_named_with_its_step() -> None:
    steps = {"count": 2, "last_s": -3600.0, "unix_s": 1_764_400_000}
    [found] = doctor.running({"evses": [], "clock_steps": steps})
    assert (found.level, found.text) == (
        Level.WARNING,
        "set 2 times since it started, last by -3600.0 s at 2025-11-29 07:06:40 UTC",
    )


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("Qualcomm MAC-QCA7005-1.1.0.730-04-20140815-CS", Level.GOOD),
        ("Qualcomm MAC-QCA7000-9.9.9-CS", Level.NOTE),
        ("Lumissil 1.4.0.7", Level.NOTE),
        ("Qualcomm BootLoader", Level.FAULT),
        ("Qualcomm MAC-QCA7420-1.4.0.20-00-20171027-CS", Level.WARNING),
    ],
)
def test_a_modem_is_judged_by_model_and_firmware(version: str, level: Level) -> None:
    found = doctor.modem("EVSE 1 modem", version)
    assert found.level is level
    assert found.remedy or level is Level.GOOD


LINK = {"url": "wss://csms", "waiting": 3, "connected": "wss://csms", "registered": "Accepted", "trouble": ""}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "wss://csms, 3 messages wait: accepted"),
        ({"connected": "no", "trouble": "refused"}, "wss://csms, 3 messages wait: refused"),
        ({"registered": "Pending"}, "wss://csms, 3 messages wait: registration is Pending"),
    ],
)
def test_the_back_end_is_looked_at(change: dict[str, Any], text: str) -> None:
    [found] = doctor.back_end(LINK | change)
    assert (found.text, found.level is Level.GOOD) == (text, not change)


def test_kernel_messages_that_may_not_be_read_are_not_good(tmp_path: Path) -> None:
    assert doctor.read_kernel_messages(tmp_path / "kmsg") is None
