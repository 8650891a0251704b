"""Values that a back end writes: of the variable's type, within its limits, from its list."""

import pytest

from v2g.ocpp import v21
from v2g.ocpp.der_controls import MOST, Controls
from v2g.ocpp.device_model import DeviceModel, Variable
from v2g.ocpp.monitoring import MOST_SAMPLES, Monitors
from v2g.ocpp.store import Memory

VARIABLES = (
    Variable("C", "Power", "0", "decimal", "ReadWrite"),
    Variable("C", "Share", "0", "integer", "ReadWrite", low=0, high=100),
    Variable("C", "Choice", "a", "OptionList", "ReadWrite", values="a,b"),
    Variable("C", "Some", "a", "MemberList", "ReadWrite", values="a,b"),
)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("Power", "-1.5e3", "Accepted"), ("Power", "nan", "Rejected"), ("Power", "inf", "Rejected"),
     ("Share", "101", "Rejected"), ("Share", "7", "Accepted"), ("Choice", "b", "Accepted"), ("Choice", "c", "Rejected"),
     ("Choice", "a,b", "Rejected"), ("Some", "b, a", "Accepted"), ("Some", "", "Accepted"),
     ("Some", "a,c", "Rejected")],
)  # fmt: skip
def test_what_a_variable_takes(name: str, value: str, status: str) -> None:
    model = DeviceModel(VARIABLES, Memory())
    place = {"component": v21.ComponentType(name="C"), "variable": v21.VariableType(name=name)}
    assert model.set(v21.SetVariableDataType(attributeValue=value, **place)).attributeStatus == status  # type: ignore[arg-type]


def test_a_stream_that_nobody_takes_keeps_its_latest_values() -> None:
    monitors = Monitors(Memory(), DeviceModel(VARIABLES, Memory()))
    asked = v21.SetMonitoringDataType(
        value=1.0, type="Periodic", severity=5, component=v21.ComponentType(name="C"),
        variable=v21.VariableType(name="Power"),
        periodicEventStream=v21.PeriodicEventStreamParamsType(values=2**31 - 1, interval=0),
    )  # fmt: skip
    assert monitors.set(asked, 0.0).status == "Accepted"
    for second in range(1, 2 * MOST_SAMPLES):
        assert monitors.step(float(second), None) == []
    data = monitors.taken(1, 3_000.0)
    assert data is not None
    assert len(data.data) == MOST_SAMPLES
    assert data.data[-1].t == MOST_SAMPLES - 1


def test_there_is_an_end_to_der_controls() -> None:
    controls = Controls(Memory(), ("Gradients",), lambda control: None)
    for number in range(MOST + 1):
        asked = v21.SetDERControlRequest(
            isDefault=True, controlId=str(number), controlType="Gradients",
            gradient=v21.GradientType(priority=number, gradient=1.0, softGradient=1.0),
        )  # fmt: skip
        status = controls.set(asked, 0.0).status
        assert status == ("Accepted" if number < MOST else "Rejected")
    again = v21.SetDERControlRequest(
        isDefault=True, controlId="7", controlType="Gradients",
        gradient=v21.GradientType(priority=7, gradient=2.0, softGradient=1.0),
    )  # fmt: skip
    assert controls.set(again, 0.0).status == "Accepted"
