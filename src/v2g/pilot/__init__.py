"""The control pilot of IEC 61851-1 and what ISO 15118-3 adds to it: logic without clock, sockets or hardware.

`duty` converts between duty cycle and current, `state` finds states A to F in noisy voltages, `toggle` counts BCB
toggles, `station` drives the station's side, `vehicle` the car's. `timing` has every time with its clause.

The texts of the standards are not part of this project: figures and clause numbers are those that public code and
data sheets agree on.
"""
