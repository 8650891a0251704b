"""A measured figure of ours beside the same figure of Josev's."""

from dataclasses import dataclass

from tests.interop.josev import Josev

#: What a peer's column holds: a value, or the reason why there is none.
Value = float | str


@dataclass(frozen=True)
class Figure:
    """`unit` is part of the name in the results: `dc_charge_loop_req_decode_us`."""

    name: str
    unit: str
    v2g: Value
    josev: Value


#: An installed Josev, or the reason why there is none.
Peer = Josev | str
