#!/bin/sh
# One part of a sweep per task of a Slurm array; README.md beside this file explains.
#
#   SCENARIO=scenarios/churn.toml SEEDS=1..10000 SHARDS=16 OUT=sweeps/churn \
#     sbatch --array=1-16 deploy/sweep/slurm.sh
#
#SBATCH --job-name=tidings-sweep
#SBATCH --cpus-per-task=4
#SBATCH --mem=512M
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
: "${SCENARIO:?the scenario file}" "${SEEDS:?like 1..10000}" "${OUT:?a folder that all machines share}"
# Not SLURM_ARRAY_TASK_COUNT, which is smaller when a few tasks are submitted again.
: "${SHARDS:?how many parts, the last number of --array}"

# A requeued task goes on where it was: the runs that are done stay.
exec "${SIM:-sim}" run "$SCENARIO" --seeds "$SEEDS" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
  --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --out "$OUT/parts/$SLURM_ARRAY_TASK_ID"
