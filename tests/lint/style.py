#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sizes that keep the tree readable, and the habits a compiler does not see."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
MAX_FILE, MAX_FUNCTION, MAX_HEADER_CODE = 800, 100, 300
bad, files = [], 0


def functions(lines):
    """Yield (name, first line, length) of every function in kernel style."""
    start = name = None
    for i, line in enumerate(lines):
        if line == "{" and start is None:
            back = i - 1
            while back > 0 and not re.match(r"[A-Za-z_]", lines[back]):
                back -= 1
            start, name = i, lines[back]
        elif line.startswith("}") and start is not None:
            yield name, start + 1, i - start
            start = None


for path in sorted([*root.glob("lib/*/*.[ch]"), *root.glob("app/*/*.[ch]"),
                    *root.glob("tests/*/*.[ch]")]):
    where = path.relative_to(root)
    text = path.read_text()
    lines = text.splitlines()
    files += 1
    if not lines or "SPDX-License-Identifier: BSD-3-Clause" not in lines[0]:
        bad.append(f"{where}: no SPDX line")
    if len(lines) > MAX_FILE:
        bad.append(f"{where}: {len(lines)} lines, {MAX_FILE} at most")
    for name, at, length in functions(lines):
        if length > MAX_FUNCTION:
            bad.append(f"{where}:{at}: {length} lines in one function: {name.strip()}")
    if path.suffix == ".h" and "#pragma once" not in text:
        bad.append(f"{where}: no #pragma once")
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) or re.match(r"#\s*if 0\b", line):
            bad.append(f"{where}:{number}: unfinished business: {line.strip()}")
        if line != line.rstrip():
            bad.append(f"{where}:{number}: white space at the end of the line")
for path in [*root.glob("lib/**/*"), *root.glob("app/**/*"), *root.glob("tests/**/*")]:
    if path.is_file() and path.suffix in (".py", ".sh") and \
            "SPDX-License-Identifier" not in path.read_text()[:400]:
        bad.append(f"{path.relative_to(root)}: no SPDX line")
print("\n".join(bad) or f"{files} files in good order")
sys.exit(bool(bad))
