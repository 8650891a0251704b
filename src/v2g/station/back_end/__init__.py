"""The station as a charging station of a back end (OCPP): what it reports, and what it takes orders for."""
