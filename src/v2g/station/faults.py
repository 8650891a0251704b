"""The fault catalogue: what each code means to a person, what to do about it, and what the station does by itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from v2g.iso15118 import station as conversation
from v2g.iso15118.timeouts import SETUP_S
from v2g.kernel.fault import Fault
from v2g.power import contactor, inverter

SAFE_WITHIN_S = 2 * inverter.OFF_WITHIN_S + contactor.SWITCHES_WITHIN_S
"""From detection of a fault: the order goes out, the inverter removes the current, the contactor opens."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault, for a person."""

    title: str
    """As in the trace, after the code."""
    meaning: str
    remedy: str
    """What to check first, and with what."""
    reaction: str
    """What the station does by itself, and how fast."""
    to_car: str
    """What the car receives because of it in ISO 15118-20."""
    status_codes: tuple[str, ...] = ()
    """EVSEStatusCode for it in ISO 15118-2 and DIN SPEC 70121."""


PILOT_OPENS_S = 0.1
"""IEC 61851-1, Table A.6: from a change of the pilot to the open contactor."""

_SAFE = (
    f"Ends the session: set-point zero, inverter off, contactor open, at most {SAFE_WITHIN_S:.1f} s after the fault is "
    f"detected. If the station itself falls silent, inverter and contactor do so on their own within "
    f"{inverter.SILENT_OFF_WITHIN_S:g} s."
)
_REFUSES = "Answers with the FAILED code that fits, which ends the session for both sides."
_CLOSES = "Closes the connection. No power has flowed: inverter off, contactor open. A new connection starts over."
_CAPTURE = (
    "Capture the link with `tcpdump -i eth0 -w v2g_capture.pcap`; `v2g decode v2g_capture.pcap` shows each message and "
    "what is wrong in it. For a TLS link the capture needs the keys: set `tls: {key_log: /run/v2g/keys.log}` on the "
    "bench and add `--keylog /run/v2g/keys.log`. Without a capture, `trace: {level: debug}` logs each message with "
    "its bytes."
)
_PILOT = (
    "Check that the pilot signal is stable: a multimeter or logic analyser between Control Pilot (CP) and Protective "
    "Earth (PE) shows 1 kHz at 5 % duty cycle (3 % to 7 % is the permitted range)."
)
_PLC = (
    "Check the power-line link: connectors, the cable's shield, and the ferrite chokes that keep the inverter's noise "
    "away from it."
)

_SHUTDOWN, _EMERGENCY, _MALFUNCTION = "EVSE_Shutdown", "EVSE_EmergencyShutdown", "EVSE_Malfunction"
_INTERRUPT, _TESTING = "EVSE_UtilityInterruptEvent", "EVSE_IsolationMonitoringActive"
STATUS_CODES: Mapping[str, str] = {
    _SHUTDOWN: "The station ends the energy transfer: the inverter has switched itself off, or, without any fault, the "
    "operator stopped the session (`v2g stop`; in ISO 15118-20 the notification Terminate).",
    _EMERGENCY: "The station ends the energy transfer immediately, for the safety of people.",
    _MALFUNCTION: "A part of the station does not do what it should.",
    _INTERRUPT: "The grid does not permit the energy transfer.",
    _TESTING: "The insulation is being tested; it is a fault only if the test fails.",
}
"""Status codes by which older protocols report a fault, and what they mean."""

_FAILED = (
    f"FAILED in the response to its next request; closed after {conversation.LEARNS_WITHIN_S:g} s if it sends none."
)
_CLOSED = "No response: the connection is closed."
_GONE = "Nothing: it is out of reach."

CATALOGUE: Mapping[Fault, Entry] = {
    Fault.ISLANDING: Entry(
        "Islanding detected",
        "The grid's voltage disappeared, or drifted as only an island's does, while energy was flowing. Going on to "
        "feed would endanger people who work on a line that they believe to be dead.",
        "Check the supply: `v2g sensors` shows what the grid sensing unit measures in each phase, beside the limits; "
        "check all phases at its terminals. Energy flows again in a new session.",
        _SAFE,
        _FAILED,
        (_INTERRUPT,),
    ),
    Fault.GRID: Entry(
        "Grid outside its limits",
        "The grid's voltage or frequency left the limits of the configured grid code for longer than the code allows, "
        "or the grid operator withdrew the permission to connect.",
        "`v2g grid status` shows the element that tripped and what was measured. The station needs no attention: "
        "it comes back by itself once the grid has been within limits for as long as the code requires. If it happens "
        "often, compare the settings with what the grid operator prescribes.",
        _SAFE,
        _FAILED,
        (_INTERRUPT,),
    ),
    Fault.FRAMING: Entry(
        "V2GTP framing failure",
        "What arrives at the station's port is not V2GTP: wrong protocol version, unknown payload type, or a length "
        "beyond the limit. Something other than a car connected, or bytes were lost.",
        "Check which address connected (the line before in the trace). " + _CAPTURE,
        _SAFE,
        _CLOSED,
    ),
    Fault.EXI_DECODE: Entry(
        "EXI decode failure",
        "A message of the car is not EXI of the schema that both agreed on: damaged, cut short, or encoded by other "
        "rules. The trace names the bit and the element at which decoding failed.",
        _CAPTURE + " If the bytes are whole, the car's software encodes incorrectly: send its maker the trace line.",
        _SAFE,
        _CLOSED,
    ),
    Fault.SEQUENCE_ERROR: Entry(
        "Sequence error",
        "The car sent a message that the phase does not admit. The trace lists those that it would have admitted.",
        "Usually the car's software; compare with an earlier good session in the trace. If messages are missing before "
        "it, packets were lost. " + _PLC,
        f"{_REFUSES} {_SAFE}",
        "FAILED_SequenceError in the response.",
    ),
    Fault.UNKNOWN_SESSION: Entry(
        "Unknown session",
        "The car used a session id that is not this session's, for example that of a paused session that the station "
        "has dropped or that belonged to another car.",
        "Unplug and plug in again: the car then asks for a new session. A restart of the station forgets paused ones.",
        f"{_REFUSES} {_SAFE}",
        "FAILED_UnknownSession in the response.",
    ),
    Fault.COMMUNICATION_SETUP_TIMEOUT: Entry(
        "Timeout on communication setup",
        f"The car connected but did not get as far as SessionSetup within {SETUP_S:g} s.",
        f"{_PILOT} {_PLC} If it happens with one car only, that car may not speak ISO 15118-20.",
        _CLOSES,
        _CLOSED,
    ),
    Fault.SEQUENCE_TIMEOUT: Entry(
        "Timeout on the next request",
        f"The car sent no request for {conversation.SILENCE.sequence_s:g} s, or its phase lasted too long.",
        f"{_PLC} Check in the trace in which phase it stopped, and whether other cars do the same.",
        _SAFE,
        _CLOSED,
    ),
    Fault.SERVICE_DISCOVERY_TIMEOUT: Entry(
        "Timeout on ServiceDiscovery",
        "The car did not respond to the offered services in time.",
        f"{_PILOT} Then compare `services` in the configuration with what the car supports.",
        _CLOSES,
        _CLOSED,
    ),
    Fault.CHARGE_LOOP_TIMEOUT: Entry(
        "Timeout in the charge loop",
        f"The car fell silent while energy could flow: no request for {conversation.SILENCE.energy_s:g} s "
        f"({conversation.RELAXED_SILENCE.energy_s:g} s with `timing: relaxed`).",
        f"{_PLC} A car known to be slow may need `timing: relaxed`; a silent car then stays connected longer.",
        _SAFE,
        _CLOSED,
    ),
    Fault.TLS: Entry(
        "TLS failure",
        "The encrypted connection could not be set up, or was broken: an expired or unknown certificate, or a cipher "
        "that the standard does not permit. There is no fallback to an unencrypted one.",
        "`v2g pki show /etc/ssl/v2g` explains the station's chain and its dates. If that is good, check that the car's "
        "root is among `tls.vehicle_roots`, and that the station's clock is right (`timedatectl`).",
        _CLOSES,
        "A TLS alert, if the connection still exists; then it is closed.",
    ),
    Fault.AUTHORIZATION: Entry(
        "Not authorised",
        "The car may not use this EVSE, or tried to feed the grid without permission.",
        "Check `access` in the configuration: `grant`, `certificates`, `evcc_ids` and `discharge`. The trace has the "
        "car's EVCCID, the name in its certificate, and the reason.",
        f"{_REFUSES} {_CLOSES}",
        "WARNING_EIMAuthorizationFailure, after which it may ask again; FAILED once that has lasted "
        f"{conversation.ONGOING_S:g} s.",
    ),
    Fault.CONNECTION_LOST: Entry(
        "Connection lost",
        "The car closed the connection, or the link failed, before SessionStop.",
        f"{_PLC} If the plug was pulled, no action is needed.",
        _SAFE,
        _GONE,
    ),
    Fault.NO_COMMON_PROTOCOL: Entry(
        "No common protocol",
        "The car and the station share no protocol: the station speaks ISO 15118-20 for the services it offers. "
        "The trace lists what the car speaks.",
        "Check that `services` in the configuration has the kind that the car wants (AC or DC), and whether there "
        "is an update of the car to ISO 15118-20.",
        "Answers Failed_NoNegotiation. " + _CLOSES,
        "Failed_NoNegotiation in the response to supportedAppProtocolReq.",
    ),
    Fault.REQUEST_REFUSED: Entry(
        "Request refused",
        "A request was understood, but what it asks for is not possible. Or the contactor rests, because the car has "
        "made it close too often. The trace has the response code and the reason.",
        "Compare the reason in the trace with `services` and `capability` in the configuration.",
        f"{_REFUSES} {_SAFE}",
        "The FAILED code that fits, such as FAILED_WrongChargeParameter: it is in the trace.",
    ),
    Fault.INVERTER_LOST: Entry(
        "Inverter lost",
        "There is no recent reading of the inverter: it does not answer, or answers too late.",
        "`v2g status` names the trouble. Check power and network of the inverter, and `inverter.address` in the "
        "configuration.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.INVERTER_FAULT: Entry(
        "Inverter fault",
        "The inverter reports a fault of its own, such as over-current, over-temperature or a lost grid (a car may "
        "show EVSE_Shutdown), or has delivered more than its set-point for 5 s.",
        "The trace names the fault. If the inverter does not follow its set-point, check its register map, its ramp "
        "settings, and whether another controller commands it. For temperature, `v2g sensors` shows power module, "
        "coolant and pump beside their limits; check coolant and fans. For hardware interrupts, /var/log/syslog. The "
        "station acknowledges it once its cause is gone.",
        _SAFE,
        _FAILED,
        (_SHUTDOWN,),
    ),
    Fault.CONTACTOR: Entry(
        "Contactor fault",
        "The contactor does not follow its command, or its feedback contradicts the command or is unknown. A contactor "
        "that stays closed when it should open may be welded.",
        "Take the EVSE out of service, isolate it, and check the contactor's contacts, its auxiliary contact and the "
        "wiring of its coil.",
        _SAFE + " No session starts until the feedback is as commanded.",
        f"FAILED_ContactorError in the response to PowerDelivery; otherwise {_FAILED}",
        (_MALFUNCTION,),
    ),
    Fault.CABLE_CHECK: Entry(
        "Insulation too low, or cable check failed",
        "The insulation of cable and inlet is too low, before or during energy transfer, or the check did not end "
        f"within {conversation.CABLE_CHECK_S:g} s.",
        "Look for moisture and damage at plug, cable and inlet; try another car. Then check the insulation monitoring "
        "device with its own test button.",
        f"{_REFUSES} {_SAFE}",
        "FAILED in the response to its next DC_CableCheckReq.",
        (
            _MALFUNCTION,
            _TESTING,
        ),
    ),
    Fault.PRECHARGE: Entry(
        "Pre-charge failed",
        f"The output did not reach the car's voltage within {conversation.PRECHARGE_S:g} s.",
        "Compare the car's voltage in the trace with `capability.voltage_min_v` and `voltage_max_v` and with the "
        "inverter's range; check the inverter's output.",
        f"{_REFUSES} {_SAFE}",
        "FAILED_PowerDeliveryNotApplied in the response to PowerDelivery, FAILED in that to DC_PreChargeReq.",
        (_MALFUNCTION,),
    ),
    Fault.METER_LOST: Entry(
        "Meter lost",
        "There is no recent reading of the energy meter, or it has contradicted the inverter for 10 s: energy would "
        "flow unmeasured.",
        "Check power and network of the meter, and `meter.address` in the configuration. If the two differ, check the "
        "direction of the meter's current transformers, its scale, and what else it measures.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.GRID_SENSOR_LOST: Entry(
        "Grid sensor lost",
        "There is no recent reading of the grid's voltage and frequency. Without one, an island looks like the grid.",
        "Check power and network of the grid sensing unit, and `grid.address` in the configuration.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.PILOT: Entry(
        "Control pilot fault",
        "The control pilot is not in the state that the power path needs, or cannot be measured: shorted to earth, no "
        "diode in the car, a wrong duty cycle, no reading, or the car opened S2 while energy flowed.",
        _PILOT,
        f"Opens the contactor at once, within {PILOT_OPENS_S:g} s of the pilot's change. {_SAFE}",
        _FAILED,
        (_EMERGENCY,),
    ),
    Fault.UNPLUGGED: Entry(
        "Unplugged",
        "The control pilot went to state A before the end of the session: the connector was pulled, or the pilot wire "
        "is broken.",
        "Plug in again. If nobody pulled it, check the connector's latch, the lock and the pilot wire.",
        f"Opens the contactor at once, within {PILOT_OPENS_S:g} s of the pilot's change. {_SAFE}",
        _FAILED,
        (_EMERGENCY,),
    ),
    Fault.PLC_LINK: Entry(
        "Power-line link lost",
        "The modem has no link to the matched car any more; with `plc: {when_weak: end}` also: its signal has been too "
        "weak for 5 s. Often signal attenuation: noise of the inverter, a long or unshielded cable.",
        f"`v2g plc status` shows the signal's trend. {_PLC}",
        f"{_SAFE} A weak signal ends the session in order, by a notification.",
        _GONE,
    ),
    Fault.OVER_CURRENT: Entry(
        "Over-current",
        "More current flows than the car allows, or the inverter has switched itself off because of it.",
        "Check the inverter's current control and its register map (scale, sign), and the contactor for marks of an "
        "inrush.",
        _SAFE,
        _FAILED,
        (_SHUTDOWN,),
    ),
    Fault.OVER_VOLTAGE: Entry(
        "Over-voltage",
        "The output's voltage is above what the car allows, or the inverter has switched itself off because of it.",
        "Check the inverter's voltage control and its register map (scale). A car that opens its contactor under load "
        "causes it too: check the trace before it.",
        _SAFE,
        _FAILED,
        (_SHUTDOWN,),
    ),
    Fault.OVER_TEMPERATURE: Entry(
        "Over-temperature",
        "The inverter has switched itself off because it is too hot, although the station reduces the power before "
        "that: coolant, pump or sensors do not work as they should.",
        "`v2g sensors` shows temperatures, coolant flow and pump, with their limits and ALARM; check pump, coolant "
        "level, filters and fans.",
        _SAFE,
        _FAILED,
        (_SHUTDOWN,),
    ),
    Fault.RESIDUAL_CURRENT: Entry(
        "Residual current",
        "The residual-current device (CCID, RCD) has tripped: current flows to earth.",
        "Do not reset it before cable, connector and vehicle have been inspected. A device that trips without a car "
        "points to the station's own insulation.",
        f"The device itself has cut the power. {_SAFE}",
        _FAILED,
        (_EMERGENCY,),
    ),
    Fault.DOOR: Entry(
        "Door open",
        "The door of the station is open.",
        "Close it; check the contact if it is closed.",
        _SAFE,
        _FAILED,
        (_EMERGENCY,),
    ),
    Fault.SAFETY_INPUTS_LOST: Entry(
        "Safety inputs lost",
        "There is no recent reading of emergency stop, door and residual current: they act in hardware, but the "
        "station does not see them.",
        "Check power and network of the I/O module, and `safety.address` in the configuration.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.EMERGENCY_STOP: Entry(
        "Emergency stop",
        "Someone pressed the emergency stop, or its loop is broken.",
        "First deal with the reason, and with anyone in danger. Then release the button.",
        _SAFE,
        _FAILED,
        (_EMERGENCY,),
    ),
    Fault.CONNECTOR_LOCK: Entry(
        "Connector lock",
        "The lock does not hold the plug although energy may flow, does not free it afterwards, or its position is "
        "unknown.",
        "Look for dirt or a bent bolt, and push the plug home; check the wires of both end switches, and "
        "`lock.address` in the configuration. A plug that stays locked is freed by the socket's emergency release.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.STALLED: Entry(
        "Process stalled",
        "The station's process did not run for a while, and nobody watched the hardware meanwhile: the process was "
        "stopped, or the machine was suspended or overloaded. If it lasted longer, the hardware's own watchdogs have "
        "acted.",
        "See what else runs on the machine (`top`, `vmstat 1`); `CPUSchedulingPolicy=fifo` in the unit file gives the "
        "station priority. Do not pause a virtual machine that runs the station.",
        _SAFE,
        _FAILED,
        (_MALFUNCTION,),
    ),
    Fault.INTERNAL: Entry(
        "Internal failure",
        "The station's own software failed. This is a defect of the station, not of the car.",
        "Report it with the trace. `systemctl restart v2g-daemon` restarts it if the EVSE does not recover.",
        _SAFE,
        _CLOSED,
    ),
}
