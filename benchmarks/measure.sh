#!/usr/bin/env bash
# Measures what results/<processor>.md shows: writes models of random weights in the shapes of real ones and runs `embedded-llm bench` on each.
# --help says how it is called.
set -euo pipefail
usage="usage: benchmarks/measure.sh [folder for the models, 6 GB; default: a temporary one, removed at the end] [threads, default 2]"
case "${1:-}" in
  -h | --help) echo "$usage"; exit ;;
  -*) echo "$usage" >&2; exit 2 ;;
esac
threads="${2:-2}"
if [ $# -gt 2 ] || ! [[ "$threads" =~ ^[1-9][0-9]*$ ]]; then echo "$usage" >&2; exit 2; fi
if [ $# -gt 0 ]; then mkdir -p "$1"; models="$(cd "$1" && pwd)"; else models="$(mktemp -d)"; trap 'rm -rf "$models"' EXIT; fi
cd "$(dirname "$0")/.."

for project in benchmarks/EmbeddedLlm.Benchmarks src/EmbeddedLlm.Cli; do dotnet build -c Release -v quiet --nologo "$project"; done

bench() { # shape, format, options of bench …
  local file="$models/$1-$2.gguf" shape="$1" format="$2"; shift 2
  [ -f "$file" ] || dotnet artifacts/bin/EmbeddedLlm.Benchmarks/release/EmbeddedLlm.Benchmarks.dll shape "$shape" "$format" "$file"
  cat "$file" >/dev/null     # the page cache is warm
  echo "\$ embedded-llm bench --model $shape-$format.gguf -t $threads $*"
  dotnet artifacts/bin/EmbeddedLlm.Cli/release/embedded-llm.dll bench --model "$file" -t "$threads" "$@"
  echo
}

for format in Q4_0 Q4_K Q4_K_M Q5_K Q6_K Q8_0; do bench llama-1b "$format" -r 5 -n 64 --parallel 1,8,16; done
for format in Q4_0 Q8_0; do bench smollm-135m "$format" -r 5 -n 64 --parallel 1,8; done
for kv in F16 Q8_0; do bench llama-1b Q4_K_M -r 3 -n 32 -d 0,4096 --parallel 1 --kv-type "$kv"; done
bench llama-1b Q4_K_M -r 3 -n 32 -p 512,4096 --parallel 1
