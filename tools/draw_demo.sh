#!/usr/bin/env bash
# Draws docs/demo.png, the picture of the README: tools/draw_demo.sh REPORT.html, with chromium.
# The report is that of `make demo` (v2g-demo/report.html).
set -euo pipefail
report=$(realpath "$1")
cd "$(dirname "$0")/.."
chromium --headless --no-sandbox --hide-scrollbars --force-device-scale-factor=2 --window-size=960,690 \
    --screenshot="$PWD/docs/demo.png" "file://$report" 2>/dev/null
