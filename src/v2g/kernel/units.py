"""Quantities as a person reads them: which unit, which prefix, how many digits. Every message takes them from here."""


def kw(power_w: float) -> str:
    """A power that was measured or decided: `4.2 kW`. What rounds to zero has no sign."""
    return f"{power_w / 1000:z.1f} kW"


def signed_kw(power_w: float) -> str:
    """The same with its sign: positive charges the vehicle."""
    return f"{power_w / 1000:+.1f} kW"


def exact_kw(power_w: float) -> str:
    """A power that somebody set: all its digits."""
    return f"{power_w / 1000:g} kW"


def kwh(energy_wh: float) -> str:
    """`12.5 kWh`."""
    return f"{energy_wh / 1000:.1f} kWh"


def signed_kwh(energy_wh: float) -> str:
    """As it is settled, with its sign: `-12.345 kWh`."""
    return f"{energy_wh / 1000:+z.3f} kWh"


def wh(energy_wh: float) -> str:
    """The energy of a session, as the meter resolves it: `12.5 Wh`."""
    return f"{energy_wh:.1f} Wh"


def kvar(reactive_var: float) -> str:
    """`1.5 kvar`."""
    return f"{reactive_var / 1000:.1f} kvar"


def signed_kvar(reactive_var: float) -> str:
    """The same with its sign: positive as drawn by an inductive load."""
    return f"{reactive_var / 1000:+.1f} kvar"


def exact_kva(apparent_va: float) -> str:
    """A rating."""
    return f"{apparent_va / 1000:g} kVA"


def exact_kvar(reactive_var: float) -> str:
    """A reactive power that somebody set."""
    return f"{reactive_var / 1000:g} kvar"


def kohm(resistance_ohm: float) -> str:
    """`80 kOhm`."""
    return f"{resistance_ohm / 1000:.0f} kOhm"
