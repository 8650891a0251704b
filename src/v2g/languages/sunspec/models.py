"""The models that a plant offers, with the values that never change: what it is, its scale factors, its functions."""

from collections.abc import Iterator

from v2g.languages.plant import LIMITED, PERMITTED, About, Ratings, Seen
from v2g.languages.sunspec.functions import DRAFT, IN_FORCE, MODE, Function, functions
from v2g.power.sunspec.image import Model
from v2g.power.sunspec.model import Value

Values = dict[str, Value]
_MOST = 30_000
"""Of a register of 16 bits, with room for what is above the ratings."""
_HEADROOM = 1.5
_STEMS = {"WSet": True, "WMaxLimPct": LIMITED, "VarSet": MODE, "PFWInj": MODE, "PFWAbs": MODE}
"""Functions of model 704, and the setting that a code needs for them."""


def exponent(most: float) -> int:
    """The smallest power of ten with which `most` fits into a register."""
    found = 0
    while most / 10.0**found > _MOST:
        found += 1
    return found


def models(about: About, seen: Seen) -> list[Model]:
    """All of them, in the order of their registers."""
    known = functions(seen.settings)
    found = [Model(1, _common(about)), Model(701, _measurement(seen.ratings)), Model(702, _capacity(seen, known))]
    if PERMITTED in seen.settings:
        found.append(Model(703, {"V_SF": -2.0, "Hz_SF": -3.0}))
    found.append(Model(704, _controls(seen)))
    found += [Model(number, _function(function)) for number, function in sorted(known.items())]
    wh = exponent(seen.ratings.most_wh)
    found.append(Model(713, {"WH_SF": float(wh), "Pct_SF": -2.0, "Sta": "OK"}))
    if seen.ports:
        found.append(Model(714, _dc(seen)))
    return found


def _common(about: About) -> Values:
    return {"Mn": about.maker, "Md": about.model, "Vr": about.version, "SN": about.serial}


def _measurement(ratings: Ratings) -> Values:
    scale = float(exponent(_HEADROOM * ratings.apparent_va))
    amperes = exponent(10 * _HEADROOM * ratings.apparent_va / ratings.nominal_v) - 1
    return {
        "ACType": "THREE_PHASE" if ratings.phases == 3 else "SINGLE_PHASE",
        "DERMode": frozenset({"GRID_FOLLOWING"}),
        "A_SF": float(amperes),
        "V_SF": -1.0,
        "Hz_SF": -3.0,
        "W_SF": scale,
        "PF_SF": -3.0,
        "VA_SF": scale,
        "Var_SF": scale,
        "TotWh_SF": 0.0,
        "Tmp_SF": -1.0,
    }


def _capacity(seen: Seen, known: dict[int, Function]) -> Values:
    scale = float(exponent(_HEADROOM * seen.ratings.apparent_va))
    modes = {
        "MAX_W": LIMITED in seen.settings, "FIXED_W": True, "FIXED_VAR": MODE in seen.settings,
        "FIXED_PF": MODE in seen.settings, "VOLT_VAR": 705 in known, "FREQ_WATT": 711 in known, "LV_TRIP": 707 in known,
        "HV_TRIP": 708 in known, "WATT_VAR": 712 in known, "VOLT_WATT": 706 in known, "LF_TRIP": 709 in known,
        "HF_TRIP": 710 in known,
    }  # fmt: skip
    nominal_v = seen.ratings.nominal_v
    return {
        "CtrlModes": frozenset(name for name, there in modes.items() if there),
        "VNomRtg": nominal_v,
        "VNom": nominal_v,
        "W_SF": scale,
        "VA_SF": scale,
        "Var_SF": scale,
        "V_SF": -1.0,
        "A_SF": -1.0,
        "PF_SF": -3.0,
    }


def _controls(seen: Seen) -> Values:
    values: Values = {
        "PF_SF": -4.0, "WMaxLimPct_SF": -2.0, "WSet_SF": 0.0, "WSetPct_SF": -2.0, "VarSetPct_SF": -2.0,
    }  # fmt: skip
    for stem, needed in _STEMS.items():
        if needed is not True and needed not in seen.settings:
            continue
        values |= {f"{stem}Ena": "DISABLED", f"{stem}EnaRvrt": "DISABLED", f"{stem}RvrtTms": 0.0, f"{stem}RvrtRem": 0.0}
        if stem.startswith("PFW"):
            for group in (stem, f"{stem}Rvrt"):
                values |= {f"{group}.PF": 1.0, f"{group}.Ext": "UNDER_EXCITED"}
    if LIMITED in seen.settings:
        values |= {"WMaxLimPct": 100.0, "WMaxLimPctRvrt": 100.0}
    if MODE in seen.settings:
        values |= {"VarSetMod": "VA_MAX_PCT", "VarSetPri": "REACTIVE", "VarSetPct": 0.0, "VarSetPctRvrt": 0.0}
    values |= {"WSetMod": "WATTS", "WSet": 0.0, "WSetRvrt": 0.0, "WSetPct": 0.0, "WSetPctRvrt": 0.0}
    if "ramp_rate.pu_per_s" in seen.settings:
        values |= {"WRmp": 100.0, "WRmpRef": "W_MAX"}
    if "islanding.probe_enabled" in seen.settings:
        values["AntiIslEna"] = "ENABLED"
    return values


def _function(function: Function) -> Values:
    number, stem = function.number, function.stem
    counts = {"NCtl": 2.0} if stem == "Ctl" else {"NCrvSet" if function.group else "NCrv": 2.0}
    values: Values = {
        **counts, "Ena": "DISABLED", f"Adpt{stem}Req": 0.0, f"Adpt{stem}Rslt": "COMPLETED",
        f"{stem}[{IN_FORCE}].ReadOnly": "R", f"{stem}[{DRAFT}].ReadOnly": "RW",
    }  # fmt: skip
    if function.points:
        values["NPt"] = float(function.points)
    if function.reverts:
        values |= {"RvrtTms": 0.0, "RvrtRem": 0.0, f"Rvrt{stem}": float(IN_FORCE)}
    return values | dict(_scales(number)) | dict(_unused(function))


def _scales(number: int) -> Iterator[tuple[str, Value]]:
    names = {
        703: {"V_SF": -2, "Hz_SF": -3},
        705: {"V_SF": -2, "DeptRef_SF": -2, "RspTms_SF": -1},
        706: {"V_SF": -2, "DeptRef_SF": -2, "RspTms_SF": -1},
        711: {"Db_SF": -3, "K_SF": -4, "RspTms_SF": -1},
        712: {"W_SF": -2, "DeptRef_SF": -2},
        709: {"Hz_SF": -3, "Tms_SF": -3},
        710: {"Hz_SF": -3, "Tms_SF": -3},
    }
    for name, scale in names.get(number, {"V_SF": -2, "Tms_SF": -3}).items():
        yield name, float(scale)


def _unused(function: Function) -> Iterator[tuple[str, Value]]:
    """Of the trips: the station rides through by the grid code, and shows no curve of that."""
    for index in (IN_FORCE, DRAFT):
        if function.group:
            yield f"Crv[{index}].MayTrip.ActPt", 0.0
            yield f"Crv[{index}].MomCess.ActPt", 0.0
        elif function.number in (705, 712):
            yield f"Crv[{index}].Pri", "REACTIVE"


def _dc(seen: Seen) -> Values:
    scale = float(exponent(_HEADROOM * seen.ratings.apparent_va))
    values: Values = {"NPrt": float(len(seen.ports)), "DCA_SF": -1.0, "DCV_SF": -1.0, "DCW_SF": scale}
    for index, port in enumerate(seen.ports, 1):
        values |= {f"Prt[{index}].PrtTyp": "EV", f"Prt[{index}].ID": float(index), f"Prt[{index}].IDStr": port.name}
    return values
