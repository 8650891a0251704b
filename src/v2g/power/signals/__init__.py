"""CAN signals: which quantity of a device is in which bits of which frame, as data.

A map is a YAML file; the ones beside this module belong to the simulated devices and are a pattern for real ones.
"""
