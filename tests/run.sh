#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Every test, on this machine, as root: sudo tests/run.sh [--suite NAME]...
#
#   unit    cmocka, tables        clang with ASan and UBSan
#   sim     simulated networks    clang with ASan and UBSan
#   fuzz    corpora replayed, lines counted   clang with ASan and UBSan
#   lint    layers, symbols       gcc, as shipped
#   system  pytest: namespaces, real clients, real servers   gcc, as shipped
#
# Installs what is missing and builds both. The last line is the sum:
# "N passed, N failed, N skipped"; the exit status is 0 only if none failed and
# no suite was empty.
#
#   --suite NAME    only this one (may be repeated)
#   --full          the long forms of the system tests (CASGATE_FULL=1)
#   CASGATE_BUILD   build directory (default: build); DIR-asan is the other
set -u
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONDONTWRITEBYTECODE=1

suites=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suites="$suites ${2:?--suite needs a name}"; shift ;;
	--suite=*) suites="$suites ${1#*=}" ;;
	--full) export CASGATE_FULL=1 ;;
	-h | --help) sed -n '3,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "tests/run.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
	esac
	shift
done
: "${suites:=lint unit sim fuzz system}"
for suite in $suites; do
	case $suite in
	unit | sim | fuzz | lint | system) ;;
	*) echo "tests/run.sh: no suite $suite: unit sim fuzz lint system" >&2; exit 2 ;;
	esac
done

# shellcheck source=tests/support/build.sh
. "$root"/tests/support/build.sh
: "${CASGATE_BUILD:=$root/build}"
export CASGATE_BUILD
plain=$CASGATE_BUILD
asan=$CASGATE_BUILD-asan
results=$plain/results
failed_steps=0

# step WORDS...: a step that is no test, but fails the run like one.
step() {
	"$@" || {
		failed_steps=$((failed_steps + 1))
		echo "tests/run.sh: failed: $1" >&2
		return 1
	}
}

build_plain() { build "$plain" "" --buildtype=debugoptimized; }
build_asan() {
	CC=clang build "$asan" "" --buildtype=debugoptimized \
		-Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args='-fprofile-instr-generate -fcoverage-mapping' \
		-Dc_link_args=-fprofile-instr-generate
}

meson_suite() { # NAME DIRECTORY
	# Only the fuzz suite reads profiles, and says itself where they go.
	LLVM_PROFILE_FILE=/dev/null UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		meson test -C "$2" --no-rebuild --suite "$1" --logbase "$1" \
		--print-errorlogs --num-processes "$(nproc)" </dev/null
	grep -h '% of .* lines' "$2/meson-logs/$1.txt" | sort -u
	cp "$2/meson-logs/$1.junit.xml" "$results/" 2>/dev/null
	cp "$2/meson-logs/$1.json" "$results/" 2>/dev/null
}

system_suite() {
	/usr/bin/python3 -m pytest "$root"/tests/system -q --durations=8 \
		-p no:cacheprovider --junitxml="$results/system.junit.xml" </dev/null
}

in_asan() { case $1 in unit | sim | fuzz) ;; *) false ;; esac }

step "$root"/app/install-deps.sh build lab test || exit 1
rm -rf "$results"
mkdir -p "$results"
for suite in $suites; do
	if in_asan "$suite"; then
		if [ -z "${asan_tried-}" ]; then
			asan_tried=yes
			step build_asan
		fi
	elif [ -z "${plain_tried-}" ]; then
		plain_tried=yes
		step build_plain
	fi
done
for suite in $suites; do
	echo "=== $suite"
	if [ "$suite" = system ]; then
		system_suite
	elif in_asan "$suite"; then
		meson_suite "$suite" "$asan"
	else
		meson_suite "$suite" "$plain"
	fi
done

# shellcheck disable=SC2086 # a list of words
exec /usr/bin/python3 "$root"/tests/support/count.py --failed "$failed_steps" \
	"$results" $suites
