#!/bin/sh
# A sweep in parts on one machine, or on many with GNU parallel; README.md beside this file explains.
#
#   deploy/sweep/parallel.sh SCENARIO SEEDS SHARDS OUT
#
# The parts go to OUT/parts, the report of all of them to OUT. Stopped and started again with the same
# words it goes on where it was. Exit status: that of `sim merge`.
set -eu

if [ $# -ne 4 ]; then
  echo "usage: $0 SCENARIO SEEDS SHARDS OUT, like: $0 scenarios/churn.toml 1..10000 16 sweeps/churn" >&2
  exit 2
fi
scenario=$1 seeds=$2 shards=$3 out=$4
sim=${SIM:-sim}                # the program
jobs=${JOBS:-$(nproc)}         # parts at a time; each uses one core

mkdir -p "$out/parts"
set -- "$sim" run "$scenario" --seeds "$seeds" --jobs 1 --shard "{}/$shards" --out "$out/parts/{}"

# A part in which a check failed has exit status 1, and must not keep the others from being run: the
# merge tells what failed, and which parts are missing.
if parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
  seq "$shards" | parallel --will-cite --quote --ungroup --jobs "$jobs" "$@" >"$out/parts.log" || true
else
  seq "$shards" | xargs -P "$jobs" -I '{}' "$@" >"$out/parts.log" || true
fi

set --
for part in $(seq "$shards"); do
  set -- "$@" "$out/parts/$part"
done
exec "$sim" merge "$@" --out "$out"
