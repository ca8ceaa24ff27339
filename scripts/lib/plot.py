"""Draws the result of a run as SVG: the ratios to other targets as bars, the growth as lines."""

import math
from html import escape

from parts import NUMBERS, PARTS

COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"]
WIDTH, LEFT, RIGHT = 760, 250, 70
BAR, GAP = 16, 6
GROWTH = ["cpu_us", "tps"]
HEIGHT, TOP, BOTTOM = 330, 46, 50


def draw(result, folder):
    """Writes ratios.svg and a file for each thing that grows, as far as the run has measured them; returns their paths."""
    drawings = {"ratios.svg": ratios(result["rows"])}
    growing = [row for row in result["rows"] if row["part"] == "growth"]
    for case in dict.fromkeys(row["case"] for row in growing):
        for number in GROWTH:
            drawings[f"growth-{case.replace(' ', '-')}-{number.removesuffix('_us')}.svg"] = lines(
                [row for row in growing if row["case"] == case and row[number] is not None], case, number)
    paths = []
    for name, drawing in drawings.items():
        if drawing:
            paths.append(folder / name)
            paths[-1].write_text(drawing)
    return paths


# ---- bars

def ratios(rows):
    """A bar for each ratio of processor time, memory or system calls, but not of the relay's and not of the growth."""
    groups = {}
    for row in rows:
        for against in _costs(row["part"]):
            if row.get(against.key) is not None and row["target"] not in (against.base, "relay"):
                groups.setdefault(f"{PARTS[row['part']].title}: {against.head}", []).append((_label(row), row[against.key]))
    if not groups:
        return None
    span = WIDTH - LEFT - RIGHT
    top = max(1.2, max(value for bars in groups.values() for _, value in bars))
    shapes, y = [], 40
    for head, bars in sorted(groups.items(), key=lambda group: _order(group[0])):
        shapes.append(_text(8, y + 24, head, weight="bold"))
        y += 34
        for label, value in bars:
            shapes += _bar(label, value, value / top * span, y)
            y += BAR + GAP
    one = LEFT + span / top
    shapes.insert(0, f'<line x1="{one:.1f}" y1="34" x2="{one:.1f}" y2="{y}" stroke="#444" stroke-dasharray="3 3"/>')
    return _svg(y + 16, "What it costs, divided by what the other costs (less is better; the line is 1)", shapes)


def _bar(label, value, length, y):
    colour = COLOURS[0] if value <= 1 else COLOURS[1]
    return [_text(LEFT - 8, y + 12, label, anchor="end"),
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>',
            _text(LEFT + length + 5, y + 12, f"{value:.2f}", background=True)]


def _costs(part):
    return [a for a in PARTS[part].against if part != "growth" and a.how == "ratio" and a.number not in ("tps", "mb_per_s")]


def _order(head):
    """As the parts are listed, and in a part as its comparisons are."""
    return [f"{part.title}: {a.head}" for part in PARTS.values() for a in part.against].index(head)


def _label(row):
    return f"{row['case']}, {row['x']}: {row['target']}"


# ---- lines

def lines(rows, case, number):
    """Both axes are logarithmic: a straight line is a power, a level one no growth."""
    if len({row["x"] for row in rows}) < 2:
        return None
    xs, ys = sorted({row["x"] for row in rows}), [row[number] for row in rows]
    left, right = 70, 200
    across = _scale(xs[0], xs[-1], left, WIDTH - right)
    ticks = _ticks(min(ys), max(ys))
    up = _scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    shapes = [_text(across(x), HEIGHT - BOTTOM + 18, f"{x:g}", anchor="middle") for x in xs]
    shapes.append(_text((left + WIDTH - right) / 2, HEIGHT - 12, case, anchor="middle"))
    for tick in ticks:
        shapes.append(f'<line x1="{left}" y1="{up(tick):.1f}" x2="{WIDTH - right}" y2="{up(tick):.1f}" stroke="#ddd"/>')
        shapes.append(_text(left - 8, up(tick) + 4, f"{tick:g}", anchor="end"))
    labelled = []
    for target, colour in zip(dict.fromkeys(row["target"] for row in rows), COLOURS):
        points = sorted((row["x"], row[number]) for row in rows if row["target"] == target)
        shapes += _line(points, across, up, colour)
        labelled.append([up(points[-1][1]), target, colour])
    shapes += [_text(WIDTH - right + 12, y + 4, target, colour=colour) for y, target, colour in _apart(labelled)]
    return _svg(HEIGHT, f"{NUMBERS[number][0]} by {case}", shapes)


def _line(points, across, up, colour):
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    dots = [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _apart(labelled):
    """So that the names of lines which end at the same place can be read."""
    labelled.sort()
    for above, below in zip(labelled, labelled[1:]):
        below[0] = max(below[0], above[0] + 15)
    return labelled


def _scale(lowest, highest, begin, end):
    low, high = math.log(lowest), math.log(highest)
    return lambda value: begin + (math.log(value) - low) / ((high - low) or 1) * (end - begin)


def _ticks(lowest, highest):
    """1, 2, 5 times powers of ten, from below the lowest to above the highest."""
    steps = [m * 10.0 ** e for e in range(-4, 10) for m in (1, 2, 5)]
    first = max(s for s in steps if s <= lowest)
    last = min(s for s in steps if s >= highest and s > first)
    return [s for s in steps if first <= s <= last]


# ---- SVG

def _text(x, y, text, anchor="start", weight="normal", colour="#222", background=False):
    halo = ' stroke="white" stroke-width="4" paint-order="stroke"' if background else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"{halo}>'
            f"{escape(text)}</text>")


def _svg(height, title, shapes):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="22" font-size="15" fill="#222">{escape(title)}</text>', *shapes, "</svg>", ""])
