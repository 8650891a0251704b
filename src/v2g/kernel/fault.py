"""The faults that end or refuse a session, each with the code that the trace and the operator see.

Codes 0x01, 0x04 and 0x09 are the ones that operators of such stations already know; the others follow the same form.
Texts and remedies for a person are in `v2g.station.faults`.
"""

from enum import IntEnum


class Fault(IntEnum):
    """A stated cause. The value is the code in the trace (`0x04`)."""

    ISLANDING = 0x01
    """Grid voltage vanished, or an island was detected, while energy was flowing."""
    GRID = 0x02
    """The grid's voltage or frequency left the limits of the grid code for longer than it allows."""
    FRAMING = 0x03
    """The byte stream is not V2GTP: wrong version, unknown payload type, or over-long."""
    EXI_DECODE = 0x04
    """A payload is not EXI of the agreed schema."""
    SEQUENCE_ERROR = 0x05
    """A request that the phase does not admit."""
    UNKNOWN_SESSION = 0x06
    """A request with a session id that is not this session's."""
    COMMUNICATION_SETUP_TIMEOUT = 0x07
    """The car connected but did not reach SessionSetup in time."""
    SEQUENCE_TIMEOUT = 0x08
    """The car sent no next request in time, outside the phases that have a code of their own."""
    SERVICE_DISCOVERY_TIMEOUT = 0x09
    """The car did not react to the offered services in time."""
    CHARGE_LOOP_TIMEOUT = 0x0A
    """The car fell silent while energy could flow."""
    TLS = 0x0B
    """The TLS connection could not be set up or was broken."""
    AUTHORIZATION = 0x0C
    """The car is not authorised, or not for what it asked."""
    CONNECTION_LOST = 0x0D
    """The car closed the connection, or the link failed, before SessionStop."""
    NO_COMMON_PROTOCOL = 0x0E
    """The car and the station share no protocol."""
    REQUEST_REFUSED = 0x0F
    """A request was understood and answered with a FAILED response code."""
    INVERTER_LOST = 0x10
    """No reading of the inverter, or a stale one."""
    INVERTER_FAULT = 0x11
    """The inverter reports a fault of its own."""
    CONTACTOR = 0x12
    """The contactor does not follow its command, or its feedback is unknown."""
    CABLE_CHECK = 0x13
    """Insulation too low, or the cable check did not end in time."""
    PRECHARGE = 0x14
    """The pre-charge voltage was not reached in time."""
    METER_LOST = 0x15
    """No reading of the meter, or a stale one."""
    GRID_SENSOR_LOST = 0x16
    """No reading of the grid's voltage and frequency, or a stale one."""
    PILOT = 0x17
    """The control pilot is in a wrong state, or unknown."""
    UNPLUGGED = 0x18
    """The car was unplugged before the end of its session."""
    PLC_LINK = 0x19
    """The power-line link to the matched car is gone."""
    OVER_CURRENT = 0x1A
    """More current than the car allows, or than the inverter bears."""
    OVER_VOLTAGE = 0x1B
    """More voltage than the car allows, or than the inverter bears."""
    OVER_TEMPERATURE = 0x1C
    """The inverter is too hot to operate."""
    RESIDUAL_CURRENT = 0x1D
    """The residual-current device has tripped: current flows to earth."""
    DOOR = 0x1E
    """The door of the station is open."""
    SAFETY_INPUTS_LOST = 0x1F
    """No reading of emergency stop, door and residual current, or a stale one."""
    EMERGENCY_STOP = 0x20
    """Someone pressed the emergency stop."""
    CONNECTOR_LOCK = 0x21
    """The lock does not hold the plug while energy may flow, does not free it afterwards, or cannot be read."""
    STALLED = 0x22
    """The station's process did not run for longer than its hardware may go unwatched."""
    INTERNAL = 0x7F
    """The station's own software failed."""

    @property
    def code(self) -> str:
        """The code as written in the trace, such as `0x04`."""
        return f"0x{self.value:02X}"
