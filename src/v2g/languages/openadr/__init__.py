"""A depot as a virtual end node (VEN) of OpenADR 3: what a VTN announces becomes requests."""
