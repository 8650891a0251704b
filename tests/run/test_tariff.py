"""Tariffs from a file: what each edition's car gets, signed or not, and what is wrong with a file."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.iso15118.credentials import EMAID, UNIX_S, Hierarchy
from tests.iso15118.evcc.test_contract_sessions import KINDS, assert_in_order, world

from v2g.iso15118.day_tariff import DayTariff, Step
from v2g.iso15118.service import ControlMode
from v2g.kernel.durations import DAY_S
from v2g.messages import iso2
from v2g.messages.iso20 import common
from v2g.run.tariff import FileTariff, TariffError
from v2g.station.config.settings import TariffSettings

NIGHT = """
name: night
currency: EUR
prices:
  - {from: "00:00", price: 0.19, level: 1}
  - {from: "06:00", price: 0.32, level: 2}
"""


def settings(folder: Path, text: str = NIGHT, keys: Hierarchy | None = None) -> TariffSettings:
    file, key = folder / "tariff.yaml", folder / "key.pem"
    file.write_text(text)
    if keys is None:
        return TariffSettings(file=file)
    key.write_bytes(keys.operator.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    older = keys.operator.kind == "p256"
    return TariffSettings(file=file, iso2_key=key if older else None, iso20_key=None if older else key)


@pytest.mark.parametrize(("edition", "service", "mode"), [KINDS[0], KINDS[2]])
def test_a_car_with_a_contract_believes_the_tariff_that_its_operator_has_signed(
    edition: str, service: object, mode: object, tmp_path: Path
) -> None:
    pki = Hierarchy("p256" if edition == "ISO 15118-2" else "p521")
    for keys, believed in ((pki, True), (None, False)):
        prices = FileTariff(settings(tmp_path, keys=keys), lambda: UNIX_S)
        done = world(pki, edition, service, mode, offer={"prices": prices}).run()  # type: ignore[arg-type]
        assert_in_order(done)
        tariff = done.evcc.session.tariff
        assert (tariff is not None) is believed
        if isinstance(tariff, iso2.SalesTariff):
            assert [entry.EPriceLevel for entry in tariff.SalesTariffEntry] == levels_from(UNIX_S)
        elif tariff is not None:
            assert isinstance(tariff, common.AbsolutePriceSchedule)
            fees = [stack.PriceRule[0].EnergyFee.value for stack in tariff.PriceRuleStacks.PriceRuleStack]
            assert fees == pytest.approx([{1: 0.19, 2: 0.32}[level] for level in levels_from(UNIX_S)])


@pytest.mark.parametrize("edition", ["ISO 15118-2", "ISO 15118-20"])
def test_a_car_chooses_among_tariffs_that_are_signed_together(edition: str, tmp_path: Path) -> None:
    kind = next(each for each in KINDS if each[0] == edition)
    pki = Hierarchy("p256" if edition == "ISO 15118-2" else "p521")
    named = settings(tmp_path, keys=pki)
    (tmp_path / "green.yaml").write_text(NIGHT.replace("night", "green"))
    prices = FileTariff(replace(named, others=(tmp_path / "green.yaml",)), lambda: UNIX_S)
    done = world(pki, edition, kind[1], ControlMode.SCHEDULED, offer={"prices": prices}).run()
    assert_in_order(done)
    tariff = done.evcc.session.tariff
    name = tariff.SalesTariffDescription if edition == "ISO 15118-2" else tariff.PriceScheduleDescription  # type: ignore[union-attr]
    assert name == "night"
    engine = done.station.engine
    assert engine is not None
    assert len(engine.session.tuples) == 2


def levels_from(unix_s: int) -> list[int]:
    """Of the next 24 hours of `NIGHT`."""
    return [1, 2, 1] if unix_s % DAY_S < 6 * 3600 else [2, 1, 2]


def test_who_pays_otherwise_gets_it_unsigned(tmp_path: Path) -> None:
    prices = FileTariff(settings(tmp_path, keys=Hierarchy("p256")), lambda: UNIX_S)
    free, paid = prices.tariff("ISO 15118-2", ""), prices.tariff("ISO 15118-2", EMAID)
    assert free is not None
    assert paid is not None
    assert (free.signature is None, paid.signature is None) == (True, False)
    assert prices.tariff("DIN SPEC 70121", "") is None


@given(unix_s=st.integers(0, 2**33), starts=st.sets(st.integers(1, DAY_S - 1), max_size=8))
def test_the_next_24_hours_are_covered_without_a_gap_at_the_price_of_the_hour(unix_s: int, starts: set[int]) -> None:
    steps = tuple(Step(from_s, float(from_s), 1) for from_s in sorted({0, *starts}))
    tariff = DayTariff("day", "EUR", "en", steps)
    begins_s = 0
    for entry, stack in zip(
        tariff.sales_tariff(unix_s).SalesTariffEntry,
        tariff.price_schedule(unix_s).PriceRuleStacks.PriceRuleStack,
        strict=True,
    ):
        interval = entry.TimeInterval
        assert isinstance(interval, iso2.RelativeTimeInterval)
        assert interval.start == begins_s
        assert interval.duration == stack.Duration
        of_day_s = (unix_s + begins_s) % DAY_S
        price = max(step.from_s for step in steps if step.from_s <= of_day_s)
        assert stack.PriceRule[0].EnergyFee.value == pytest.approx(price, rel=1e-3)
        begins_s += stack.Duration
    assert begins_s == DAY_S


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: night", "missing required field `currency`"),
        (NIGHT.replace("00:00", "01:00"), 'must begin with "00:00"'),
        (NIGHT.replace("06:00", "00:00"), "and increase"),
        (NIGHT.replace("06:00", "24:00"), "tariff"),
        (NIGHT.replace("0.32", ".nan"), "tariff"),
        (NIGHT.replace("EUR", '"EUR\\n"'), "Currency"),
        (NIGHT.replace("night", '"\\ud800"'), "is no character"),
        ("[" * 100, "nested"),
        ("a: &a [1]\nb: *c", "tariff"),
    ],
)
def test_a_wrong_file_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(TariffError, match=complaint) as caught:
        FileTariff(settings(tmp_path, text))
    assert "tariff.yaml" in str(caught.value)


def test_a_key_that_signs_no_message_is_named_before_a_car_comes(tmp_path: Path) -> None:
    named = settings(tmp_path, keys=Hierarchy("p256"))
    assert named.iso2_key is not None
    other = generate_private_key(SECP384R1())
    named.iso2_key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TariffError, match="ISO 15118-2: a key of secp384r1 signs no message"):
        FileTariff(named)


def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    named = settings(tmp_path, keys=Hierarchy("p256"))
    assert named.iso2_key is not None
    named.iso2_key.write_text("half a file")
    with pytest.raises(TariffError, match=r"key\.pem: no PEM private key"):
        FileTariff(named)
    with pytest.raises(TariffError, match="No such file"):
        FileTariff(TariffSettings(file=tmp_path / "nothing.yaml"))
