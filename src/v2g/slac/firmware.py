"""Which power-line modems match cars at a station, and which of their firmware is known from stations and cars in use.

A station's modem has to measure the attenuation of a car's sounds (CM_ATTEN_PROFILE.IND). Modems for homes (QCA7420,
QCA7500, AR7420, INT6x00) do not: they can serve a car, not a station (issue 156 of github.com/qca/open-plc-utils).
"""

import re
from enum import Enum

KNOWN = {
    "MAC-QCA7000-1.1.0.727-02-20130826-FINAL": "a car's modem, read by plctool",
    "MAC-QCA7000-1.1.0.730-04-20140815-CS": "a meter's power-line hub",
    "MAC-QCA7005-1.1.0.730-04-20140815-CS": "Hyundai Ioniq, and the modems of openinverter.org",
    "MAC-QCA7000-1.1.3.1531-00-20150204-CS": "the user guide of a charge controller (tarragon, I2SE)",
    "MAC-QCA7000-1.2.5.3207-00-20180927-CS": "a station with pyslac, issue 9 of github.com/ecog-io/pyslac",
    "MAC-QCA7005-1.2.5.3207-00-20180927-CS": "the car beside it",
    "MAC-QCA7000-3.1.0.14-20211111-CS": "issue 18 of github.com/devolo/dlan-greenphy-sdk",
}
"""Firmware of Qualcomm's modems -> where it was seen."""
_MEASURES = re.compile(r"QCA700[056]|Lumissil|CG5317")


class Modem(Enum):
    """What is known of one, by its version."""

    KNOWN = "model and firmware are known"
    OTHER_FIRMWARE = "the model measures attenuation, its firmware is not known"
    NO_FIRMWARE = "only its boot loader runs"
    UNFIT = "not known to match cars"


def judge(version: str) -> Modem:
    """`version`: make and version, as `v2g plc init` prints it."""
    firmware = version.rpartition(" ")[2]
    if firmware == "BootLoader":  # so says a QCA7000 or QCA7005 that could not load any from its flash memory
        return Modem.NO_FIRMWARE
    if not _MEASURES.search(version):
        return Modem.UNFIT
    return Modem.KNOWN if firmware in KNOWN else Modem.OTHER_FIRMWARE
