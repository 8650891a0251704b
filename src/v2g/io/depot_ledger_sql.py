"""The statements of a depot's ledger: plain SQL that SQLite and PostgreSQL both take; `?` stands for a value."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS event (station TEXT NOT NULL, tx TEXT NOT NULL, seq BIGINT NOT NULL,"
    " kind TEXT NOT NULL, evse INTEGER NOT NULL, vehicle TEXT NOT NULL, at_s DOUBLE PRECISION NOT NULL,"
    " import_wh DOUBLE PRECISION, export_wh DOUBLE PRECISION, document BYTEA NOT NULL,"
    " again INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (station, tx, seq))",
    "DROP INDEX IF EXISTS event_span",
    "DROP INDEX IF EXISTS event_at",
    "CREATE TABLE IF NOT EXISTS span (station TEXT NOT NULL, tx TEXT NOT NULL, since_s DOUBLE PRECISION NOT NULL,"
    " until_s DOUBLE PRECISION NOT NULL, ended INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (station, tx))",
    "CREATE INDEX IF NOT EXISTS span_day ON span (ended, day, station, tx)",
    "CREATE INDEX IF NOT EXISTS span_until ON span (until_s)",
    "INSERT INTO span SELECT station, tx, min(at_s), max(at_s), max(CASE WHEN kind = 'Ended' THEN 1 ELSE 0 END), 0"
    " FROM event WHERE NOT EXISTS (SELECT 1 FROM span) GROUP BY station, tx",
    "CREATE TABLE IF NOT EXISTS kept (kind TEXT NOT NULL, key TEXT NOT NULL, value BYTEA NOT NULL,"
    " PRIMARY KEY (kind, key))",
    "CREATE TABLE IF NOT EXISTS decided (at_s DOUBLE PRECISION NOT NULL, charger TEXT NOT NULL,"
    " vehicle TEXT NOT NULL, power_w DOUBLE PRECISION NOT NULL, binding TEXT NOT NULL, why TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS decided_at ON decided (at_s)",
    "CREATE TABLE IF NOT EXISTS history (span_s INTEGER NOT NULL, at_s DOUBLE PRECISION NOT NULL,"
    " delivered_w DOUBLE PRECISION, requested_w DOUBLE PRECISION, frequency_hz DOUBLE PRECISION,"
    " PRIMARY KEY (span_s, at_s))",
)
"""SQLite takes BYTEA and DOUBLE PRECISION as names of its own affinities. `span` has each transaction once, so that
nobody must read millions of events to find some. `ended`: 0 while it runs, 1 once it has ended (`day` is the ledger's
when that was entered), 2 once it is forgotten."""
ENTER = (
    "INSERT INTO event (station, tx, seq, kind, evse, vehicle, at_s, import_wh, export_wh, document)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (station, tx, seq) DO UPDATE SET again = event.again + 1"
)
PUT = (
    "INSERT INTO kept (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)
FORGET = "DELETE FROM kept WHERE kind = ? AND key = ?"
DECIDE = "INSERT INTO decided (at_s, charger, vehicle, power_w, binding, why) VALUES (?, ?, ?, ?, ?, ?)"
RECORD = (
    "INSERT INTO history (span_s, at_s, delivered_w, requested_w, frequency_hz) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (span_s, at_s) DO NOTHING"
)
"""A process that was restarted within a minute has seen part of it; what came first stays."""
HISTORY = (
    "SELECT span_s, at_s, delivered_w, requested_w, frequency_hz FROM history"
    " WHERE span_s = ? AND at_s >= ? AND at_s < ? ORDER BY at_s"
)
SPAN = (
    "INSERT INTO span (station, tx, since_s, until_s, ended, day) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (station, tx) DO UPDATE SET day = excluded.day,"
    " since_s = CASE WHEN excluded.since_s < span.since_s THEN excluded.since_s ELSE span.since_s END,"
    " until_s = CASE WHEN excluded.until_s > span.until_s THEN excluded.until_s ELSE span.until_s END,"
    " ended = CASE WHEN excluded.ended > span.ended THEN excluded.ended ELSE span.ended END"
)
SPAN_S = 3_600.0
"""By which the span of a transaction may end before its last event."""
FORGET_SPANS = (
    "UPDATE span SET ended = 2 WHERE (station, tx) IN"
    " (SELECT station, tx FROM span WHERE ended = 1 AND day < ? ORDER BY day, station, tx LIMIT 100)"
)
"""No account has a part of a transaction: whole ones are forgotten, then their rows are deleted little by little."""
DELETE_EVENTS = (
    "DELETE FROM event WHERE (station, tx, seq) IN (SELECT station, tx, seq FROM event WHERE (station, tx) IN"
    " (SELECT station, tx FROM span WHERE ended = 2 ORDER BY day, station, tx LIMIT 1) LIMIT ?)"
)
DELETE_SPAN = (
    "DELETE FROM span WHERE (station, tx) IN"
    " (SELECT station, tx FROM span WHERE ended = 2 ORDER BY day, station, tx LIMIT 1) AND NOT EXISTS"
    " (SELECT 1 FROM event WHERE event.station = span.station AND event.tx = span.tx)"
)
KEPT = "SELECT kind, key, value FROM kept"
DECISIONS = (
    "SELECT at_s, charger, vehicle, power_w, binding, why FROM decided"
    " WHERE at_s >= ? AND at_s < ? AND (charger = ? OR ? = '') ORDER BY at_s LIMIT ?"
)
ACCOUNTS = (
    "SELECT station, tx, max(evse), max(vehicle), min(at_s), max(at_s),"
    " max(CASE WHEN kind = 'Ended' THEN 1 ELSE 0 END), count(*), max(seq) - min(seq) + 1 - count(*),"
    " coalesce(max(import_wh) - min(import_wh), 0), coalesce(max(export_wh) - min(export_wh), 0)"
    " FROM event WHERE (station, tx) IN"
    " (SELECT station, tx FROM span WHERE until_s >= ? AND since_s < ? AND ended < 2)"
    " GROUP BY station, tx HAVING max(at_s) >= ? ORDER BY min(at_s)"
)
"""Registers only ever rise, so their ends are their extremes. The first value is SPAN_S earlier than the third."""
FORGET_DECISIONS = "DELETE FROM decided WHERE at_s < ? AND at_s < (SELECT min(at_s) FROM decided) + 3600"
"""An hour of them at a time: also if the clock is far ahead, or the depot was off for long."""
