# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# For app/demo.sh and tests/run.sh: builds quietly, one at a time, and shows
# the compiler's words only when it fails. Expects $root.

# build DIRECTORY "TARGET..." [meson setup option...]: "" builds everything.
build() {
	local dir=$1 targets=$2 began=$SECONDS
	shift 2
	mkdir -p "$dir"
	local log=$dir/build.log
	(
		flock 9
		echo "Building in $dir ..."
		if [ ! -e "$dir/build.ninja" ] ||
			[ "$(cat "$dir/.options" 2>/dev/null)" != "$*" ]; then
			# An earlier configuration that failed, or was for
			# other options, is no use.
			rm -rf "$dir/build.ninja" "$dir/meson-private" \
				"$dir/meson-info"
			meson setup "$dir" "$root" "$@" >"$log" 2>&1 || {
				tail -n 30 "$log" >&2
				exit 1
			}
			echo "$*" >"$dir/.options"
		fi
		# shellcheck disable=SC2086 # a list of words
		ninja -C "$dir" $(target_paths "$dir" $targets) >"$log" 2>&1 || {
			grep -E -A12 'error|FAILED' "$log" | head -n 60 >&2
			echo "The whole log is $log" >&2
			exit 1
		}
	) 9>"$dir/.lock" || return 1
	echo "Built in $((SECONDS - began)) s."
}

# The outputs of programs by their names, wherever meson.build put them.
target_paths() {
	local dir=$1 name
	shift
	for name; do
		ninja -C "$dir" -t targets all 2>/dev/null |
			sed -n "s|^\(\(app/\)\(.*/\)\{0,1\}$name\): .*_LINKER.*|\1|p"
	done
}
