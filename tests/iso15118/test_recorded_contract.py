"""A car of Josev that paid by its contract: its signatures verify, and not over anything else.

Recorded with `tests/interop/test_josev_contracts.py`: an implementation that shares nothing with ours made them.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from v2g.iso15118.contract import common_name, key_of, plain_emaid
from v2g.iso15118.d2.certificate_chain import chain_of
from v2g.iso15118.signature import SignatureInvalid, verify
from v2g.messages import decode, encode

RECORDED: dict[str, Any] = {
    record["message"]: decode("iso2", bytes.fromhex(record["exi"]), strict=True)
    for record in map(json.loads, (Path(__file__).parent / "data" / "josev_contract.jsonl").read_text().splitlines())
}
DETAILS = RECORDED["PaymentDetailsReq"].Body.BodyElement
LEAF = chain_of(DETAILS.ContractSignatureCertChain)[0]


def test_the_contract_is_the_one_that_it_names() -> None:
    assert plain_emaid(common_name(LEAF)) == plain_emaid(DETAILS.eMAID)


@pytest.mark.parametrize("name", ["AuthorizationReq", "MeteringReceiptReq"])
def test_its_signatures_verify(name: str) -> None:
    message = RECORDED[name]
    body, signature = message.Body.BodyElement, message.Header.Signature
    verify("iso2", signature, [(name, body)], key_of(LEAF))
    changed = replace(body, Id="id2")
    other = replace(body, GenChallenge=bytes(16)) if name == "AuthorizationReq" else replace(body, SAScheduleTupleID=2)
    for wrong in (changed, other):
        with pytest.raises(SignatureInvalid):
            verify("iso2", signature, [(name, wrong)], key_of(LEAF))


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_its_messages_are_encoded_alike(name: str) -> None:
    assert decode("iso2", encode("iso2", RECORDED[name]), strict=True) == RECORDED[name]
