"""What a person reads of a quantity."""

import pytest

from v2g.kernel import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.kw(4_249.0), "4.2 kW"),
        (units.kw(-0.4), "0.0 kW"),
        (units.signed_kw(-4_249.0), "-4.2 kW"),
        (units.signed_kw(4_249.0), "+4.2 kW"),
        (units.exact_kw(15_001.0), "15.001 kW"),
        (units.kwh(12_460.0), "12.5 kWh"),
        (units.wh(12.46), "12.5 Wh"),
        (units.kvar(1_460.0), "1.5 kvar"),
        (units.signed_kvar(-1_460.0), "-1.5 kvar"),
        (units.exact_kvar(10_001.0), "10.001 kvar"),
        (units.exact_kva(12_500.0), "12.5 kVA"),
        (units.kohm(80_400.0), "80 kOhm"),
    ],
)
def test_quantity(text: str, expected: str) -> None:
    assert text == expected
