"""Heat: how warm the parts of the power path are and will be, and how much power that leaves. A library without a
clock.

`model` predicts, `settings` says what is too warm and too cold, `limiter` decides and commands the coolant pump.
"""
