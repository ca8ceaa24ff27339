"""From samples to rows, tables, markdown and JSON."""

import json
import os
import re
import statistics
import subprocess
import time
from pathlib import Path

from cluster import postgres_bin
from parts import NUMBERS, PARTS

BEGIN, END = "<!-- figures:begin -->\n", "<!-- figures:end -->\n"
TEXT = (0, 2)  # columns of every table: what, a number of something, the target; then only numbers


def rows_of(samples):
    """One row per part, case, x and target: medians over the rounds, of the comparisons too, which are made within a round."""
    groups = {}
    for sample in samples:
        groups.setdefault((sample["part"], sample["case"], sample["x"]), {}).setdefault(sample["target"], []).append(sample)
    rows = []
    for (part, case, x), by_target in groups.items():
        for target, group in by_target.items():
            row = {"part": part, "case": case, "x": x, "target": target, "rounds": len(group)}
            for number in NUMBERS:
                row[number] = _median(sample.get(number) for sample in group)
            for against in PARTS[part].against:
                base = by_target.get(against.base, []) if against.only_x in (None, x) else []
                row[against.key] = _median(_compared(against, group, base))
            rows.append(row)
    return rows


def _compared(against, group, base):
    by_round = {sample["round"]: sample.get(against.number) for sample in base}
    return [against.of(sample.get(against.number), by_round.get(sample["round"])) for sample in group]


def _median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


# ---- tables

def tables(result):
    """(name of the part, its title, its table as rows of text, its notes), in the order in which the parts ran."""
    for name in result["parts"]:
        rows = [row for row in result["rows"] if row["part"] == name]
        notes = [note["text"].splitlines()[0] for note in result["notes"] if note["part"] == name]
        yield name, PARTS[name].title, _table(PARTS[name], rows), notes


def _table(part, rows):
    against = [a for a in part.against if any(row.get(a.key) is not None for row in rows)]
    heads = [part.case, part.x, "target", *(NUMBERS[n][0] for n in part.numbers), *(a.head for a in against)]
    lines = [[row["case"], str(row["x"]), row["target"], *(_shown(row.get(n), NUMBERS[n][1]) for n in part.numbers),
              *(_shown(row.get(a.key), 2 if a.how == "ratio" else 0) for a in against)] for row in rows]
    return [heads, *lines] if lines else []


def _shown(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def print_result(result):
    for _, title, table, notes in tables(result):
        print(f"\n{title}\n")
        print_columns(table)
        for note in notes:
            print(f"  ({note})")


def print_columns(table):
    if not table:
        return print("no figures")
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for number, row in enumerate(table):
        print("  ".join(cell.ljust(w) if i in TEXT else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * w for w in widths))


def markdown(result):
    """All tables, for docs/performance.md."""
    options, versions = result["options"], result["versions"]
    lines = [f"Taken {result['taken']}, {result['machine']}; {', '.join(f'{name} {v}' for name, v in versions.items())}; "
             f"{options['rounds']} rounds of {options['seconds']} s."]
    for _, title, table, notes in tables(result):
        lines += ["", f"### {title}", ""]
        if table:
            lines += [_line(table[0]), _line("---" if i in TEXT else "---:" for i in range(len(table[0]))), *map(_line, table[1:])]
        for note in notes:
            lines += ["", f"*{note}*"]
    return "\n".join(lines) + "\n"


def write_markdown(path, result):
    """Into its place when the file has one, as docs/performance.md does; otherwise the file is these tables."""
    text = markdown(result)
    if path.exists():
        old = path.read_text()
        before, begin, rest = old.partition(BEGIN)
        _, end, after = rest.partition(END)
        if end:
            text = before + begin + text + end + after
    path.write_text(text)


def _line(cells):
    return "| " + " | ".join(cells) + " |"


# ---- keeping it

def result_of(run, parts):
    return {"taken": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "machine": machine(), "versions": versions(run),
            "options": vars(run.options), "parts": parts, "rows": rows_of(run.samples), "notes": run.notes, "samples": run.samples}


def write_json(run, result):
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
    path.write_text(json.dumps(result, indent=1) + "\n")
    latest = latest_file(run.folder)
    latest.unlink(missing_ok=True)
    latest.symlink_to(path.name)
    return path


def latest_file(folder):
    return folder / "latest.json"


def machine():
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return f"{os.cpu_count()} processors ({model[1] if model else os.uname().machine}), Linux {os.uname().release}"


def versions(run):
    found = {"pgweir": _said([run.options.binary, "--version"]).replace("pgweir", "").strip(),
             "PostgreSQL": _said([str(postgres_bin() / "postgres"), "--version"]).split(" ")[2]}
    for name, package in (("PgBouncer", "pgbouncer"), ("HAProxy", "haproxy"), ("Pgpool-II", "pgpool2")):
        found[name] = _said(["chroot", str(run.root / "build/peers/sid"), "dpkg-query", "-W", "-f", "${Version}", package])
    commit = _said(["git", "-C", str(run.root), "rev-parse", "--short", "HEAD"])
    return {name: version for name, version in {**found, "commit": commit}.items() if version}


def _said(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
