#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Fuzzes: tests/fuzz/fuzz.sh [SECONDS [TARGET...]]
#
# Builds every fuzzer in build-fuzz (clang, ASan, UBSan), runs each TARGET
# (default: all) for SECONDS (default: 60), one after the other, adds the inputs
# that reach something new to its corpus, and tells what the corpus covers. A
# crash ends it; the input is left in build-fuzz.
set -eu
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
build=$root/build-fuzz
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- $(cd "$root"/tests/fuzz/corpus && ls)

if [ ! -e "$build"/build.ninja ]; then
	CC=clang meson setup "$build" "$root" --buildtype=debugoptimized \
		-Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args='-fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping' \
		-Dc_link_args=-fprofile-instr-generate >/dev/null
fi
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for target; do
	corpus=$root/tests/fuzz/corpus/$target
	found=$build/found-$target
	ninja -C "$build" "tests/fuzz_$target" "tests/replay_$target" >/dev/null
	mkdir -p "$found"
	echo "=== $target, $seconds s"
	export LLVM_PROFILE_FILE=/dev/null
	(cd "$build" && time "tests/fuzz_$target" -max_total_time="$seconds" \
		-print_final_stats=1 -verbosity=0 -rss_limit_mb=4096 \
		"$found" "$corpus")
	"$build/tests/fuzz_$target" -merge=1 -verbosity=0 "$corpus" "$found"
	unset LLVM_PROFILE_FILE
	meson test -C "$build" --no-rebuild --suite fuzz -v "$target" |
		grep -E '% of|inputs' || true
done
