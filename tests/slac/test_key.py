"""Network keys and ids."""

import pytest

from v2g.slac.key import NetworkKey, network_id

PUBLISHED = {  # the keys that modems have by default, as their makers print them
    "50D3E4933F855B7040784DF815AA8DB7": "B0F2E695666B03",
    "B59319D7E8157BA001B018669CCEE30D": "026BCBA5354E08",
}


@pytest.mark.parametrize(("nmk", "nid"), PUBLISHED.items())
def test_network_id_is_the_published_one(nmk: str, nid: str) -> None:
    assert network_id(bytes.fromhex(nmk)) == bytes.fromhex(nid)


def test_fresh_keys_differ_and_carry_their_id() -> None:
    keys = [NetworkKey.fresh() for _ in range(20)]
    assert len({key.nmk for key in keys}) == 20
    assert all(len(key.nmk) == 16 and key.nid == network_id(key.nmk) for key in keys)
    assert all(key.nid[6] < 0x10 for key in keys)  # security level 0


def test_a_key_does_not_show() -> None:
    key = NetworkKey.of(bytes.fromhex("50D3E4933F855B7040784DF815AA8DB7"))
    assert repr(key.nmk) not in repr(key)
    assert "nmk" not in repr(key)
