#!/usr/bin/env bash
# Fuzzes each target for FUZZ_SECONDS (20) and fails on a finding. Builds all of them once. What was found
# worth keeping is kept in the user's cache folder and goes on from there the next time; the corpus in
# the repository is only read. Arguments name the targets, where not all of them are wanted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.13.2
seconds="${FUZZ_SECONDS:-20}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/codex-openai-proxy-ci"
fuzz=codex-openai-proxy/fuzz
target_dir="$cache/fuzz-target"
export CARGO_TERM_COLOR=never
export PATH="$cache/tools/bin:$PATH"

[ "$(cargo-fuzz --version 2>/dev/null)" = "cargo-fuzz $version" ] ||
  cargo install --quiet --locked --root "$cache/tools" "cargo-fuzz@$version"

cargo fmt --manifest-path "$fuzz/Cargo.toml" --check
cargo clippy --manifest-path "$fuzz/Cargo.toml" --target-dir "$target_dir" --locked --quiet -- -D warnings
# No sanitizer: there is no unsafe code to watch, and the stable compiler will do.
cargo fuzz build --fuzz-dir "$fuzz" --target-dir "$target_dir" --sanitizer none
binaries="$target_dir/$(rustc --print host-tuple)/release"

[ $# -gt 0 ] || set -- "$fuzz"/fuzz_targets/*.rs
for target in "$@"; do
  target=$(basename "$target" .rs)
  grown="$cache/fuzz-corpus/$target"
  found="$cache/fuzz-findings/$target"
  dictionary="$fuzz/dictionaries/$target.dict"
  [ -f "$dictionary" ] || dictionary="$fuzz/dictionaries/json.dict"
  rm -rf "$found" && mkdir -p "$grown" "$found"
  options=(
    -max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=1024
    -dict="$dictionary" -artifact_prefix="$found/" -use_value_profile=1
  )
  if ! "$binaries/$target" "${options[@]}" "$grown" "$fuzz/corpus/$target" >"$found/log" 2>&1; then
    tail -n 60 "$found/log"
    for artifact in "$found"/*-*; do
      [ -f "$artifact" ] || continue
      printf '\n== %s\n' "$artifact"
      head -c 4096 "$artifact" | cat -v
    done
    printf '\n%s has a finding. Again: %s %s\n' "$target" "$binaries/$target" "$found/…"
    exit 1
  fi
  printf '%s: %s\n' "$target" "$(grep -a '^Done ' "$found/log")"
done
