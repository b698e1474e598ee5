"""Draw the pictures of docs/creep.md: the worked cases, the calibration, and a fortnight of one budget.

python -m docs.draw_creep
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamproc.core.creep import budget
from streamproc.core.creep.factors import Factors
from streamproc.core.creep.model import DAY_MS, SHIPPED
from streamproc.core.creep.score import score
from tests.creep.case_files import read_cases, run, run_without_vetoes

HERE: Final = Path(__file__).parent
HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = 24
NOON_HOUR: Final = 12
BELOW: Final = 18
COLOURS: Final = (
    *("#1b7f4b", "#4a90c2", "#c0392b", "#e0a030", "#7d5ba6", "#2a9d8f", "#8d6e63", "#d16ba5"),
    *("#5c6bc0", "#9e9d24", "#546e7a", "#ef6c00", "#aab2bd", "#cfd8dc", "#b0bec5", "#90a4ae"),
)
CAUSES: Final = dict(zip([*SHIPPED.weights, *SHIPPED.interactions], COLOURS, strict=True))

# What surveys asked, the share that called it creepy, and how the model sees it. The shares are of stated attitude, and
# wording and year move them by 10 to 15 points.
ANCHORS: Final = (
    ("recommended from past purchases", 0.27, Factors(0.10, 0.20, 0.00, 0.60, 0.0, 0.50)),
    ("offers on the phone in the store", 0.37, Factors(0.80, 0.40, 0.10, 0.25, 0.6, 0.25)),
    ("a text while walking past", 0.41, Factors(0.90, 0.40, 0.20, 0.25, 0.9, 0.50)),
    ("the staff see your history", 0.45, Factors(0.60, 0.30, 0.45, 0.60, 0.3, 0.50, exposure=0.2)),
    ("an ad from other sites", 0.52, Factors(0.30, 0.40, 1.00, 0.60, 0.0, 1.00)),
    ("a reminder of the basket", 0.54, Factors(0.25, 0.30, 0.35, 0.70, 0.0, 1.00)),
    ("greeted by name", 0.64, Factors(0.90, 0.40, 0.45, 0.90, 1.0, 1.00, exposure=0.5)),
    ("recognised by the face", 0.67, Factors(0.90, 0.80, 0.45, 0.70, 1.0, 1.00, exposure=0.3)),
)

WRITTEN_BEFORE: Final = frozenset({"a text while walking past", "an ad from other sites", "greeted by name"})
WRITTEN_BELOW: Final = frozenset({"greeted by name"})


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Write some words."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>'


def line(x1: float, y1: float, x2: float, y2: float, more: str = 'stroke="#dddddd"') -> str:
    """Draw a line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {more}/>'


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """Put a picture together."""
    box = f'viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">'
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *parts, "</svg>"]) + "\n"


def draw_cases() -> str:
    """Draw a bar for each worked case that is weighed: the part of each cause, and a line at the score as written.

    A paler bar is what a vetoed message would score, were there no vetoes.
    """
    left, top, row, wide = 270, 40, 24, 560
    bars: list[str] = []
    used: set[str] = set()
    at = 0
    for case in read_cases():
        is_vetoed = "without_vetoes" in case.told
        _, last = run_without_vetoes(case) if is_vetoed else run(case)
        if last is None or last.creep is None or last.creep.score is None:
            continue
        y, x = top + at * row, float(left)
        bars.append(text(left - 8, y + 13, case.number.replace("_", " "), 'text-anchor="end"'))
        for cause, part in last.creep.contributions.items():
            used.add(cause)
            fill = f'fill="{CAUSES[cause]}"' + (' fill-opacity="0.4"' if is_vetoed else "")
            bars.append(f'<rect x="{x:.1f}" y="{y}" width="{part * wide:.1f}" height="16" {fill}/>')
            x += part * wide
        as_written = last.creep.tried[0].score if last.creep.tried else last.creep.score
        mark = left + as_written * wide
        bars.append(line(mark, y - 2, mark, y + 18, 'stroke="#222222" stroke-width="2"'))
        outcome = "vetoed" if is_vetoed else f"{last.creep.rung}, {last.channel}"
        bars.append(text(left + wide + 14, y + 13, outcome, 'fill="#444444"'))
        at += 1
    limit = left + SHIPPED.limit * wide
    foot = top + at * row
    bars.append(line(limit, top - 8, limit, foot, 'stroke="#c0392b" stroke-dasharray="4 3"'))
    bars.append(text(limit, top - 14, f"limit {SHIPPED.limit:g}", 'text-anchor="middle" fill="#c0392b"'))
    for number, cause in enumerate(name for name in CAUSES if name in used):
        x, y = 20 + number % 5 * 170, foot + 24 + number // 5 * 20
        bars.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{CAUSES[cause]}"/>')
        bars.append(text(x + 18, y, cause.replace("_", " ")))
    return picture(
        960, foot + 80, "What makes the worked cases creepy, and how each would be as written", bars
    )


def draw_calibration() -> str:
    """Draw what surveys found beside what the model says."""
    left, foot, size = 60, 440, 400

    def at(share: float) -> float:
        return share * size / 0.8

    parts = [line(left, foot, left + size, foot - size, 'stroke="#bbbbbb" stroke-dasharray="4 3"')]
    for share in (0.2, 0.4, 0.6, 0.8):
        parts.append(line(left, foot - at(share), left + size, foot - at(share)))
        parts.append(text(left - 8, foot - at(share) + 4, f"{share:g}", 'text-anchor="end" fill="#666666"'))
        parts.append(text(left + at(share), foot + 18, f"{share:g}", 'text-anchor="middle" fill="#666666"'))
    for name, share, factors in ANCHORS:
        x, y = left + at(share), foot - at(score(SHIPPED, factors))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#4a90c2"/>')
        before = name in WRITTEN_BEFORE
        lift = BELOW if name in WRITTEN_BELOW else 4
        parts.append(text(x + (-9 if before else 9), y + lift, name, 'text-anchor="end"' if before else ""))
    parts.append(
        text(left + size / 2, foot + 40, "share of a survey that called it creepy", 'text-anchor="middle"')
    )
    parts.append(text(left, foot - size - 12, "score of the model"))
    return picture(640, 500, "The model beside eight surveys of stated attitude", parts)


def draw_budget() -> str:
    """Draw the level of one customer's budget when something of 0.30 could be said every day, for a fortnight."""
    left, top, wide, high, days, cost = 60, 30, 44, 240, 14, 0.30
    foot = top + high

    def place(at_ms: float, level: float) -> str:
        return f"{left + at_ms / DAY_MS * wide:.1f},{foot - level * high:.1f}"

    level, since_ms, points, marks = 0.0, 0, [place(0, 0)], []
    for hour in range(days * DAY_HOURS + 1):
        at_ms = hour * HOUR_MS
        now = budget.level_at(level, since_ms, at_ms, SHIPPED.half_life_ms)
        points.append(place(at_ms, now))
        if hour % DAY_HOURS == NOON_HOUR:
            fits = cost <= budget.room(SHIPPED, now)
            x, fill = left + at_ms / DAY_MS * wide, "#1b7f4b" if fits else "#ffffff"
            marks.append(f'<circle cx="{x:.1f}" cy="{foot + 14}" r="5" fill="{fill}" stroke="#1b7f4b"/>')
            if fits:
                level, since_ms = now + cost, at_ms
                points.append(place(at_ms, level))
    parts = [
        line(left, foot - high, left + days * wide, foot - high, 'stroke="#c0392b" stroke-dasharray="4 3"'),
        text(left + 4, foot - high - 6, "capacity 1.0", 'fill="#c0392b"'),
        line(left, foot, left + days * wide, foot, 'stroke="#666666"'),
        f'<polyline points="{" ".join(points)}" fill="none" stroke="#4a90c2" stroke-width="2"/>',
        *marks,
    ]
    parts += [
        text(left + day * wide, foot + 40, f"day {day}", 'text-anchor="middle" fill="#666666"')
        for day in range(0, days + 1, 2)
    ]
    parts.append(text(left, foot + 62, "full circles: said; empty ones: no room", 'fill="#444444"'))
    return picture(
        720, 350, "A fortnight of one budget, where a message of 0.30 could be said every day", parts
    )


PICTURES: Final = {
    "creep-cases.svg": draw_cases,
    "creep-calibration.svg": draw_calibration,
    "creep-budget.svg": draw_budget,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (HERE / name).write_text(draw(), "utf-8")
