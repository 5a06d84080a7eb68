"""growth.svg: tokens a processor second over the length of texts, both on a scale of powers of two; a line for each model and precision, with the most threads."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT = 860, 420, 70, 40, 250
COLOURS = ("#4878a8", "#3d9a6c", "#d08a2e", "#a8484f", "#7d5aa6")


def svg(rows):
    most_threads = max(row["threads"] for row in rows)
    rows = [row for row in rows if row["threads"] == most_threads]
    lines = {(row["model"], row["precision"]): {int(n): cell["per_processor_second"] for n, cell in row["lengths"].items()} for row in rows}
    models = list(dict.fromkeys(model for model, _ in lines))
    precisions = sorted({precision for _, precision in lines})
    lengths = sorted({n for line in lines.values() for n in line})
    speeds = [speed for line in lines.values() for speed in line.values()]
    low, high = math.floor(math.log2(min(speeds))), math.ceil(math.log2(max(speeds)))

    def x(length):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(length / lengths[0]) / max(1, math.log2(lengths[-1] / lengths[0]))

    def y(speed):
        return TOP + (HEIGHT - TOP - 40) * (high - math.log2(speed)) / max(1, high - low)
    parts = [f'<text x="{LEFT}" y="22" class="title">tokens a processor second over tokens of a text, {most_threads} threads</text>']
    for power in range(low, high + 1):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(2 ** power):.1f}" y2="{y(2 ** power):.1f}" class="grid"/><text x="{LEFT - 8}" y="{y(2 ** power) + 4:.1f}" text-anchor="end">{2 ** power:,}</text>')
    parts += [f'<text x="{x(n):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{n}</text>' for n in lengths]
    ends = []       # of the labels, from the top, each below the one before
    for (model, precision), line in sorted(lines.items(), key=lambda item: -item[1][max(item[1])]):
        colour, dash = COLOURS[models.index(model) % len(COLOURS)], "" if precisions.index(precision) == 0 else ' stroke-dasharray="6 4"'
        points = " ".join(f"{x(n):.1f},{y(line[n]):.1f}" for n in sorted(line))
        at = max(y(line[max(line)]) + 4, ends[-1] + 15 if ends else 0)
        ends.append(at)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/><text x="{WIDTH - RIGHT + 10}" y="{at:.1f}" fill="{colour}">{escape(model)}, {escape(precision)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">\n'
            f'<style>text:not([fill]){{fill:#222}} .title{{font-size:14px;font-weight:bold}} .grid{{stroke:#888;stroke-opacity:0.3}}\n'
            f'@media (prefers-color-scheme: dark){{text:not([fill]){{fill:#ddd}}}}</style>\n' + "\n".join(parts) + "\n</svg>\n")
