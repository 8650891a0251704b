"""Timers and constants of ISO 15118-3, under the standard's names: Table 3 (clause 8) and Table A.1 (A.8), seconds.

TT is a timeout: how long to wait for the other side. TP is a performance time: how soon to act. C is a count.
"""

C_CONN_MAX_MATCH = 3
"""A car tries the whole matching at least this often (Table 3)."""
C_EVSE_MATCH_PARALLEL = 5
"""Cars that a station can serve at once before one has chosen it."""
C_EV_MATCH_MNBC = 10
"""Sounds."""
C_EV_MATCH_RETRY = 2
"""How often a message without an answer is repeated."""
C_EV_START_ATTEN_CHAR_INDS = 3
"""How often the sounds are announced."""
C_EV_MATCH_SIGNALATTN_DIRECT_DB = 10.0
"""Up to this mean attenuation a station is found: one cable joins the two."""

TP_MATCH_LEAVE_S = 1.0
"""The network is left within this time once the connection is lost (Table 3)."""
TT_EVSE_VALD_TOGGLE_MAX_S = 3.5
"""Longest time in which a station counts toggles of the control pilot (Table 3)."""
TP_EV_VALD_STATE_S = 0.3
"""How long the car stays in state B, and in C, within one toggle: 200 to 400 ms (Table 3)."""

TP_AMP_MAP_EXCHANGE_S = 0.1
TP_EV_BATCH_MSG_INTERVAL_S = 0.04
"""Between two announcements or sounds: 20 to 50 ms."""
TP_EVSE_AVG_ATTEN_CALC_S = 0.1
"""From the end of the sounds to their mean."""
TP_MATCH_SEQUENCE_S = 0.1
"""From an answer to the next request."""
TT_EV_ATTEN_RESULTS_S = 1.2
"""From the first announcement to the stations' attenuations."""
TT_EVSE_MATCH_MNBC_S = 0.6
"""From the first announcement to the end of the sounds."""
TT_EVSE_MATCH_SESSION_S = 10.0
"""From the end of the sounds to the car's choice, or its wish to validate."""
TT_EVSE_SLAC_INIT_S = 40.0
"""From plug-in to the car's first message: 20 to 50 s."""
TT_MATCH_JOIN_S = 12.0
"""From the key to the link."""
TT_MATCH_RESPONSE_S = 0.2
"""For an answer."""
TT_MATCH_SEQUENCE_S = 0.4
"""For the next request."""
TT_MATCHING_RATE_S = 0.4
"""Before a car tries the whole matching again."""
TT_MATCHING_REPETITION_S = 10.0
"""How long a car keeps retrying the whole matching."""
