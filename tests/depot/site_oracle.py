"""What a day with known prices and loads costs at least: a linear programme of its own, with perfect foresight."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, eye, hstack, tril

from v2g.depot.simulate.home import Stay

Floats = npt.NDArray[np.float64]
HOURS = 0.25


def least_cost(
    stay: Stay, rating_w: float, efficiency: float, loads_w: Floats, buy: Floats, sell: Floats, begins_s: float,
    wear_per_kwh: float, draw_w: float, export_w: float,
) -> float:  # fmt: skip
    """Energy and wear. Unknowns in kW: charge, discharge, drawn, fed. Infinite if the need cannot be met."""
    steps = len(loads_w)
    begins = begins_s + 900.0 * np.arange(steps)
    there = np.clip((np.minimum(begins + 900.0, stay.until_s) - np.maximum(begins, stay.from_s)) / 900.0, 0.0, 1.0)
    one, none = eye(steps), csr_matrix((steps, steps))
    balance = hstack([one, -one, -one, one])
    until = tril(np.ones((steps, steps)))
    energy = hstack([until * (efficiency * HOURS), until * (-HOURS / efficiency), none, none]).tocsr()
    begin_kwh = stay.soc_pu * stay.capacity_wh / 1000.0
    floor_kwh = (stay.floor_pu or 0.0) * stay.capacity_wh / 1000.0
    rows = [energy, -energy, -energy[-1]]
    most = np.concatenate([
        np.full(steps, stay.capacity_wh / 1000.0 - begin_kwh),
        np.full(steps, begin_kwh - min(floor_kwh, begin_kwh)),
        [begin_kwh - (stay.target_pu or 0.0) * stay.capacity_wh / 1000.0],
    ])  # fmt: skip
    cost = HOURS * np.concatenate([np.zeros(steps), np.full(steps, wear_per_kwh), buy, -sell])
    upper = np.concatenate([rating_w / 1000.0 * there, rating_w / 1000.0 * there, np.full(steps, draw_w / 1000.0),
                            np.maximum(export_w, -loads_w) / 1000.0])  # fmt: skip
    found = linprog(
        cost, A_ub=np.vstack([each.toarray() for each in rows]), b_ub=most, A_eq=balance.tocsr(),
        b_eq=-loads_w / 1000.0, bounds=np.column_stack([np.zeros(4 * steps), upper]),
    )  # fmt: skip
    return float(found.fun) if found.success else float("inf")
