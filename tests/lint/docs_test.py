#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Show that docs.py fails on each kind of untrue sentence, on a copy.

usage: docs_test.py ROOT BUILD CASGATE CASGATECTL CASGATE-LOAD
"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from docs import check, facts_of  # noqa: E402

# file, text to replace (the first), by what, words the complaint must hold
CASES = [
    ("README.md", "`casgatectl server drain EX13`", "`casgatectl server rest EX13`",
     "no command 'server rest'"),
    ("README.md", "session list --user", "session list --usr", "no option --usr"),
    ("README.md", "casgate --check  ", "casgate --chek  ", "no option --chek"),
    ("README.md", "app/demo.sh --once", "app/demo.sh --twice", "has no option --twice"),
    ("README.md", "`limits.sessions`", "`limits.session`", "neither a setting nor a counter"),
    ("README.md", "`tcp.retransmits`", "`tcp.retransmit`", "neither a setting nor a counter"),
    ("README.md", "(#limits)", "(#limit)", "no heading"),
    ("README.md", "(lib/README.md)", "(lib/READ.md)", "link to lib/READ.md"),
    ("README.md", "      casgate-load/ ", "      casgate-lode/ ", "names app/casgate-lode/"),
    ("README.md", "      casgatectl/ ", "      ", "lacks app/casgatectl/"),
    ("README.md", "-join ';'", "-join ','", "export command"),
    ("README.md", "version: 15.0.1497.2", "version: 15.0.x", "sample configuration"),
    ("lib/README.md", "`tests/lint/layers.py`", "`tests/lint/layer.py`", "no tests/lint/layer.py"),
    ("lib/README.md", "`tick`", "`tock`", "does not name tick"),
    ("app/man/casgate.8", ".B \\-\\-no\\-huge\n", ".B \\-\\-small\n", "lacks --no-huge"),
    ("app/man/casgate.8", "casgatectl config reload", "casgatectl config load",
     "no command 'config load'"),
    ("app/man/casgate-load.1", ".B \\-\\-json\n", ".B \\-\\-yaml\n", "has --yaml"),
]

root, build = map(pathlib.Path, sys.argv[1:3])
facts = facts_of(build, *sys.argv[3:])
before = check(root, facts)
failed = 0
for name, old, new, words in CASES:
    text = (root / name).read_text()
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for entry in root.iterdir():
            if entry.name[0] != "." and "build" not in entry.name or entry.name == "meson.build":
                (copy / entry.name).symlink_to(entry.resolve())
        # The file itself and the folders above it are real, all else is linked.
        for part in list(pathlib.PurePath(name).parents)[::-1][1:]:
            (copy / part).unlink()
            (copy / part).mkdir()
            for entry in (root / part).iterdir():
                (copy / part / entry.name).symlink_to(entry.resolve())
        (copy / name).unlink()
        (copy / name).write_text(text.replace(old, new, 1))
        found = [c for c in check(copy, facts) if c not in before]
    if old not in text or not any(words in c for c in found):
        failed += 1
        print(f"not caught: {old!r} -> {new!r} in {name}: {found}")
print(f"{len(CASES) - failed} of {len(CASES)} untrue sentences caught")
sys.exit(failed > 0)
