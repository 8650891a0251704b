"""DIN SPEC 70121 as a dialect."""

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.din.edition import DIN as EDITION
from v2g.messages import din

DIN = Dialect(EDITION, din, renegotiates=False)
