"""Conformance of a charging station with OCPP: the station cases of OCTT by name, the requirements of 2.1 by number."""
