"""Power module, coolant and contactor as first-order masses, and a pump whose flow lags behind its command.

    losses -> power module -> (more the more flow) -> coolant -> radiator -> ambient
    current squared -> contactor -> ambient

Each mass approaches exponentially the temperature at which its neighbours would hold it: stable for any step, and
monotonic in every input.
"""

from dataclasses import dataclass
from math import exp
from typing import Annotated

from msgspec import Meta, Struct

LARGEST_STEP_S = 0.5

_Positive = Annotated[float, Meta(gt=0)]


class Masses(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The constants of the model.

    With the defaults, 1 kW of losses (30 kW of power) brings the module to 25 K above the coolant, and the coolant to
    15 K above ambient.
    """

    module_j_per_k: _Positive = 1_200.0
    """Heat capacity of the power module."""
    still_w_per_k: _Positive = 8.0
    """From the module to still coolant."""
    flow_w_per_k: _Positive = 32.0
    """What full flow adds."""
    coolant_j_per_k: _Positive = 20_000.0
    """Heat capacity of the coolant."""
    radiator_w_per_k: _Positive = 66.0
    """From the coolant to the air."""
    pump_lag_s: _Positive = 4.0
    """Time constant of the flow."""
    contactor_j_per_k: _Positive = 40.0
    """Heat capacity of the contacts."""
    contactor_w_per_k: _Positive = 0.08
    """From the contacts to the air."""
    contactor_ohm: _Positive = 0.000_3
    """Of the closed contacts."""


@dataclass(frozen=True, slots=True)
class ThermalState:
    """Temperatures in degrees Celsius; `flow` is a share of the full one, 0 to 1."""

    module_c: float
    coolant_c: float
    contactor_c: float
    flow: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What acts on the masses, held for a while."""

    loss_w: float
    """Of the power module."""
    current_a: float
    """Through the contactor."""
    ambient_c: float
    pump: float
    """Command, 0 to 1."""


def after(dt_s: float, state: ThermalState, load: Load, masses: Masses) -> ThermalState:
    """The state `dt_s` later."""
    while dt_s > 0:
        state = _step(min(dt_s, LARGEST_STEP_S), state, load, masses)
        dt_s -= LARGEST_STEP_S
    return state


def flow_after(dt_s: float, flow: float, pump: float, masses: Masses) -> float:
    """The flow `dt_s` later."""
    return _towards(flow, pump, dt_s / masses.pump_lag_s)


def _step(dt_s: float, state: ThermalState, load: Load, masses: Masses) -> ThermalState:
    flow = flow_after(dt_s, state.flow, load.pump, masses)
    to_coolant = masses.still_w_per_k + masses.flow_w_per_k * flow
    to_both = to_coolant + masses.radiator_w_per_k
    between_c = (to_coolant * state.module_c + masses.radiator_w_per_k * load.ambient_c) / to_both
    contactor_w = masses.contactor_ohm * load.current_a**2
    return ThermalState(
        module_c=_towards(
            state.module_c, state.coolant_c + load.loss_w / to_coolant, dt_s * to_coolant / masses.module_j_per_k
        ),
        coolant_c=_towards(state.coolant_c, between_c, dt_s * to_both / masses.coolant_j_per_k),
        contactor_c=_towards(
            state.contactor_c,
            load.ambient_c + contactor_w / masses.contactor_w_per_k,
            dt_s * masses.contactor_w_per_k / masses.contactor_j_per_k,
        ),
        flow=flow,
    )


def _towards(value: float, settled: float, time_constants: float) -> float:
    return value + (settled - value) * (1 - exp(-time_constants))
