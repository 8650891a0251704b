#!/usr/bin/env bash
# Installs, upgrades, removes and purges the Debian package in dist/ on the machine that this runs on: a fresh root, as
# root (tools/prove.py). A loop stands for systemd, which starts the daemon again when it ends.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
first=$(ls dist/v2g_*-1_"$(dpkg --print-architecture)".deb) second=$(ls dist/v2g_*-2_"$(dpkg --print-architecture)".deb)
depot=$(ls dist/v2g-depot_*-2_"$(dpkg --print-architecture)".deb)
fleet=$(ls dist/v2g-fleet_*-2_"$(dpkg --print-architecture)".deb)
say() { echo "== $*"; }
fail() {
    echo "FAILED: $*" >&2
    tail -n 30 /tmp/daemon.log /tmp/car.json /tmp/car.log /var/log/v2g/*.log >&2 2>/dev/null || true
    exit 1
}

apt-get -qq update
apt-get -qq -y --no-install-recommends install python3 adduser logrotate procps >/dev/null 2>&1
find / -xdev \( -path /proc -o -path /src -o -path /tmp -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/apt \) -prune -o -print |
    grep -v -e '^/var/lib/apt' -e '^/var/log/dpkg' -e '__pycache__' | sort >/tmp/before

say install
apt-get -qq -y --no-install-recommends install "./$first" >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
grep -q "systemctl enable --now v2g-daemon" /tmp/install.log || fail "no next step is printed"
v2g --version
[ "$(stat -c '%U:%G %a' /etc/v2g /etc/v2g/config.yaml /etc/ssl/v2g /var/lib/v2g /var/log/v2g | tr '\n' ' ')" = \
    "root:v2g 750 root:v2g 640 root:v2g 750 v2g:v2g 750 v2g:v2g 750 " ] || fail "modes"
dpkg-query -W -f '${Conffiles}\n' v2g | grep -q /etc/v2g/config.yaml || fail "config.yaml is no conffile"
logrotate --debug /etc/logrotate.d/v2g 2>/dev/null
for each in v2g_daemon grid_inject_cmd modbus_write; do "$each" --help >/dev/null; done
test -e /usr/share/man/man1/v2g.1.gz -a -e /usr/share/bash-completion/completions/v2g

say "a session"
cat >/etc/v2g/config.yaml <<'END'
evses:
  - services: [DC_BPT, DC]
    access: {grant: everyone, discharge: true, bench_discharge: true}
    nominal_hz: 50
    dispatch: [{power_w: 7000}]
    inverter: {address: "modbus://127.0.0.1:5021?unit=1"}
    meter: {address: "modbus://127.0.0.1:5021?unit=2"}
    isolation: {address: "modbus://127.0.0.1:5021?unit=3"}
    contactor: {address: "modbus://127.0.0.1:5022"}
    grid: {address: "modbus://127.0.0.1:5023"}
    grid_code: {name: ieee1547-cat3, settings: {enter_service.delay_s: 0, enter_service.ramp_s: 0}}
END
v2g sim contactor --listen 127.0.0.1:5022 --log /dev/null >/dev/null &
v2g sim grid --listen 127.0.0.1:5023 --nominal 50 >/dev/null &
v2g sim plant --listen 127.0.0.1:5021 --contactor 127.0.0.1:5022 --grid 127.0.0.1:5023 >/dev/null &
install -d -o v2g -g v2g -m 0750 /run/v2g
while [ ! -e /tmp/no-more ]; do runuser -u v2g -- v2g_daemon --no-tls >>/tmp/daemon.log 2>&1 || sleep 0.2; done &
up() { until v2g status >/dev/null 2>&1; do sleep 0.2; done; }
transfers() { v2g status --json | grep -q '"stage": "ENERGY"'; }
car() { # in the background, for SECONDS
    v2g ev --no-tls --host ::1 --port 15118 --battery 127.0.0.1:5021 --duration "$1" --json >/tmp/car.json 2>/tmp/car.log &
    car=$!
    until transfers; do sleep 0.2; done
}
pid() { pgrep -o -f 'python3 -I /usr/bin/v2g_daemon'; }
up

say "an upgrade while energy flows"
car 300
before=$(pid)
dpkg --force-confold --unpack "./$second" >/tmp/upgrade.log 2>&1 || fail "$(cat /tmp/upgrade.log)"
kill -INT "$car"; wait "$car" || true
car 300 # before it is configured, a new session: the daemon loads modules late
[ "$(pid)" = "$before" ] || fail "the daemon was restarted before the package was configured"
dpkg --force-confold --configure v2g >>/tmp/upgrade.log 2>&1 || fail "$(cat /tmp/upgrade.log)"
grep "energy is being transferred" /tmp/upgrade.log || fail "no reason is printed: $(cat /tmp/upgrade.log)"
grep "restarts once no car is in session" /tmp/upgrade.log || fail "it is not said when it restarts"
transfers || fail "the session was ended"
[ "$(pid)" = "$before" ] || fail "the daemon was restarted"
grep -q "dispatch: \[{power_w: 7000}\]" /etc/v2g/config.yaml || fail "the configuration was replaced"
kill -INT "$car"; wait "$car" || true
grep -q '"result": "ok"' /tmp/car.json || fail "$(cat /tmp/car.json)"
for _ in $(seq 100); do [ "$(pid || echo "$before")" != "$before" ] && break; sleep 0.2; done
up
[ "$(pid)" != "$before" ] || fail "it does not restart after the session"
grep -q -- "/[.]kept/[^/]*-2/" "/proc/$(pid)/maps" || fail "it runs the old version: $(grep v2g "/proc/$(pid)/maps")"
say "the new version serves"
car 3 && wait "$car"
grep -q '"result": "ok"' /tmp/car.json || fail "$(cat /tmp/car.json)"

say "a configuration that has become unfit restarts nothing"
before=$(pid)
sed -i.good s/services/servces/ /etc/v2g/config.yaml
if v2g restart 2>/tmp/refused; then fail "restarted with an unfit configuration"; fi
grep "did you mean services" /tmp/refused || fail "$(cat /tmp/refused)"
mv /etc/v2g/config.yaml.good /etc/v2g/config.yaml
[ "$(pid)" = "$before" ] || fail "the daemon was restarted"

say "the depot's package, beside a daemon that transfers energy"
car 300
before=$(pid)
apt-get -qq -y --no-install-recommends install "./$depot" >/tmp/depot.log 2>&1 || fail "$(cat /tmp/depot.log)"
[ "$(stat -c '%U:%G %a' /etc/v2g/depot.yaml)" = "root:v2g 640" ] || fail "mode of depot.yaml"
dpkg-query -W -f '${Conffiles}\n' v2g-depot | grep -q /etc/v2g/depot.yaml || fail "depot.yaml is no conffile"
cat >/etc/v2g/depot.yaml <<'END'
feeders: [{id: site, charge_w: 250000, discharge_w: 200000}]
stations: [{id: CS-01, password_file: CS-01.password, evses: [{id: 1, feeder: site, charge_w: 15000, discharge_w: 15000}]}]
connect: {listen: "127.0.0.1:9000", security_profile: 1}
ledger: /var/lib/v2g/depot.db
control: {socket: /run/v2g/depot.sock}
END
echo 0123456789abcdef >/etc/v2g/CS-01.password
runuser -u v2g -- v2g depot check
start=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/v2g-depot.service) || fail "no unit"
runuser -u v2g -- $start >/tmp/depot.log 2>&1 &
depot_runs=$!
for _ in $(seq 100); do
    v2g depot status --socket /run/v2g/depot.sock >/tmp/depot.status 2>&1 && break
    sleep 0.2
done
grep -q CS-01 /tmp/depot.status || fail "$(cat /tmp/depot.status /tmp/depot.log)"
pkill -TERM -P $depot_runs; wait $depot_runs || true

say "the fleet's package: its message server, the fleet, a depot that joins it"
apt-get -qq -y --no-install-recommends install "./$fleet" >/tmp/fleet.log 2>&1 || fail "$(cat /tmp/fleet.log)"
[ "$(stat -c '%U:%G %a' /etc/v2g/fleet.yaml)" = "root:v2g 640" ] || fail "mode of fleet.yaml"
dpkg-query -W -f '${Conffiles}\n' v2g-fleet | grep -q /etc/v2g/fleet.yaml || fail "fleet.yaml is no conffile"
cat >/etc/v2g/fleet.yaml <<'END'
fleet: north
servers: {urls: ["nats://127.0.0.1:4222"], replicas: 1, password_file: passwords/fleet.password, system_password_file: passwords/system.password}
depots: [{id: harbour, charge_w: 250000, discharge_w: 200000, password_file: passwords/harbour.password}]
ledger: /var/lib/v2g/fleet.db
control: {socket: /run/v2g/fleet.sock}
END
cat >>/etc/v2g/depot.yaml <<'END'
member_of: {servers: ["127.0.0.1:7422"], depot: harbour, password_file: passwords/harbour.password, port: 4333}
END
v2g fleet servers 127.0.0.1 --output /tmp/servers
chgrp -R v2g /etc/v2g/passwords && chmod -R g+rX /etc/v2g/passwords
install -m 0640 -g v2g /tmp/servers/hub-1.conf /etc/v2g/
install -d -o v2g -g v2g -m 0750 /var/lib/nats # as systemd does (StateDirectory)
runuser -u v2g -- v2g fleet check && runuser -u v2g -- v2g depot check
as_unit() { # UNIT LOG [INSTANCE]: what systemd would start
    command=$(sed -n 's/^ExecStart=//p' "/usr/lib/systemd/system/$1") || fail "no unit $1"
    runuser -u v2g -- ${command//%i/${3:-}} >"$2" 2>&1 &
}
as_unit v2g-nats@.service /tmp/nats.log hub-1
as_unit v2g-fleet.service /tmp/fleet.log
as_unit v2g-depot.service /tmp/depot.log
for _ in $(seq 200); do
    grep -q 'harbour has joined' /tmp/depot.log && break
    sleep 0.2
done
runuser -u v2g -- v2g fleet doctor --json >/tmp/fleet.status || true # one server alone is a fault to it
grep -q 'runs, 1 of 1 depots are heard of' /tmp/fleet.status || fail "$(cat /tmp/fleet.status /tmp/fleet.log /tmp/depot.log /tmp/nats.log)"
pkill -TERM -u v2g -f 'fleet|nats-server|/usr/bin/v2g depot'; sleep 1
rm -r /etc/v2g/CS-01.password /etc/v2g/passwords /etc/v2g/hub-1.conf
apt-get -qq -y purge v2g-fleet v2g-depot >/tmp/depot.log 2>&1 || fail "$(cat /tmp/depot.log)"
[ ! -e /etc/v2g/depot.yaml ] && [ ! -e /etc/v2g/fleet.yaml ] || fail "depot.yaml or fleet.yaml is left"
transfers || fail "the session was ended"
[ "$(pid)" = "$before" ] || fail "the daemon was restarted"
kill -INT "$car"; wait "$car" || true
grep -q '"result": "ok"' /tmp/car.json || fail "$(cat /tmp/car.json)"

say "no removal while energy flows"
car 300
if apt-get -qq -y remove v2g >/tmp/remove.log 2>&1; then fail "it was removed"; fi
grep "energy is being transferred" /tmp/remove.log || fail "no reason is printed: $(cat /tmp/remove.log)"
kill -INT "$car"; wait "$car" || true
grep -q '"result": "ok"' /tmp/car.json || fail "$(cat /tmp/car.json)"

say remove
touch /tmp/no-more
v2g restart >/dev/null
apt-get -qq -y remove v2g >/tmp/remove.log 2>&1 || fail "$(cat /tmp/remove.log)"
[ -e /etc/v2g/config.yaml ] && [ ! -e /usr/bin/v2g ] && [ ! -e /usr/lib/v2g ] || fail "$(ls /etc/v2g /usr/lib/v2g)"

say purge
apt-get -qq -y purge v2g >/tmp/purge.log 2>&1 || fail "$(cat /tmp/purge.log)"
kill $(jobs -p) 2>/dev/null || true
find / -xdev \( -path /proc -o -path /src -o -path /tmp -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/apt \) -prune -o -print |
    grep -v -e '^/var/lib/apt' -e '^/var/log/dpkg' -e '__pycache__' | sort >/tmp/after
diff /tmp/before /tmp/after >/tmp/left || { grep '^>' /tmp/left | grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\)-\?$' && fail "this is left"; }
echo "installed, upgraded during a session, removed, purged: $(. /etc/os-release && echo "$PRETTY_NAME"), $(python3 --version)"
