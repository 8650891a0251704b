"""SunSpec Modbus: the layout of the models as data, finding them in a device, reading and writing their points.

`models/<number>.toml` holds one model each, taken from the SunSpec Alliance's model definitions, with their names.
"""
