"""Times of the control pilot, in seconds, each with its source.

IEC 61851-1:2017, Annex A, Table A.6 numbers the sequences between the states; here are those with a time.

| sequence | what happens | who | time | constant |
|---|---|---|---|---|
| 2 | unplugged (B, C, D -> A) | station opens its contactor | 100 ms | `UNPLUG_S` |
| 4 | the car closes S2 with PWM on (B2 -> C2, D2) | station closes | 3 s | - |
| 6 | the station starts the PWM (C1 -> C2, D1 -> D2) | station closes | 3 s | - |
| 7 | another duty cycle | car follows the current | 5 s | `FOLLOW_S` |
| 8 | the car opens S2 (C -> B) | station opens | 100 ms | `UNPLUG_S` |
| 9.2 | PWM off and on again | station waits between | 3 s | `STEP_X1_S` |
| 10.1 | the station stops the PWM (C2 -> C1) | car opens S2 | 3 s | `YIELD_S` |
| 10.2 | the car does not open S2 | station may break the current after | 6 s | `BREAK_S` |
| - | short to earth, lost pilot (-> E, F, unknown) | station opens | 100 ms | `UNPLUG_S` |

ISO 15118-3:2015, Table 3, adds those of high-level communication.
"""

UNPLUG_S = 0.1
"""From the pilot's change to the open contactor, current broken (Table A.6, sequences 2 and 8)."""
FOLLOW_S = 5.0
"""A car has followed a change of duty cycle; the station makes no other change before (Table A.6, sequence 7)."""
STEP_X1_S = 3.0
"""Without PWM for at least this long before it starts again (Table A.6, sequence 9.2; [V2G3-M06-06])."""
YIELD_S = 3.0
"""The car has stopped drawing and opened S2 after the PWM went (Table A.6, sequence 10.1)."""
BREAK_S = 6.0
"""After this the station may open under load (Table A.6, sequence 10.2)."""

STEP_EF_S = 4.0
"""T_step_EF: least time in state E or F that a car takes for a restart ([V2G3-M06-05], [V2G3-M06-07])."""
SLAC_INIT_S = 40.0
"""TT_EVSE_SLAC_init, 20 s to 50 s: the station sends 5 % for this long to a car that does not talk."""
RETRIES = 2
"""C_sequ_retry: it tries again this often, each time after state F, before it gives up."""
TOGGLE_LEAST_S, TOGGLE_MOST_S = 0.2, 0.4
"""TP_EV_vald_state_duration: the car stays this long in each state of a BCB toggle."""
TOGGLE_TOLERANCE_S = 0.05
"""Granted to both, for debouncing and polling."""
TOGGLE_WINDOW_S = 3.5
"""TT_EVSE_vald_toggle: one to three BCB toggles come within this time."""
MOST_TOGGLES = 3
"""C_EV_vald_nb_toggles."""
TOGGLE_DETECT_S = 0.2
"""T_vald_detect_time: a change between B and C is known within this time."""

WAKE_S = 30.0
"""A car that ignores its PWM for this long may be asleep. Common practice, not in a standard."""
