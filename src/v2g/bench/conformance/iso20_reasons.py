"""Why no case shows a requirement of ISO 15118-20, and which of them the station of this project does not keep."""

from v2g.bench.conformance.suite import OF_THE_CAR

_GROUPS = {
    OF_THE_CAR: """436 437 438 439 440 734 735 847 848 849 1006 1237 1240 1310 1311 1416 1476 1477 1499 1501 1577 1582
        1615 1617 1621 1640 1820 1821 1825 1843 1858 1960 1964 1965 1969 2059 2062 2064 2097 2098 2209 2221 2339 2342
        2365 2372 2373 2411 2413 2415 2459 2539 2598 2613 2614 2615 2617 2623 2644 2674""",
    "an optional element, which a station need not send": "1275 1290 1366 2570 2663 3155",
    "standby is declined with a warning, as is permitted": "1385 1386 1391 1393 1854 2113 2192",
    "a station of this project does not renegotiate a tolerance of power": "1601",
    "it cannot be written: the schema demands an energy service": "1618",
    "it holds for a station that cannot renegotiate services": "1644 1955 1956",
    "a resumed session goes on with the service that it had (V2G20-1032)": "1645",
    "a permission: the car may leave welding detection at any time": "1630",
    "powers for each phase need a car that states them": "1815 1817 1818 1819 1823 1828",
    "no costs are stated in a Receipt": "1919",
    "nothing runs in a value-added service that could be stopped": "1985",
    "a permission that is not used, as the cable may be another one": "2122",
    "a resumed session gets schedules with numbers of its own": "1058",
    "there is no wireless LAN": "2260",
    "below the session: discovery has tests of its own": "1238",
    "how a certificate must look is checked by `v2g pki verify`": "2319 2327 2330 2331 2332 2333 2334",
    "certificates of a private environment": "2348 2382 2383 2384 2385 2391 2398 2402 2405",
    "inside TLS, and nothing of it can be seen from the car's side": """1021 1667 1668 2066 2368 2378 2379
        2389 2390 2392 2393 2403 2406 2407 2409 2446 2461 2677""",
    "a car that names its roots in TLS 1.3 cannot be made with the library: tested with `openssl s_client`": "1007",
    "how random numbers are seeded cannot be seen from outside": "2607",
    "there is no wireless power transfer": "5046 5069 5070",
    "a permission: the car selects what it was given": "1216",
}
REASONS = {f"V2G20-{number}": reason for reason, numbers in _GROUPS.items() for number in numbers.split()}

DEVIATIONS = {
    "V2G20-1864": "what flows is judged at the meter by what the station allows, not by the car's profile",
    "V2G20-2320": "both sets of curves are always accepted, in the order of the profile",
    "V2G20-3154": "a car that does not take over the settings charges, or leaves; it does not go back to choose again",
    "V2G20-2388": "OpenSSL staples the OCSP response for the leaf only, not those for the authorities",
}
"""What the station of this project does otherwise, and no case can see."""
