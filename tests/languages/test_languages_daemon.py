"""`v2g depot` with all of the grid's languages in its file: it starts them, says what is away, names who asks."""

import re
from pathlib import Path

import pytest
from tests.broker import free_port
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.languages.dnp3_master import master

pytestmark = pytest.mark.alone
FILE = """
feeders: [{{id: T1, charge_w: 20000}}]
stations: [{{id: CS1, password_file: password, evses: [{{charge_w: 11000, discharge_w: 10000}}]}}]
connect: {{listen: "127.0.0.1:0", certificate: root.pem, private_key: key.pem}}
http: {{listen: "127.0.0.1:0"}}
control: {{socket: depot.sock}}
ledger: depot.db
sunspec: {{listen: "127.0.0.1:0", writers: [127.0.0.1]}}
iec104: {{listen: "127.0.0.1:0"}}
dnp3: {{listen: "127.0.0.1:0"}}
openadr: {{url: "https://127.0.0.1:{gone}", client_id: depot, secret_file: password}}
csip: {{url: "https://127.0.0.1:{gone}", certificate: root.pem, private_key: key.pem, roots: root.pem}}
"""


def test_a_depot_speaks_all_of_them_and_goes_on_without_those_that_are_away(tmp_path: Path) -> None:
    certified(tmp_path)
    (tmp_path / "password").write_text("sixteen-characters")
    file = tmp_path / "depot.yaml"
    file.write_text(FILE.format(gone=free_port()))
    with Process([*V2G, "depot", "--config", str(file)]) as depot:
        for said in ("SunSpec clients connect", "control centre connects", "OpenADR: https://", "depot's LFDI is",
                     r"IEEE 2030.5: https://127.0.0.1:\d+: "):  # fmt: skip
            assert depot.wait_for(said, START_S), depot.output
        line = depot.wait_for("DNP3 master connects", START_S)
        assert line is not None, depot.output
        with master(int(re.findall(r":(\d+)$", line)[0])) as there:
            there.until(lambda heard: ("Analog", 4) in heard.values)
            assert there.write(508, 4_000) == "SUCCESS"
            assert there.operate(18, True) == "SUCCESS"
            status = [*V2G, "depot", "status", "--socket", str(tmp_path / "depot.sock")]
            with Process(status) as asked:
                assert asked.wait_for("DNP3 master 1, set-point", START_S), asked.output + depot.output


def test_the_file_is_checked_for_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "depot.yaml"
    file.write_text(FILE.format(gone=1).replace("https://", "http://vtn.example.com/", 1))
    with Process([*V2G, "depot", "check", "--config", str(file)]) as checked:
        assert checked.wait(START_S) == 2, checked.output
    for found in ("openadr.url: ", "openadr.secret_file: ", "csip.certificate: ", "csip.private_key: ", "csip.roots: "):
        assert found in checked.output
