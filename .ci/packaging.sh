#!/usr/bin/env bash
# Checks Dockerfile, packaging/ and docs/deployment.md, as `.ci/packaging.sh BINARY`: with each tool's own
# checker where there is one, and against what the binary itself says. Needs no Docker and no cluster.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
binary=$(realpath "$1")
cache="${XDG_CACHE_HOME:-$HOME/.cache}/codex-openai-proxy-ci"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() {
  echo
  echo "== $*"
  "$@"
}

sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
missing=()
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v groff >/dev/null || missing+=(groff-base)
command -v dpkg-shlibdeps >/dev/null || missing+=(dpkg-dev)
if [ ${#missing[@]} -gt 0 ]; then
  step $sudo apt-get update -qq
  step $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Programs out of Debian packages that are not installed: installing them would start their services.
tools="$cache/packaging-tools"
mkdir -p "$tools"
export PATH="$PATH:$tools/usr/bin:$tools/usr/sbin"
unpack() {
  command -v "$1" >/dev/null && return
  (
    cd "$tools"
    apt-get download -qq "$2" 2>/dev/null || { $sudo apt-get update -qq && apt-get download -qq "$2"; }
    dpkg-deb --extract "$2"_*.deb .
    rm "$2"_*.deb
  )
}
unpack promtool prometheus
unpack shellcheck shellcheck
unpack caddy caddy
unpack nginx nginx

venv="$cache/packaging-venv"
[ -x "$venv/bin/python" ] || step python3 -m venv "$venv"
step "$venv/bin/python" -m pip install -q --disable-pip-version-check -r .ci/packaging/requirements.txt

step shellcheck packaging/package.sh packaging/debian/* .ci/packaging.sh
step "$venv/bin/hadolint" --failure-threshold style Dockerfile
step "$venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec packaging/compose/compose.yaml

step promtool check rules packaging/prometheus/rules.yml
step promtool test rules packaging/prometheus/rules.test.yml
step promtool check config --syntax-only packaging/prometheus/prometheus.yml

# The package, twice: the same sources have to give the same bytes. What debuggers need is most of a
# debug build.
strip -o "$work/codex-openai-proxy" "$binary"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
step packaging/package.sh "$work/codex-openai-proxy" "$work/package"
packaging/package.sh "$work/codex-openai-proxy" "$work/again" >/dev/null
step diff -r "$work/package" "$work/again"
dpkg-deb --extract "$work"/package/*.deb "$work/root"
step dpkg-deb --info "$work"/package/*.deb
export SYSTEMD_LOG_LEVEL=warning
for kind in system user; do
  unit="$work/root/usr/lib/systemd/$kind/codex-openai-proxy.service"
  # The binary is where the package has it, and not on this machine.
  sed -i "s|=/usr/bin/codex|=$work/root/usr/bin/codex|" "$unit"
  # What it does not know is only a warning to it.
  step env XDG_RUNTIME_DIR="$work" systemd-analyze verify --$kind --man=no --recursive-errors=no "$unit" 2>&1 |
    tee "$work/verify"
  [ "$(grep -cvE '^(==.*)?$' "$work/verify")" = 0 ] || exit 1
done
# In tenths of a point; more than that is a failure.
step systemd-analyze security --no-pager --offline=true --threshold=30 \
  "$work/root/usr/lib/systemd/system/codex-openai-proxy.service"
step systemd-sysusers --dry-run "$work/root/usr/lib/sysusers.d/codex-openai-proxy.conf"
step bash -n "$work/root/usr/share/bash-completion/completions/codex-openai-proxy"
gunzip <"$work/root/usr/share/man/man1/codex-openai-proxy.1.gz" >"$work/man.1"
step groff -man -Tutf8 -ww -z "$work/man.1" 2>"$work/man.errors"
[ ! -s "$work/man.errors" ] || { cat "$work/man.errors"; exit 1; }

step caddy validate --adapter caddyfile --config packaging/reverse-proxy/Caddyfile
# A certificate for its test, which only looks whether there is one.
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=codex.example.com \
  -keyout "$work/privkey.pem" -out "$work/fullchain.pem" 2>/dev/null
sed "s|/etc/letsencrypt/live/codex.example.com|$work|" packaging/reverse-proxy/nginx.conf >"$work/site.conf"
# Its own folders, too, which its package would have made.
cat >"$work/nginx.conf" <<END
pid $work/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $work/body;
  proxy_temp_path $work/proxy;
  fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi;
  scgi_temp_path $work/scgi;
  include $work/site.conf;
}
END
step nginx -t -p "$work" -c "$work/nginx.conf"

step "$venv/bin/python" .ci/packaging/check.py "$binary" "$work/root"

echo
echo "packaging: all checks passed"
