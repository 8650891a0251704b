"""The cars of the cases of ISO 15118-20, and the list of those cases that are written one by one."""

from v2g.bench.conformance.authorizers import NOBODY, NOTHING
from v2g.bench.conformance.place import Scene
from v2g.bench.conformance.suite import Cases
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.service import ControlMode, Service

DC = Scene(D20.name, Service.DC)
AC = Scene(D20.name, Service.AC)
DC_DYNAMIC = Scene(D20.name, Service.DC_BPT, ControlMode.DYNAMIC)
AC_DYNAMIC = Scene(D20.name, Service.AC_BPT, ControlMode.DYNAMIC)
BOTH = (DC, AC)
EVERY = (DC, AC, DC_DYNAMIC, AC_DYNAMIC)
CONTRACT = Scene(D20.name, Service.DC, ControlMode.DYNAMIC, contract=True)
CHARGING = Scene(D20.name, Service.DC_BPT, duration_s=20.0, wish_w=4_000.0)
DISCHARGING = Scene(D20.name, Service.DC_BPT, duration_s=20.0, wish_w=-4_000.0)
INSTALLS = Scene(D20.name, Service.DC, ControlMode.DYNAMIC, contract=True, request="CertificateInstallation")
INSTALLS_448 = Scene(
    D20.name, Service.DC, ControlMode.DYNAMIC, contract=True, curve="ed448", request="CertificateInstallation"
)
DER = (
    Scene(D20.name, Service.AC_DER_IEC, ControlMode.DYNAMIC),
    Scene(D20.name, Service.AC_DER_SAE, ControlMode.SCHEDULED),
)
CONFIRMS = Scene(D20.name, Service.DC, ControlMode.DYNAMIC, contract=True, duration_s=8.0)
REFUSED = Scene(D20.name, Service.DC, authorizer=NOBODY)
UNDECIDED = Scene(D20.name, Service.DC, authorizer=NOTHING)
case = Cases("V2G20-")
