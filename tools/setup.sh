#!/usr/bin/env bash
# Makes this machine ready: tools/setup.sh WHAT ..., each one of those below.
#
# `venv` builds the Python environment in .venv with what the station needs, `depot` and `fleet` add what these need,
# `dev` what the tests need. The others are the system's tools that demo, tests and benchmarks use: on Debian root gets
# those that are missing, everybody else reads what will be skipped without them.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"

install_package() { # PACKAGE: false where that is not possible
    [[ $EUID == 0 ]] && command -v apt-get >/dev/null || return 1
    echo "setup: installing the Debian package $1" >&2
    { apt-get install -qq -y --no-install-recommends "$1" ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$1"; }; } >/dev/null 2>&1
}

need() { # TOOL PACKAGE LOSS
    command -v "$1" >/dev/null || install_package "$2" ||
        echo "setup: $1 is missing (as root: apt-get install $2): $3" >&2
}

find_python() { # the Python to use; false if there is none
    local candidate
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() { # EXTRA
    local python
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || { install_package python3-venv && python=$(find_python); } || {
            echo "setup: no Python 3.11 or newer; install one (as root: apt-get install python3-venv)," \
                "or name it: PYTHON=/path/to/python3 make ..." >&2
            return 1
        }
        if ! "$python" -c 'import ensurepip' 2>/dev/null && ! install_package python3-venv; then
            echo "setup: $python cannot make environments; as root: apt-get install python3-venv" >&2
            return 1
        fi
        "$python" -m venv --clear .venv
    fi
    echo "setup: installing Python packages into .venv" >&2
    .venv/bin/python -m pip install --quiet --editable ".[$1]"
}

for wanted in "$@"; do
    case $wanted in
        venv) make_venv station,ocpp ;;  # the demonstration can show a back end too
        depot) make_venv station,ocpp,depot ;;
        fleet) make_venv station,ocpp,fleet ;;
        dev) make_venv dev ;;
        packaging | docs) .venv/bin/python -m pip install --quiet --editable ".[$wanted]" ;;
        lintian) need lintian lintian "the packages are not examined" ;;
        apt-utils) need apt-ftparchive apt-utils "the test of a signed archive is skipped" ;;
        ip) need ip iproute2 "what needs network namespaces is skipped" ;;
        java) need java default-jre-headless "the tests with an independent peer are skipped" ;;
        qemu) need qemu-aarch64-static qemu-user-static "the proof on arm64 fails" ;;
        prometheus) need prometheus prometheus "the dashboard's queries are not asked" ;;
        tshark) need tshark tshark "the test with Wireshark is skipped" ;;
        debootstrap) need debootstrap debootstrap "the proofs in fresh Debian roots fail" ;;
        mosquitto) need mosquitto mosquitto "the tests over MQTT are skipped" ;;
        postgresql) need pg_ctlcluster postgresql "the tests with PostgreSQL are skipped" ;;
        browser)
            command -v chromium-browser >/dev/null || need chromium chromium "the tests of the pages in a browser are skipped"
            ;;
        openssl) need openssl openssl "the tests with OpenSSL's own tools are skipped" ;;
        firewall)
            need nft nftables "the tests of nftables rules are skipped"
            need iptables iptables "the tests of iptables rules are skipped"
            need systemd-analyze systemd "the tests of the unit are skipped"
            ;;
        softhsm)
            need softhsm2-util softhsm2 "the tests with a key on a token are skipped"
            need certtool gnutls-bin "the tests with a key on a token are skipped" # brings libgnutls, not in each Debian
            ;;
        *) echo "setup: unknown: $wanted" >&2 && exit 2 ;;
    esac
done
