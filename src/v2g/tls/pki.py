"""The test hierarchy under its former name."""

from v2g.pki.explain import EXPIRY_WARNING, Explanation, explain
from v2g.pki.hierarchy import BUNDLES, EMAID, EVCCID, HIERARCHY, SECC_ID, Node, PkiError, create

__all__ = [
    "BUNDLES",
    "EMAID",
    "EVCCID",
    "EXPIRY_WARNING",
    "HIERARCHY",
    "SECC_ID",
    "Explanation",
    "Node",
    "PkiError",
    "create",
    "explain",
]
