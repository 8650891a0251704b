"""The message sets of ISO 15118-20."""
