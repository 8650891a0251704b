"""A depot in virtual time: vehicles, chargers, meter; other strategies beside ours; the regulation benchmark."""
