"""ISO 15118-20 WPT messages."""

from __future__ import annotations

from enum import auto
from typing import Annotated

import v2g.messages.iso20.wpt as wpt
from v2g.exi.facets import (
    CHOICE,
    REQUIRED,
    Base64Binary,
    Enumeration,
    Length,
    Occurs,
    Short,
    Type,
    UnsignedByte,
    UnsignedShort,
    element,
)
from v2g.messages.iso20 import types as ct

NAMESPACE = "urn:iso:std:iso:15118:-20:WPT"

Bssid = Annotated[str, Length(0, 12)]
Ipaddress = Annotated[str, Length(0, 39)]
WPT_DataContainer = Annotated[Base64Binary, Length(0, 256)]


class WPT_FinePositioningMethod(Enumeration):
    Manual = auto()
    LF_TxEV = auto()
    LF_TxPrimaryDevice = auto()
    LPE = auto()
    Proprietary = auto()


class WPT_PairingMethod(Enumeration):
    External_confirmation = "External confirmation"
    LPE = auto()
    LF_TxEV = auto()
    LF_TxPrimaryDevice = auto()
    Optical = auto()
    Proprietary = auto()


class WPT_AlignmentCheckMethod(Enumeration):
    PowerCheck = auto()
    LPE = auto()
    Proprietary = auto()


class WPT_EVPCChargeDiagnostics(Enumeration):
    EVPCNoIssue = auto()
    EVPCTempOverheatDetected = auto()
    EVPCPowerTransferAnomalyDetected = auto()
    EVPCAnomalyDetected = auto()


class WPT_SPCChargeDiagnostics(Enumeration):
    SPCNoIssue = auto()
    SPCFODDetected = auto()
    SPCLOPDetected = auto()
    SPCTempOverheatDetected = auto()
    SPCPowerTransferAnomalyDetected = auto()
    SPCAnomalyDetected = auto()


class WPT_PowerClass(Enumeration):
    MF_WPT1 = "MF-WPT1"
    MF_WPT2 = "MF-WPT2"
    MF_WPT3 = "MF-WPT3"
    MF_WPT4 = "MF-WPT4"


class WPT_EVResult(Enumeration):
    EVResultUnknown = auto()
    EVResultSuccess = auto()
    EVResultFailed = auto()


@element
class WPT_FinePositioningSetupReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    EVDeviceFinePositioningMethodList: WPT_FinePositioningMethodList
    EVDevicePairingMethodList: WPT_PairingMethodList
    EVDeviceAlignmentCheckMethodList: WPT_AlignmentCheckMethodList
    NaturalOffset: UnsignedShort
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []
    LF_SystemSetupData: WPT_LF_SystemSetupData | None = None


@element
class WPT_FinePositioningSetupRes(ct.V2GResponse):
    PrimaryDeviceFinePositioningMethodList: WPT_FinePositioningMethodList
    PrimaryDevicePairingMethodList: WPT_PairingMethodList
    PrimaryDeviceAlignmentCheckMethodList: WPT_AlignmentCheckMethodList
    NaturalOffset: UnsignedShort
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []
    LF_SystemSetupData: WPT_LF_SystemSetupData | None = None


@element
class WPT_FinePositioningReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    EVResultCode: WPT_EVResult
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []
    WPT_LF_DataPackageList: wpt.WPT_LF_DataPackageList | None = None


@element
class WPT_FinePositioningRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []
    WPT_LF_DataPackageList: wpt.WPT_LF_DataPackageList | None = None


@element
class WPT_PairingReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    ObservedIDCode: ct.NumericID | None = None
    EVResultCode: WPT_EVResult = REQUIRED
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_PairingRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    ObservedIDCode: ct.NumericID | None = None
    AlternativeSECCList: wpt.AlternativeSECCList | None = None
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_ChargeParameterDiscoveryReq(ct.ChargeParameterDiscoveryReq):
    EVPCMaxReceivablePower: ct.RationalNumber
    SDMaxGroundClearence: UnsignedShort
    SDMinGroundClearence: UnsignedShort
    EVPCNaturalFrequency: ct.RationalNumber
    EVPCDeviceLocalControl: bool
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_ChargeParameterDiscoveryRes(ct.ChargeParameterDiscoveryRes):
    PDInputPowerClass: WPT_PowerClass
    SDMinOutputPower: ct.RationalNumber
    SDMaxOutputPower: ct.RationalNumber
    SDMaxGroundClearanceSupport: UnsignedShort
    SDMinGroundClearanceSupport: UnsignedShort
    PDMinCoilCurrent: ct.RationalNumber
    PDMaxCoilCurrent: ct.RationalNumber
    SDManufacturerSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_AlignmentCheckReq(ct.V2GRequest):
    EVProcessing: ct.Processing
    TargetCoilCurrent: ct.RationalNumber | None = None
    EVResultCode: WPT_EVResult = REQUIRED
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_AlignmentCheckRes(ct.V2GResponse):
    EVSEProcessing: ct.Processing
    PowerTransmitted: ct.RationalNumber | None = None
    SupplyDeviceCurrent: ct.RationalNumber | None = None
    VendorSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_ChargeLoopReq(ct.ChargeLoopReq):
    EVPCPowerRequest: ct.RationalNumber = REQUIRED
    EVPCPowerOutput: ct.RationalNumber = REQUIRED
    EVPCChargeDiagnostics: WPT_EVPCChargeDiagnostics = REQUIRED
    EVPCOperatingFrequency: ct.RationalNumber | None = None
    EVPCPowerControlParameter: WPT_EVPCPowerControlParameter | None = None
    ManufacturerSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


@element
class WPT_ChargeLoopRes(ct.ChargeLoopRes):
    EVPCPowerRequest: ct.RationalNumber = REQUIRED
    SDPowerInput: ct.RationalNumber | None = None
    SPCMaxOutputPowerLimit: ct.RationalNumber = REQUIRED
    SPCMinOutputPowerLimit: ct.RationalNumber = REQUIRED
    SPCChargeDiagnostics: WPT_SPCChargeDiagnostics = REQUIRED
    SPCOperatingFrequency: ct.RationalNumber | None = None
    SPCPowerControlParameter: WPT_SPCPowerControlParameter | None = None
    ManufacturerSpecificDataContainer: Annotated[list[WPT_DataContainer], Occurs(0, 16)] = []


class WPT_FinePositioningMethodList(Type):
    WPT_FinePositioningMethod: Annotated[list[wpt.WPT_FinePositioningMethod], Occurs(1, 8)]


class WPT_PairingMethodList(Type):
    WPT_PairingMethod: Annotated[list[wpt.WPT_PairingMethod], Occurs(1, 8)]


class WPT_AlignmentCheckMethodList(Type):
    WPT_AlignmentCheckMethod: Annotated[list[wpt.WPT_AlignmentCheckMethod], Occurs(1, 8)]


class WPT_EVPCPowerControlParameter(Type):
    EVPCCoilCurrentRequest: ct.RationalNumber
    EVPCCoilCurrentInformation: ct.RationalNumber
    EVPCCurrentOutputInformation: ct.RationalNumber
    EVPCVoltageOutputInformation: ct.RationalNumber


class WPT_SPCPowerControlParameter(Type):
    SPCPrimaryDeviceCoilCurrentInformation: ct.RationalNumber


class WPT_LF_SystemSetupData(Type):
    LF_TransmitterSetupData: Annotated[WPT_LF_TransmitterData | None, CHOICE] = None
    LF_ReceiverSetupData: Annotated[WPT_LF_ReceiverData | None, CHOICE] = None


class WPT_LF_TransmitterData(Type):
    NumberOfTransmitters: UnsignedByte
    SignalFrequency: ct.RationalNumber
    TxSpecData: Annotated[list[WPT_TxRxSpecData], Occurs(2, 255)]
    TxPackageSpecData: WPT_TxRxPackageSpecData | None = None


class WPT_LF_ReceiverData(Type):
    NumberOfReceivers: UnsignedByte
    RxSpecData: Annotated[list[WPT_TxRxSpecData], Occurs(2, 255)]


class WPT_TxRxSpecData(Type):
    TxRxIdentifier: ct.NumericID
    TxRxPosition: WPT_CoordinateXYZ
    TxRxOrientation: WPT_CoordinateXYZ


class WPT_CoordinateXYZ(Type):
    Coord_X: Short
    Coord_Y: Short
    Coord_Z: Short


class WPT_TxRxPackageSpecData(Type):
    PulseSequenceOrder: Annotated[list[WPT_TxRxPulseOrder], Occurs(2, 255)]
    PulseSeparationTime: UnsignedShort
    PulseDuration: UnsignedShort
    PackageSeparationTime: UnsignedShort


class WPT_TxRxPulseOrder(Type):
    IndexNumber: UnsignedShort
    TxRxIdentifier: ct.NumericID


class WPT_LF_TxDataList(Type):
    WPT_LF_TxDataList: WPT_LF_TxData


class WPT_LF_TxData(Type):
    TxIdentifier: ct.NumericID
    EIRP: ct.RationalNumber


class WPT_LF_RxDataList(Type):
    WPT_LF_RxDataList: WPT_LF_RxData


class WPT_LF_RxData(Type):
    RxIdentifier: ct.NumericID
    RSSIData: WPT_LF_RxRSSIList


class WPT_LF_RxRSSIList(Type):
    RSSIDataList: WPT_LF_RxRSSI


class WPT_LF_RxRSSI(Type):
    TxIdentifier: ct.NumericID
    RSSI: ct.RationalNumber


class WPT_LF_DataPackageList(Type):
    NumPackages: UnsignedByte
    WPT_LF_DataPackage: wpt.WPT_LF_DataPackage


class WPT_LF_DataPackage(Type):
    PackageIndex: UnsignedByte
    LF_TxData: Annotated[WPT_LF_TxDataList | None, CHOICE] = None
    LF_RxData: Annotated[WPT_LF_RxDataList | None, CHOICE] = None


class AlternativeSECCList(Type):
    AlternativeSECC: Annotated[list[wpt.AlternativeSECC], Occurs(1, 8)]


class AlternativeSECC(Type):
    SSID: ct.Identifier | None = None
    BSSID: Bssid | None = None
    IPAddress: Ipaddress | None = None
    Port: UnsignedShort | None = None
