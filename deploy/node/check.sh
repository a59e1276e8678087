#!/bin/sh
# Runs what one machine can run of the files beside it: deploy/node/check.sh PATH-OF-tidings. Needs root for the
# namespace; what is not installed is left out with a word. Exit status 1 if something does not work.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tidings=$(realpath "${1:?the program tidings}")
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; exit 1; }
have() { command -v "$1" > /dev/null || { say "left out: $1 is not installed"; return 1; }; }
wait_for() { # FILE WORDS
  for _ in $(seq 200); do grep -qs -- "$2" "$1" && return; sleep 0.05; done
  cat "$1" >&2 || true
  fail "no \"$2\" in $1"
}

if have systemd-analyze; then
  for unit in seed peer; do
    sed "s#/usr/local/bin/tidings#$tidings#" "$here/tidings-$unit.service" > "$work/tidings-$unit.service"
    # It tells of what it does not know with status 0.
    said=$(systemd-analyze verify --man=no "$work/tidings-$unit.service" 2>&1) || fail "tidings-$unit.service: $said"
    [ -z "$said" ] || fail "tidings-$unit.service: $said"
  done
  say "systemd: both units are right"
fi

if have logrotate; then
  mkdir "$work/log" "$work/data"
  "$tidings" seed --port 0 --listen 127.0.0.1 --data-dir "$work/data" --log-file "$work/log/seed.log" \
    --shell false < /dev/null > "$work/out" 2> /dev/null &
  seed=$!
  wait_for "$work/log/seed.log" listening
  sed "s#/var/log/tidings#$work/log#; s#pkill -HUP -x tidings#kill -HUP $seed#" "$here/logrotate.conf" > "$work/logrotate.conf"
  chmod 644 "$work/logrotate.conf"
  logrotate --force --state "$work/state" "$work/logrotate.conf" || fail "logrotate"
  wait_for "$work/log/seed.log" "opened anew"
  grep -q listening "$work/log/seed.log.1" || fail "the old log"
  kill -TERM "$seed"
  wait "$seed" || fail "the seed node's end"
  wait_for "$work/log/seed.log" stopped
  say "logrotate: the node goes on in a new file"
fi

if have unshare && unshare --pid --fork --mount-proc true 2> /dev/null; then
  # As in a container: process 1, the variables of the image, those of a Service beside it, and nothing else.
  mkdir "$work/volume"
  env -i TIDINGS_DATA_DIR="$work/volume" TIDINGS_LOG_FILE=none TIDINGS_SHELL=false TIDINGS_SEED= \
    TIDINGS_PORT=tcp://10.96.7.7:5000 TIDINGS_SERVICE_HOST=10.96.7.7 \
    unshare --pid --fork --kill-child --mount-proc "$tidings" seed --port 0 --listen 127.0.0.1 \
    < /dev/null > "$work/out" 2> "$work/err" &
  shell=$!
  wait_for "$work/err" listening
  grep -q "variables that Kubernetes sets" "$work/err" || fail "the variables of a Service"
  env TIDINGS_DATA_DIR="$work/volume" "$tidings" status > /dev/null || fail "the health check"
  kill -TERM "$(pgrep -P "$shell")"
  wait "$shell" || fail "process 1 at SIGTERM"
  grep -q stopped "$work/err" || fail "process 1 did not leave"
  say "container: process 1 answers the health check and leaves at SIGTERM"
else
  say "left out: no namespaces without root"
fi
