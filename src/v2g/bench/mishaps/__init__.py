"""Faults on purpose: thousands of random sessions in the virtual world, each from one integer, and what must hold."""
