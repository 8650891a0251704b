"""The processes: a station with its EVSEs, a car, the devices behind them."""
