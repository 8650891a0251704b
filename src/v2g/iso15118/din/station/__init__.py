"""What DIN SPEC 70121 answers otherwise than ISO 15118-2; the rest is in `v2g.iso15118.d2.station`."""
