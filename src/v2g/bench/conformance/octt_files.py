"""OCTT, blocks A, L, M and N: certificates, firmware, logs, monitors, customer data."""

from base64 import b64encode
from typing import Any

from msgspec import UNSET

from v2g.bench.conformance import issuer
from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.octt_energy import at
from v2g.bench.conformance.octt_use import known
from v2g.bench.conformance.tester import Tester
from v2g.ocpp import v21

LINK = "it takes a connection by TLS: tests/run/test_back_end.py"
not_here(LINK, *(f"TC_A_{number:02}_CS" for number in (1, 4, 5, 6, 7, 19, 20, 21, 22)))
SIGNED = "FirmwareStatusNotification"


# A


@case("TC_A_09_CS", value="a-new-password-of-32-characters!", status="Accepted")
@case("TC_A_10_CS", value="short", status="Rejected")
def change_password(tester: Tester, value: str, status: str) -> None:
    tester.put("SecurityCtrlr", "BasicAuthPassword", value, status=status)


def renew(tester: Tester, what: str = "ChargingStationCertificate") -> Any:
    """Have the station ask for a certificate; returns its request."""
    tester.check("TriggerMessage", requestedMessage=f"Sign{what}")
    return tester.await_("SignCertificate", 30)


@case("TC_A_11_CS", what="ChargingStationCertificate", use="CSMSRootCertificate")
@case("TC_A_12_CS", what="V2GCertificate", use="V2GRootCertificate")
def renew_certificate(tester: Tester, what: str, use: str) -> None:
    root = issuer.root(tester.link.unix_s())
    tester.check("InstallCertificate", certificateType=use, certificate=root.pem)
    asked = renew(tester, what)
    chain = issuer.signed(root, asked.csr, tester.link.unix_s())
    tester.check("CertificateSigned", certificateChain=chain, certificateType=what)


not_here("there is one key for each use", "TC_A_13_CS")


@case("TC_A_14_CS")
def bad_certificate(tester: Tester) -> None:
    root, other = issuer.root(tester.link.unix_s()), issuer.root(tester.link.unix_s())
    tester.check("InstallCertificate", certificateType="CSMSRootCertificate", certificate=root.pem)
    asked = renew(tester)
    chain = issuer.signed(other, asked.csr, tester.link.unix_s())
    tester.check("CertificateSigned", "Rejected", certificateChain=chain, certificateType="ChargingStationCertificate")
    tester.await_("SecurityEventNotification", 30, type="InvalidChargingStationCertificate")


@case("TC_A_15_CS", refused=True)
@case("TC_A_23_CS", refused=False)
def no_certificate(tester: Tester, refused: bool) -> None:
    tester.put("SecurityCtrlr", "CertSigningWaitMinimum", "5")
    tester.put("SecurityCtrlr", "CertSigningRepeatTimes", "1")
    if refused:
        tester.answers["SignCertificate"] = v21.SignCertificateResponse(status="Rejected")
    renew(tester)
    if refused:
        tester.never("SignCertificate", 30)
    else:
        tester.await_("SignCertificate", 15)
        tester.never("SignCertificate", 40)


# L


def update(tester: Tester, content: bytes = b"firmware", *, status: str = "Accepted", **how: Any) -> None:
    """Offer a firmware that is signed below a root of the manufacturer."""
    now_s = tester.link.unix_s()
    root = issuer.root(now_s)
    tester.check("InstallCertificate", certificateType="ManufacturerRootCertificate", certificate=root.pem)
    signer = issuer.leaf(root if how.pop("known", True) else issuer.root(now_s), now_s)
    signed = how.pop("signed", content)
    location = how.pop("location", "https://files/firmware")
    tester.link.file(location, content)
    firmware: dict[str, Any] = {
        "location": location, "retrieveDateTime": how.pop("retrieve", at(tester)),
        "signingCertificate": signer.pem, "signature": b64encode(issuer.signature(signer, signed)).decode(),
    }  # fmt: skip
    if "install" in how:
        firmware["installDateTime"] = how.pop("install")
    if how.pop("unsigned", False):
        del firmware["signingCertificate"], firmware["signature"]
    tester.check("UpdateFirmware", status, requestId=how.pop("request", 5), firmware=firmware, **how)


def statuses(tester: Tester, *wanted: str) -> None:
    for status in wanted:
        tester.await_(SIGNED, 120, status=status)


LOADED = ("Downloading", "Downloaded", "SignatureVerified")


@case("TC_L_01_CS")
def firmware_is_installed(tester: Tester) -> None:
    update(tester)
    statuses(tester, *LOADED, "Installing", "InstallRebooting")
    tester.await_("BootNotification", 60, reason="FirmwareUpdate")
    statuses(tester, "Installed")
    tester.await_("SecurityEventNotification", 30, type="FirmwareUpdated")


@case("TC_L_02_CS")
def firmware_is_installed_later(tester: Tester) -> None:
    update(tester, install=at(tester, 40.0))
    statuses(tester, *LOADED, "InstallScheduled", "Installing")


@case("TC_L_03_CS")
def firmware_is_loaded_later(tester: Tester) -> None:
    update(tester, retrieve=at(tester, 30.0))
    statuses(tester, "DownloadScheduled", *LOADED, "Installing")


@case("TC_L_05_CS")
def firmware_of_an_unknown_signer(tester: Tester) -> None:
    update(tester, known=False, status="InvalidCertificate")
    tester.await_("SecurityEventNotification", 30, type="InvalidFirmwareSigningCertificate")


@case("TC_L_06_CS")
def firmware_with_a_wrong_signature(tester: Tester) -> None:
    update(tester, signed=b"another firmware")
    statuses(tester, "Downloading", "Downloaded", "InvalidSignature")
    tester.await_("SecurityEventNotification", 30, type="InvalidFirmwareSignature")


@case("TC_L_07_CS")
def firmware_cannot_be_loaded(tester: Tester) -> None:
    update(tester, location="https://files/fail", retries=1, retryInterval=5)
    statuses(tester, "Downloading", "DownloadFailed")


@case("TC_L_08_CS")
def firmware_cannot_be_installed(tester: Tester) -> None:
    update(tester, b"BAD")
    statuses(tester, *LOADED, "Installing", "InstallationFailed")


@case("TC_L_10_CS")
def another_firmware(tester: Tester) -> None:
    update(tester, retrieve=at(tester, 60.0))
    statuses(tester, "DownloadScheduled")
    update(tester, request=6, status="AcceptedCanceled")
    tester.await_(SIGNED, 120, status="Downloaded", requestId=6)


@case("TC_L_11_CS")
def cannot_be_cancelled(tester: Tester) -> None:
    update(tester)
    statuses(tester, "Installing")
    update(tester, request=6, status="Rejected")


@case("TC_L_12_CS", "TC_L_13_CS", allowed="true")
@case("TC_L_14_CS", allowed="true")
@case("TC_L_15_CS", allowed="false")
def firmware_waits_for_the_transaction(tester: Tester, allowed: str) -> None:
    tester.put("FirmwareCtrlr", "AllowNewSessionsPendingFirmwareUpdate", allowed)
    tester.charge()
    update(tester)
    statuses(tester, *LOADED, "InstallScheduled")
    tester.never(SIGNED, 10, status="Installing")
    tester.stop()
    statuses(tester, "Installing", "InstallRebooting")


not_here("a firmware is not installed in a transaction", "TC_L_16_CS")


@case("TC_L_18_CS")
def unsigned_firmware(tester: Tester) -> None:
    update(tester, unsigned=True, status="Rejected")


# M


@case("TC_M_01_CS", use="CSMSRootCertificate")
@case("TC_M_02_CS", use="ManufacturerRootCertificate")
@case("TC_M_03_CS", use="V2GRootCertificate")
@case("TC_M_04_CS", use="MORootCertificate")
@case("TC_M_12_CS", use="CSMSRootCertificate")
@case("TC_M_13_CS", use="ManufacturerRootCertificate")
@case("TC_M_14_CS", use="V2GRootCertificate")
@case("TC_M_16_CS", use="MORootCertificate")
@case("TC_M_20_CS", use="ManufacturerRootCertificate")
def install_list_delete(tester: Tester, use: str) -> None:
    pem = issuer.root(tester.link.unix_s()).pem
    tester.check("InstallCertificate", certificateType=use, certificate=pem)
    [found] = tester.check("GetInstalledCertificateIds", certificateType=[use]).certificateHashDataChain
    tester.equal(found.certificateType, use, "certificateType")
    data = found.certificateHashData
    named = {name: getattr(data, name) for name in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")}
    tester.check("DeleteCertificate", certificateHashData=named)
    tester.check("GetInstalledCertificateIds", "NotFound", certificateType=[use])


@case("TC_M_17_CS", asked=["CSMSRootCertificate", "ManufacturerRootCertificate"])
@case("TC_M_18_CS", asked=None)
def list_several(tester: Tester, asked: list[str] | None) -> None:
    uses = ["CSMSRootCertificate", "ManufacturerRootCertificate"]
    for use in uses:
        pem = issuer.root(tester.link.unix_s()).pem
        tester.check("InstallCertificate", certificateType=use, certificate=pem)
    found = tester.check("GetInstalledCertificateIds", certificateType=asked).certificateHashDataChain
    tester.true({each.certificateType for each in found} == set(uses), "not both are listed")


@case("TC_M_07_CS")
def no_certificate_at_all(tester: Tester) -> None:
    tester.check("InstallCertificate", "Rejected", certificateType="CSMSRootCertificate", certificate="no certificate")


@case("TC_M_15_CS")
def list_the_chain(tester: Tester) -> None:
    renew_certificate(tester, "V2GCertificate", "V2GRootCertificate")
    tester.check("GetInstalledCertificateIds", certificateType=["V2GCertificateChain"])


@case("TC_M_19_CS")
def list_nothing(tester: Tester) -> None:
    tester.check("GetInstalledCertificateIds", "NotFound", certificateType=["MORootCertificate"])


NO_SUCH = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "1"}


@case("TC_M_22_CS")
def delete_nothing(tester: Tester) -> None:
    tester.check("DeleteCertificate", "NotFound", certificateHashData=NO_SUCH)


@case("TC_M_23_CS")
def delete_the_own_certificate(tester: Tester) -> None:
    root = issuer.root(tester.link.unix_s())
    tester.check("InstallCertificate", certificateType="CSMSRootCertificate", certificate=root.pem)
    chain = issuer.signed(root, renew(tester).csr, tester.link.unix_s())
    tester.check("CertificateSigned", certificateChain=chain, certificateType="ChargingStationCertificate")
    tester.check("DeleteCertificate", "Failed", certificateHashData=issuer.hashes(chain, root))


@case("TC_M_24_CS", status="Accepted")
@case("TC_M_25_CS", status="Failed")
def state_of_the_own_chain(tester: Tester, status: Any) -> None:
    result = b64encode(b"of a responder").decode() if status == "Accepted" else UNSET
    tester.answers["GetCertificateStatus"] = v21.GetCertificateStatusResponse(status=status, ocspResult=result)
    root = issuer.root(tester.link.unix_s())
    tester.check("InstallCertificate", certificateType="V2GRootCertificate", certificate=root.pem)
    asked = renew(tester, "V2GCertificate")
    chain = issuer.signed(root, asked.csr, tester.link.unix_s(), responder="http://ocsp.example.com/")
    tester.check("CertificateSigned", certificateChain=chain, certificateType="V2GCertificate")
    data = tester.await_("GetCertificateStatus", 30).ocspRequestData
    named = issuer.hashes(chain, root)
    tester.equal({name: getattr(data, name) for name in named}, named, "ocspRequestData")
    tester.never("GetCertificateStatus", 300)


not_here(
    "it takes a car that wants a contract: tests/station/back_end/test_provisioning.py",
    *(f"TC_M_{number}_CS" for number in (26, 27, 28, 29)),
)
not_here("AdditionalRootCertificateCheck is false", "TC_M_09_CS", "TC_M_30_CS", "TC_M_31_CS")

# N


def log(tester: Tester, kind: str = "DiagnosticsLog", *, url: str = "https://files/log", request: int = 5,
        status: str = "Accepted", **more: Any) -> Any:  # fmt: skip
    return tester.check("GetLog", status, logType=kind, requestId=request, log={"remoteLocation": url}, **more)


@case("TC_N_25_CS", kind="DiagnosticsLog")
@case("TC_N_35_CS", kind="SecurityLog")
def log_is_uploaded(tester: Tester, kind: str) -> None:
    tester.true(log(tester, kind).filename, "filename is missing")
    for status in ("Uploading", "Uploaded"):
        tester.await_("LogStatusNotification", 60, status=status, requestId=5)
    tester.true(tester.link.file("https://files/log"), "nothing has arrived")


@case("TC_N_26_CS")
def log_cannot_be_uploaded(tester: Tester) -> None:
    log(tester, url="https://files/fail", retries=1, retryInterval=5)
    tester.await_("LogStatusNotification", 60, status=("UploadFailure", "PermissionDenied"))


@case("TC_N_36_CS")
def another_log(tester: Tester) -> None:
    log(tester)
    log(tester, request=6, status="AcceptedCanceled")
    tester.await_("LogStatusNotification", 30, status="AcceptedCanceled", requestId=5)
    tester.await_("LogStatusNotification", 60, status="Uploaded", requestId=6)


@case("TC_F_16_CS")
def trigger_log_status(tester: Tester) -> None:
    log(tester)
    tester.await_("LogStatusNotification", 30, status="Uploading")
    tester.check("TriggerMessage", requestedMessage="LogStatusNotification")
    tester.await_("LogStatusNotification", 30, status="Uploading", requestId=5)


@case("TC_F_19_CS")
def trigger_firmware_status(tester: Tester) -> None:
    update(tester)
    statuses(tester, "Downloading")
    tester.check("TriggerMessage", requestedMessage=SIGNED)
    tester.await_(SIGNED, 30, status="Downloading", requestId=5)


def customer(tester: Tester, status: str = "Accepted", *, report: bool, clear: bool, **who: Any) -> None:
    tester.check("CustomerInformation", status, requestId=4, report=report, clear=clear, **who)


@case("TC_N_27_CS", clear=False, known_here=True)
@case("TC_N_28_CS", clear=False, known_here=False)
@case("TC_N_30_CS", clear=True, known_here=True)
@case("TC_N_31_CS", clear=True, known_here=False)
def customer_data(tester: Tester, clear: bool, known_here: bool) -> None:
    if known_here:
        known(tester)
    who = {"idToken": tester.car, "type": "Central"}
    customer(tester, report=True, clear=clear, idToken=who)
    data = "".join(part.data for part in tester.parts("NotifyCustomerInformation", request=4))
    tester.true(not known_here or tester.car in data or data == "", "the data is of somebody else")


@case("TC_N_32_CS")
def customer_data_is_cleared(tester: Tester) -> None:
    customer(tester, report=False, clear=True, idToken={"idToken": tester.car, "type": "Central"})


@case("TC_N_62_CS", who={"customerIdentifier": "C-1"})
@case(
    "TC_N_63_CS",
    who={
        "customerCertificate": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "00",
            "issuerKeyHash": "00",
            "serialNumber": "1",
        }
    },
)
def customer_by_another_name(tester: Tester, who: dict[str, Any]) -> None:  # fmt: skip
    customer(tester, report=True, clear=True, **who)
    tester.parts("NotifyCustomerInformation", request=4)
