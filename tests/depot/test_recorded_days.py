"""Days in virtual time from files of sessions and prices."""

from datetime import date
from pathlib import Path

import pytest
from tests.depot.test_day import scene

from v2g.cli import main
from v2g.depot.simulate.day import BEGINS_S, Recorded, Session, run, visits
from v2g.depot.simulate.strategy import STRATEGIES
from v2g.io import recorded_days
from v2g.kernel.errors import V2GError

OURS = "# a comment\ndeparture,arrival,who,energy_kwh\n2026-11-02 16:30,2026-11-02T08:00:30,x,12.5\n"
ACN = (
    "_id,connectionTime,disconnectTime,kWhDelivered,timezone\n"
    'a,"Wed, 25 Apr 2018 15:00:30 GMT","Wed, 25 Apr 2018 23:30:00 GMT",12.5,America/Los_Angeles\n'
)
ELAAD = (
    "\ufeffTransactionId;UTCTransactionStart;UTCTransactionStop;TotalEnergy\n"
    "1;13/02/2019 08:00:30;13/02/2019 16:30;12,5\n"
)


def written(folder: Path, text: str) -> Path:
    file = folder / "file.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", [OURS, ACN, ELAAD], ids=["ours", "ACN-Data", "ElaadNL"])
def test_sessions_are_read_as_they_are_published(text: str, tmp_path: Path) -> None:
    found = recorded_days.sessions(written(tmp_path, text))
    assert found == ((Session(8 * 3600.0 + 30.0, 8.5 * 3600.0 - 30.0, 12_500.0),), 0, 0)


def test_visits_in_which_nothing_was_charged_are_left_out_and_counted(tmp_path: Path) -> None:
    more = "2026-11-02 08:00,2026-11-02 09:00,x,0\n,2026-11-02 09:00,x,3\n2026-11-02 08:00,2026-11-02 09:00,x,3\n"
    found = recorded_days.sessions(written(tmp_path, OURS + more))
    assert (len(found.sessions), found.left_out, found.first_left_out) == (1, 3, 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("arrival,energy_kwh\n", ":1: no column departure (or disconnectTime"),
        (OURS + "2026-11-02 16:30,8 o'clock,x,1\n", ':4: "8 o\'clock" is no time; write 2026-11-02 07:58'),
        (OURS + "2026-11-02 16:30,0001-01-01,x,1\n", ":4: '0001-01-01' is no time"),
        (OURS + "2026-12-31 16:30,2026-11-02,x,1\n", ":4: 59 days from arrival to departure; at most 31"),
        (OURS + "2026-11-02 16:30,2026-11-02,x,nan\n", ":4: nan kWh; at most 1000"),
        (OURS + "2026-11-02 16:30,2026-11-02,x,much\n", ":4: 'much' is no number"),
        (OURS + "2026-11-02 16:30\n", ":4: 1 fields; line 2 names 4"),
        (OURS.replace("12.5", "0"), "no session"),
        (ACN.replace("America/Los_Angeles", "../../etc/passwd"), ":2: '../../etc/passwd' is no time zone"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(V2GError) as error:
        recorded_days.sessions(written(tmp_path, text))
    assert said in str(error.value)


def test_a_price_holds_until_the_next_one_also_where_clocks_change(tmp_path: Path) -> None:
    hours = [f"2026-03-29T{hour:02}:00+01:00,{hour}" for hour in range(24) if hour != 2]  # set forward
    text = "\n".join(["from,eur_per_mwh", "2026-03-28T23:15,99", *hours, "2026-03-29T23:45,-5", ""])
    found = recorded_days.prices(written(tmp_path, text), 1, None)
    assert len(found) == 96
    assert found[:12] == (0.0,) * 4 + (1.0,) * 8
    assert found[-5:] == (22.0, 23.0, 23.0, 23.0, -5.0)


def test_prices_per_kwh_and_those_of_ember_are_understood(tmp_path: Path) -> None:
    hours = [f"NL,,2026-11-02 {hour:02}:00:00,{hour}" for hour in range(24)]
    ember = "\n".join(["Country,Datetime (UTC),Datetime (Local),Price (EUR/MWhe)", "NL,,,0", *hours])
    assert recorded_days.prices(written(tmp_path, ember), 1, date(2026, 11, 2))[::4] == tuple(map(float, range(24)))
    tariff = "from,buy_per_kwh\n2026-11-02,0.25\n2026-11-02T01:00,0.25\n"
    with pytest.raises(
        V2GError, match=r"from 2026-11-02 00:00 to 2026-11-02 02:00, not of all days from 2026-11-02 to"
    ):
        recorded_days.prices(written(tmp_path, tariff), 1, None)
    with pytest.raises(V2GError, match=r":3: no price for 2:00:00 after this one"):
        recorded_days.prices(written(tmp_path, f"{tariff}2026-11-03,0.25\n"), 1, None)


def test_each_visit_is_one_of_the_sessions_and_each_kwh_has_its_price() -> None:
    of = scene(days=2, feed_pu=0.0)
    session = Session(9 * 3600.0, 6 * 3600.0, 10_000.0)
    coming = list(visits(of, (session,)))
    assert [(at - BEGINS_S, car.departure_unix_s - at) for at, _, car in coming if car.departure_unix_s] == (
        [(9 * 3600.0, 6 * 3600.0)] * 12 + [(33 * 3600.0, 6 * 3600.0)] * 12
    )
    quarters = (50.0,) * 96 + (150.0,) * 96  # both days charge the same
    found = run(of, "edf", STRATEGIES["edf"](of.step_s), recorded=Recorded(
        sessions=(session,), prices_eur_per_mwh=quarters))  # fmt: skip
    assert found.charged_kwh > 200.0
    assert found.cost_eur == pytest.approx(found.charged_kwh * 0.1, rel=0.02)


def test_the_command_takes_both_and_says_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, OURS + "2026-11-02 08:00,2026-11-02 09:00,x,0\n")
    prices = tmp_path / "prices.csv"
    prices.write_text("from,eur_per_mwh\n" + "".join(f"2026-11-02 {hour:02}:00,70\n" for hour in range(24)))
    words = ["depot", "simulate", "--chargers", "2", "--cycle-s", "60", "--strategy", "edf", "--sessions", str(file)]
    assert main([*words, "--prices", str(prices)]) == 0
    assert f"{file}:4: 1 of 2 rows left out" in capsys.readouterr().err
    assert main([*words, "--first-day", "2026-11-02"]) == 2
    assert "--first-day: is of --prices" in capsys.readouterr().err
    assert main([*words, "--prices", str(prices), "--days", "2"]) == 2
    assert "choose another --first-day" in capsys.readouterr().err
