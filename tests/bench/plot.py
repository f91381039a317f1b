"""Plots of lines as SVG, which every browser shows and git keeps as text."""

from html import escape

from found import Plot

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 58, 44
COLORS = ["#1f6feb", "#d1242f"]


def svg(plot: Plot) -> str:
    points = [point for line in plot.lines.values() for point in line]
    most_x, most_y = (round_up(max(point[axis] for point in points)) for axis in (0, 1))

    def x(value: float) -> float:
        return LEFT + value / most_x * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / most_y * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#59636e">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14" fill="#1f2328">{escape(plot.title)}</text>',
    ]
    for part in range(5):
        across, up = most_x * part / 4, most_y * part / 4
        parts += [
            f'<path d="M{LEFT} {y(up):.1f}H{WIDTH - RIGHT}" stroke="#d1d9e0"/>',
            f'<text x="{LEFT - 6}" y="{y(up) + 4:.1f}" text-anchor="end">{up:,g}</text>',
            f'<text x="{x(across):.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{across:,g}</text>',
        ]
    parts += [
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(plot.x)}</text>',
        f'<text x="{LEFT - 6}" y="{TOP - 10}" text-anchor="end">{escape(plot.y)}</text>',
    ]
    for number, (name, line) in enumerate(plot.lines.items()):
        color = COLORS[number % len(COLORS)]
        path = " ".join(f"{x(across):.1f},{y(up):.1f}" for across, up in line)
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>',
            f'<text x="{LEFT + 10}" y="{TOP - 22 + 15 * number}" fill="{color}">{escape(name)}</text>',
        ]
        if len(line) < 10:
            parts += [f'<circle cx="{x(across):.1f}" cy="{y(up):.1f}" r="3" fill="{color}"/>'
                      for across, up in line]
    return "\n".join([*parts, "</svg>", ""])


def round_up(value: float) -> float:
    """The next of 1, 2, 4 and 10 times a power of ten: the ends of an axis in four parts."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power >= value and power > 1e-3:
        power /= 10
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if power * step >= value)
