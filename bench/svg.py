"""A picture of a sweep: a panel for each dimension, records/s over its values. Written by hand, so that `make bench` needs no
plotting library."""
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 430, 270
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 44, 46
INK, GRID, LINE, CEILING = "#24292f", "#d0d7de", "#0969da", "#8c959f"
STYLE = ("text{font:12px system-ui,sans-serif;fill:%s}.title{font-weight:600;font-size:13px}.small{font-size:10px}"
         ".grid{stroke:%s;stroke-width:1}.line{fill:none;stroke:%s;stroke-width:2}.spread{stroke:%s;stroke-width:1}"
         ".ceiling{stroke:%s;stroke-width:1.5;stroke-dasharray:5 4;fill:none}" % (INK, GRID, LINE, LINE, CEILING))


def nice(top):
    """The least round number that is not below."""
    step = 10 ** (len(str(int(top))) - 1)
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * factor >= top)


def short(value):
    """Beside a point."""
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    return f"{value / 1e3:.0f} k" if value >= 1e3 else f"{value:.0f}"


def label(value):
    """Of an axis: no digits that say nothing."""
    for over, unit in ((1e6, " M"), (1e3, " k")):
        if value >= over:
            return f"{value / over:g}{unit}"
    return f"{value:g}"


def panel(title, points, ceiling):
    """Points: (label, least, median, greatest). The values of a dimension stand at equal distances: they are of several
    orders of magnitude. Ceiling: a value for each point, None where there is none."""
    top = nice(max([greatest for *_, greatest in points] + [value for value in ceiling if value]) * 1.05)
    x = lambda i: LEFT + (i + 0.5) * (WIDTH - LEFT - RIGHT) / len(points)  # noqa: E731
    y = lambda value: TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)  # noqa: E731
    out = [f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>']
    for part in range(5):
        value = top * part / 4
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        out.append(f'<text class="small" text-anchor="end" x="{LEFT - 6}" y="{y(value) + 4:.1f}">{label(value)}</text>')
    over = [f"{x(i):.1f},{y(value):.1f}" for i, value in enumerate(ceiling) if value]
    if over:
        out.append(f'<polyline class="ceiling" points="{" ".join(over)}"/>')
    out.append(f'<polyline class="line" points="{" ".join(f"{x(i):.1f},{y(point[2]):.1f}" for i, point in enumerate(points))}"/>')
    for i, (name, least, median, greatest) in enumerate(points):
        out.append(f'<line class="spread" x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{y(least):.1f}" y2="{y(greatest):.1f}"/>')
        out.append(f'<circle cx="{x(i):.1f}" cy="{y(median):.1f}" r="3.5" fill="{LINE}"/>')
        out.append(f'<text class="small" text-anchor="middle" x="{x(i):.1f}" y="{y(greatest) - 8:.1f}">{short(median)}</text>')
        out.append(f'<text text-anchor="middle" x="{x(i):.1f}" y="{HEIGHT - BOTTOM + 18}">{escape(name)}</text>')
    return "\n".join(out)


def picture(panels, caption):
    """Panels: (title, points, ceiling) each, two in a row."""
    rows = (len(panels) + 1) // 2
    width, height = WIDTH * 2, HEIGHT * rows + 30
    drawn = [f'<g transform="translate({WIDTH * (i % 2)},{HEIGHT * (i // 2)})">{panel(*what)}</g>' for i, what in enumerate(panels)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
            f'<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(drawn) +
            f'\n<text class="small" x="{LEFT}" y="{height - 10}">{escape(caption)}</text>\n</svg>\n')
