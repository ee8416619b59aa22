"""Draws groups of bars as SVG, so that a result can be looked at."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

COLOURS = ("#2b6cb0", "#2c7a7b", "#6b46c1", "#c05621", "#718096")
HEIGHT, LEFT, TOP, BAR, GAP = 180, 44, 54, 16, 18


def draw(title: str, groups: Sequence[str], values: Mapping[str, Sequence[float]], top: float, line: float) -> str:
    """Return an SVG: for each of ``groups`` a bar of each series of ``values``, and a line at what is aimed at.

    ``top`` is the value at the upper edge; what is above it is cut, its figure is not.
    """
    wide = len(values) * BAR + GAP
    parts = [f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>']
    for number, (name, series) in enumerate(values.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_legend(number, name, colour))
        for group, value in enumerate(series):
            parts.append(_bar(LEFT + GAP / 2 + group * wide + number * BAR, value, top, colour))
    for group, name in enumerate(groups):
        middle = LEFT + group * wide + wide / 2
        parts.extend(
            f'<text x="{middle:.0f}" y="{TOP + HEIGHT + 14 + 12 * row}" text-anchor="middle">{escape(text)}</text>'
            for row, text in enumerate(name.split("\n"))
        )
    width = LEFT + len(groups) * wide + 10
    at = TOP + HEIGHT * (1 - line / top)
    parts.append(f'<path d="M{LEFT} {at:.1f}H{width}" stroke="#000" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{LEFT - 4}" y="{at + 4:.0f}" text-anchor="end">{line:g}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{TOP + HEIGHT}H{width}" stroke="#000" fill="none"/>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{TOP + HEIGHT + 44}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _bar(left: float, value: float, top: float, colour: str) -> str:
    high = HEIGHT * min(max(value, 0) / top, 1)
    y = TOP + HEIGHT - high
    figure = f'<text x="{left + BAR / 2:.0f}" y="{y - 3:.0f}" text-anchor="middle" font-size="8">{value:.0f}</text>'
    return f'<rect x="{left:.0f}" y="{y:.1f}" width="{BAR - 2}" height="{high:.1f}" fill="{colour}"/>{figure}'


def _legend(number: int, name: str, colour: str) -> str:
    x = LEFT + 110 * number
    box = f'<rect x="{x}" y="22" width="9" height="9" fill="{colour}"/>'
    return f'{box}<text x="{x + 13}" y="30">{escape(name)}</text>'
