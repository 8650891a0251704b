"""ISO 15118-2 as a dialect."""

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.edition import D2
from v2g.messages import iso2

ISO2 = Dialect(D2, iso2, renegotiates=True)
