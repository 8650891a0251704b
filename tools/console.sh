#!/usr/bin/env bash
# Builds the operator's page from console/ into src/v2g/console/built: tools/console.sh. Needs Node 20 and npm.
#
# The digest of the sources is kept beside what was built, so that a test notices sources that were not built.
set -euo pipefail
cd "$(dirname "$0")/../console"
npm ci --silent --no-audit --no-fund
npm run --silent build
python3 ../tools/console_digest.py > ../src/v2g/console/built/sources.sha256
