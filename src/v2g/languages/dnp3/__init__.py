"""A depot as a DNP3 outstation, with the point numbers of the DER profile (IEEE 1815.2, before it AN2018-001)."""
