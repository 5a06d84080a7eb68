"""peers.svg: texts a second of each peer, a panel a set, the fastest on top."""
from xml.sax.saxutils import escape

WIDTH, ROW, LABEL, TOP = 860, 22, 250, 34
COLOURS = {"fp32": "#4878a8", "int16": "#3d9a6c", "int8": "#d08a2e"}


def svg(data):
    y, parts = 44, []
    for name, facts in data["sets"].items():
        rows = sorted(data["peers"], key=lambda row: -row["sets"][name]["texts_per_second"])
        most = rows[0]["sets"][name]["texts_per_second"]
        parts.append(f'<text x="8" y="{y + 14}" class="title">{escape(name)}: {facts["tokens"] / facts["texts"]:.0f} tokens on average, texts a second</text>')
        y += TOP - 8
        for row in rows:
            speed, ours = row["sets"][name]["texts_per_second"], row["name"].startswith("rag_factory")
            width = max(1, (WIDTH - LABEL - 70) * speed / most)
            parts.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end"{" class=" + chr(34) + "ours" + chr(34) if ours else ""}>{escape(row["name"])}</text>'
                         f'<rect x="{LABEL}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{COLOURS[row["precision"]]}" opacity="{1 if ours else 0.55}"/>'
                         f'<text x="{LABEL + width + 6:.1f}" y="{y + 15}">{speed:.0f}</text>')
            y += ROW
        y += 18
    legend = "".join(f'<rect x="{LABEL + 90 * i}" y="12" width="12" height="12" fill="{colour}"/><text x="{LABEL + 90 * i + 18}" y="22">{name}</text>'
                     for i, (name, colour) in enumerate(COLOURS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">\n'
            f'<style>text{{fill:#222}} .title{{font-size:14px;font-weight:bold}} .ours{{font-weight:bold}}\n'
            f'@media (prefers-color-scheme: dark){{text{{fill:#ddd}}}}</style>\n{legend}\n' + "\n".join(parts) + "\n</svg>\n")
