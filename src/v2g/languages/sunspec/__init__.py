"""A station or a depot as one SunSpec inverter: models 1 and 701 to 714, for any Modbus client."""
