"""Requirements of ISO 15118-20 for a station, by number."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from v2g.bench.conformance.derived import Numbers, derived
from v2g.bench.conformance.iso20_reasons import DEVIATIONS, REASONS
from v2g.bench.conformance.iso20_scenes import AC, AC_DYNAMIC, DC, DC_DYNAMIC, case
from v2g.bench.conformance.suite import Check, Suite

MODULES = ("iso20_set_up", "iso20_loop", "iso20_der", "iso20_tls")
"""Where the cases are that are written one by one."""
NUMBERS = Numbers(
    sequence=("V2G20-459", "V2G20-736"),
    session=("V2G20-460", "V2G20-753", "V2G20-736"),
    silence=("V2G20-435", "V2G20-441", "V2G20-442", "V2G20-443"),
    energy_silence=("V2G20-443", "V2G20-1500", "V2G20-1502"),
    leaves=("V2G20-2645",),
    course=(
        *("V2G20-444", "V2G20-751", "V2G20-752", "V2G20-1249", "V2G20-1251", "V2G20-1253", "V2G20-1262"),
        *("V2G20-1267", "V2G20-1272", "V2G20-1285", "V2G20-2314", "V2G20-2315", "V2G20-2681"),
    ),
    phases={
        "SERVICE_SELECTION": ("V2G20-1981",),
        "CABLE_CHECK": ("V2G20-1611", "V2G20-2003"),
        "PRECHARGE": ("V2G20-2004",),
        "PRECHARGED": ("V2G20-2006",),
        "POWER_DELIVERY": ("V2G20-1989",),
        "STARTED": ("V2G20-2009", "V2G20-2010"),
        "CHARGE_LOOP": ("V2G20-2012", "V2G20-2013"),
        "WELDING_DETECTION": ("V2G20-2020",),
        "STOPPING": ("V2G20-1623",),
    },
    requests={
        "ServiceDiscoveryReq": ("V2G20-1980",),
        "ServiceSelectionReq": ("V2G20-1983",),
        "PowerDeliveryReq": ("V2G20-2008",),
        "SessionStopReq": ("V2G20-1632",),
    },
)


@cache
def checks() -> tuple[Check, ...]:
    """All cases."""
    return tuple(_checks())


def _checks() -> Iterator[Check]:
    for name in MODULES:
        import_module(f"v2g.bench.conformance.{name}")
    yield from case
    yield from derived(DC_DYNAMIC, NUMBERS, (AC_DYNAMIC,))
    yield from derived(AC, NUMBERS, (DC,))


SUITE = Suite("iso15118-20", checks, REASONS, DEVIATIONS)
