#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the README files and manual pages claim, as far as a program can tell:
paths, links, commands, options, settings, counters, the sample configuration,
the export command, and where things are installed.

usage: docs.py ROOT BUILD CASGATE CASGATECTL CASGATE-LOAD
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

MARKDOWN = ["README.md", "lib/README.md", "lib/tcp/README.md", "tests/README.md",
            "drivers-config/README.md"]
PAGES = {"casgate": "app/man/casgate.8", "casgate-load": "app/man/casgate-load.1"}
INSTALLED = """{sbindir}/casgate {bindir}/casgatectl {bindir}/casgate-load
    {mandir}/man8/casgate.8 {mandir}/man1/casgate-load.1 {mandir}/man1/casgatectl.1
    {mandir}/man5/casgate.yaml.5 {datadir}/casgate/drivers-config
    {datadir}/doc/casgate/examples/casgate.yaml {datadir}/doc/casgate/README.md
    {datadir}/bash-completion/completions/casgatectl.bash
    {prefix}/lib/systemd/system/casgate.service""".split()
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
DOTTED = re.compile(r"([a-z]+(?:\.[a-z0-9_-]+)+)")


def say(*words):
    """Standard output of a program."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def facts_of(build, casgate, casgatectl, load):
    """What the programs say about themselves."""
    commands = say(casgatectl, "--list-commands").splitlines()
    plan = json.loads((build / "meson-info/intro-install_plan.json").read_text())
    return {
        "help": {"casgate": say(casgate, "--help"), "casgate-load": say(load, "--help"),
                 "casgatectl": say(casgatectl, "--help")},
        "command": {c: say(casgatectl, "help", *c.split()) for c in commands},
        "settings": [re.sub(r"\[\]", "", line) for line in
                     say(casgatectl, "--help-config").splitlines() if line[:1].strip()],
        "installed": {x["destination"].replace("{prefix}/share/man", "{mandir}")
                      for kind in plan.values() for x in kind.values()},
        "check": lambda file: subprocess.run(
            [casgatectl, "--socket", "/nonexistent", "config", "check", "--syntax", file],
            capture_output=True, text=True, check=False),
    }


def counters_of(root):
    """Last words of the counters' names, from the tables they are made of."""
    text = "".join(p.read_text() for p in [*root.glob("lib/*/*.h"),
                                           root / "app/casgate/handlers.c"])
    return set(re.findall(r"\bX\((\w+)", text)) | set(re.findall(r'"([a-z0-9_]+)"', text))


def code(text):
    """Pieces of Markdown that are code: fences, indented lines, spans."""
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.S)
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    indented = re.findall(r"^    (.*)$", rest, re.M)
    rest = re.sub(r"^    .*$", "", rest, flags=re.M)
    spans = [" ".join(s.split()) for s in re.findall(r"`([^`]+)`", rest)]
    return [line for f in fenced for line in f.splitlines()] + indented, spans


def roff(text):
    """The same of a manual page: examples, and what is set in bold."""
    text = text.replace("\\-", "-").replace("\\e", "\\")
    examples = [line for block in re.findall(r"^\.nf\n(.*?)^\.fi", text, re.S | re.M)
                for line in block.splitlines()]
    return examples, re.findall(r"\\fB(.*?)\\f[RP]", text)


def command_of(words, facts):
    """(the command that the words begin with, its help), or None."""
    for n in (2, 1):
        name = " ".join(words[:n])
        if len(words) >= n and name in facts["command"]:
            return name, facts["command"][name]
    return None


def check_call(program, line, facts):
    """What is wrong with one call of a program as the documents write it."""
    line = re.split(r"\s#|[|;&>]", line)[0]
    words = [w for w in line.split() if w != "sudo"]
    options = OPTION.findall(line)
    known = facts["help"][program]
    if program == "casgatectl":
        while words[:1] == ["--json"] or words[:1] == ["--socket"]:
            words = words[1 if words[0] == "--json" else 2:]
        if words and words[0] not in ("help", "completion") and not words[0].startswith("-"):
            found = command_of(words, facts)
            if not found:
                return f"casgatectl has no command '{' '.join(words[:2])}'"
            known += found[1]
    for option in options:
        if option not in OPTION.findall(known):
            return f"{program} {' '.join(words[:2])}: no option {option}"
    return None


def check_calls(lines, facts):
    """Every call in those lines of code."""
    for line in lines:
        for program, rest in re.findall(
                r"(?:^|[\s(`/])(casgatectl|casgate-load|casgate)(?= |$)([^`]*)", line):
            wrong = check_call(program, rest, facts)
            if wrong:
                yield wrong


def check_paths(root, folder, lines, spans):
    """Files and folders of the tree, and the options of its scripts."""
    for word in spans:
        if re.fullmatch(r"(app|lib|tests|drivers-config)/[\w./*-]*", word) and \
                not any(root.glob(word.rstrip("/"))) and not any(folder.glob(word.rstrip("/"))):
            yield f"there is no {word}"
    for line in [*lines, *spans]:
        for script, rest in re.findall(r"\b((?:app|tests|drivers-config)/[\w/-]+\.sh)([^#`]*)",
                                       line):
            if not (root / script).exists():
                yield f"there is no {script}"
                continue
            text = (root / script).read_text()
            for option in OPTION.findall(rest):
                if option not in text:
                    yield f"{script} has no option {option}"


def check_names(spans, facts, counters):
    """Settings and counters: `limits.sessions`, `tcp.retransmits`."""
    settings = facts["settings"]
    groups = {s.split(".")[0] for s in settings} | {"proxy", "ip", "worker", "memory", "tls"}
    for word in spans:
        if not DOTTED.fullmatch(word) or word.split(".")[0] not in groups or \
                re.search(r"\.(h|c|md|yaml|sh|py)$", word):
            continue
        if not any(s == word or s.endswith("." + word) for s in settings) and \
                word.split(".")[-1] not in counters:
            yield f"{word} is neither a setting nor a counter"


def check_links(root, name, text):
    folder = (root / name).parent
    anchors = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
               for h in re.findall(r"^#+ (.*)$", text, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            if target[1:] not in anchors:
                yield f"no heading for {target}"
        elif not target.startswith("http") and not (folder / target.split("#")[0]).exists():
            yield f"link to {target}, which is not there"


def map_of(text):
    """Paths of the map under "Where things are"."""
    block = re.search(r"^## Where things are\n\n((?:    .*\n)+)", text, re.M)
    parent = ""
    for line in block[1].splitlines() if block else []:
        inner = line.startswith("      ")
        for word in line.split():
            if not re.fullmatch(r"[\w./-]+/|[\w-]+\.sh", word):
                break
            parent = parent if inner else word
            yield parent + word if inner else word


def check_map(root, text):
    there = set(map_of(text))
    yield from (f"the map names {p}, which is not there" for p in there
                if not (root / p).exists())
    for parent in ("", "app/", "tests/"):
        for p in sorted((root / parent).iterdir()):
            known = parent + p.name + "/" in there or p.name[0] in "._" or "build" in p.name
            if p.is_dir() and any(p.iterdir()) and not known:
                yield f"the map lacks {parent}{p.name}/"


def check_readme(root, text, facts):
    """What only the top-level README has."""
    yield from check_map(root, text)
    command = re.search(r"#define COMMAND\s+\\\n((?:\s+\".*\n)+)",
                        (root / "lib/route/import.c").read_text())
    if "".join(re.findall(r'"(.*)"', command[1])) not in text:
        yield "the export command is not the one in lib/route/import.c"
    samples = re.findall(r"```yaml\n(.*?)```", text, re.S)
    if not samples:
        yield "there is no sample configuration"
    for sample in samples:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(sample)
            file.flush()
            done = facts["check"](file.name)
            if done.returncode or "warning" in done.stdout:
                yield f"its sample configuration: {done.stdout.strip()}"


def check_page(program, text, facts):
    """The OPTIONS section names what --help does, no more and no less."""
    section = text.replace("\\-", "-").split(".SH OPTIONS")[1].split(".SH")[0]
    page = {o for line in re.findall(r"^\.TP\n(.*)$", section, re.M) for o in OPTION.findall(line)}
    helped = {o for line in facts["help"][program].splitlines()
              if line.startswith("  ") for o in OPTION.findall(line)}
    yield from (f"lacks {o}" for o in sorted(helped - page))
    yield from (f"has {o}, which --help lacks" for o in sorted(page - helped))


def check(root, facts):
    """Everything that is wrong, as "FILE: what"."""
    counters = counters_of(root)
    bad = []
    for name in MARKDOWN:
        text = (root / name).read_text()
        lines, spans = code(text)
        found = [*check_calls([*lines, *spans], facts),
                 *check_paths(root, (root / name).parent, lines, spans),
                 *check_names(spans, facts, counters), *check_links(root, name, text)]
        if name == "README.md":
            found += check_readme(root, text, facts)
        bad += [f"{name}: {what}" for what in found]
    libraries = (root / "lib/README.md").read_text()
    bad += [f"lib/README.md: does not name {p.parent.name}"
            for p in sorted(root.glob("lib/*/meson.build")) if f"`{p.parent.name}`" not in libraries]
    for program, name in PAGES.items():
        text = (root / name).read_text()
        examples, bold = roff(text)
        found = [*check_calls([*examples, *bold], facts), *check_page(program, text, facts)]
        bad += [f"{name}: {what}" for what in found]
    bad += [f"nothing is installed as {d}" for d in INSTALLED if d not in facts["installed"]]
    return bad


if __name__ == "__main__":
    wrong_ones = check(pathlib.Path(sys.argv[1]), facts_of(pathlib.Path(sys.argv[2]), *sys.argv[3:]))
    print("\n".join(wrong_ones) or f"{len(MARKDOWN) + len(PAGES)} documents tell the truth")
    sys.exit(bool(wrong_ones))
