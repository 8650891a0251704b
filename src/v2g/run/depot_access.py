"""Who gets in, by the configuration: stations into a depot; people and programs over HTTP."""

import time
from collections.abc import Collection

from v2g.console.access import Gate, read_users
from v2g.depot.configuration import Configuration, Http
from v2g.io.depot_configuration import password
from v2g.io.station_server import Door, tls_of
from v2g.ocpp.version import SUBPROTOCOLS


def gate(http: Http, others: Collection[str] = ()) -> Gate:
    """Of an HTTP interface. `others`: who asks elsewhere with a credential. Raises `V2GError` for a file that cannot be
    read."""
    token = None if http.token_file is None else password(http.token_file)
    users = None if http.users_file is None else read_users(http.users_file)
    programs = {each.name: password(each.token_file) for each in http.tokens}
    return Gate(
        time.monotonic, token=token, programs=programs, users=users, proxy_header=http.proxy_header, others=others
    )


def door(configuration: Configuration) -> Door:
    """Where stations connect. Raises `V2GError` for a file that cannot be read."""
    connect = configuration.connect
    passwords = {
        each.id: password(each.password_file) for each in configuration.stations if each.password_file is not None
    }
    tls = None
    if connect.security_profile > 1 and connect.certificate is not None:
        roots = connect.roots if connect.security_profile == 3 else None
        tls = tls_of(connect.certificate, connect.private_key, roots)
    serials = {each.id: each.serial or each.id for each in configuration.stations}
    versions = SUBPROTOCOLS if configuration.upstream is None else configuration.upstream.versions
    return Door(connect.security_profile, passwords, serials, tls, versions)
