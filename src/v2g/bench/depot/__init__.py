"""A depot to try: many light stations with cars as real OCPP clients, a day in two minutes."""
