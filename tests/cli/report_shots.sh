#!/bin/sh
# Pictures of the HTML report, desktop and phone, light and dark, and a check that no page is wider than its window.
# Usage: report_shots.sh BUILD_DIR [OUT_DIR]     (BUILD_DIR/tests/test_report makes the samples)
set -eu
build=${1:?usage: report_shots.sh BUILD_DIR [OUT_DIR]}
out=${2:-$(mktemp -d)}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "report_shots: skipped, no chromium (apt-get install chromium fonts-noto-cjk)"
    exit 0
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
HEFU_REPORT_DIR=$out "$build/tests/test_report" >/dev/null 2>&1

browse() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --user-data-dir="$profile" "$@" 2>/dev/null
}

failed=0
for page in label feature coordinator; do
    browse --window-size=1280,6600 --screenshot="$out/$page-desktop.png" "file://$out/$page.html"
    browse --window-size=1280,6600 --blink-settings=preferredColorScheme=0 --screenshot="$out/$page-desktop-dark.png" \
        "file://$out/$page.html"
    browse --window-size=390,12000 --screenshot="$out/$page-phone.png" "file://$out/$page.html"
    browse --window-size=390,12000 --blink-settings=preferredColorScheme=0 --screenshot="$out/$page-phone-dark.png" \
        "file://$out/$page.html"
    for width in 320 390 768 1280; do
        cat >"$out/probe.html" <<PROBE
<!doctype html><iframe id="i" src="$page.html" style="border:0;width:${width}px;height:9000px"></iframe>
<script>document.getElementById("i").onload = function () {
  var root = this.contentDocument.documentElement;
  document.title = root.scrollWidth + " of " + root.clientWidth;
};</script>
PROBE
        title=$(browse --allow-file-access-from-files --window-size=1400,1000 --dump-dom "file://$out/probe.html" |
            sed -n 's/.*<title>\([^<]*\)<.*/\1/p')
        if [ "$title" != "$width of $width" ]; then
            echo "report_shots: $page.html at $width px: the page is ${title:-unreadable}"
            failed=1
        fi
    done
done
rm -f "$out/probe.html"
[ "$failed" = 0 ] && echo "report_shots: no page is wider than its window; pictures in $out"
exit "$failed"
