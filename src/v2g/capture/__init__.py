"""Captures from the field: packets in, messages and what is wrong with them out."""
