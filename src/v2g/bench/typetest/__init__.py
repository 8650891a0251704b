"""A type test of the station, after IEEE 1547.1: every demand of a grid code as a case, measured at the plant.

The cases are generated from the settings of the code. Each runs in the virtual world: a station in a session with a
car, whose grid plays a course. What counts is what flows at the connection point and where the contactor stands; the
protection itself is not asked.
"""
