"""The report as a picture: a panel for each figure, a bar for each contender's median, a dot for each round."""

from html import escape

from figures import FIGURES
from report import number

COLUMNS = 3
PANEL_WIDTH, PANEL_TOP, BAR, GAP, MARGIN = 330, 44, 18, 8, 24
LABEL, VALUE = 96, 52  # room for names at the left of the bars, and for numbers at their right
COLOURS = {"veth": "#b8bec6", "distribution": "#8fb0d0", "newest": "#4a7fb0", "ours": "#d9662b"}
NAMES = {"veth": "bare veth", "distribution": "wireguard-go", "newest": "newest w.-go", "ours": "cwg-engine"}


def text(x, y, content, **attributes):
    options = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{options}>{escape(content)}</text>'


def bar(report, figure, name, scale, x, y):
    """One contender's line in a panel."""
    median = report.median(name, figure)
    middle = y + BAR / 2
    lines = [text(x + LABEL - 6, middle + 4, NAMES[name], text_anchor="end")]
    if median is None:
        return lines + [text(x + LABEL, middle + 4, "-")]
    lines.append(f'<rect x="{x + LABEL}" y="{y}" width="{max(median * scale, 1):.1f}" height="{BAR}" '
                 f'fill="{COLOURS[name]}"/>')
    samples = [sample for sample in report.samples[name][figure] if sample is not None]
    lines += [f'<circle cx="{x + LABEL + sample * scale:.1f}" cy="{middle}" r="2" fill="#222" fill-opacity="0.45"/>'
              for sample in samples]
    end = x + LABEL + max(samples) * scale
    return lines + [text(end + 6, middle + 4, number(median), font_weight="bold")]


def panel(report, figure, x, y):
    title, unit, more = FIGURES[figure]
    names = list(report.titles)
    found = [sample for name in names for sample in report.samples[name][figure] if sample is not None]
    scale = (PANEL_WIDTH - LABEL - VALUE) / (max(found, default=0) or 1)
    lines = [text(x, y + 14, title, font_weight="bold", font_size=13),
             text(x, y + 30, f"{unit}; {'more' if more else 'less'} is better", fill="#666")]
    for place, name in enumerate(names):
        lines += bar(report, figure, name, scale, x, y + PANEL_TOP + place * (BAR + GAP))
    return lines


def write(report, path):
    """Returns SVG that each viewer shows."""
    height = PANEL_TOP + len(report.titles) * (BAR + GAP) + 20
    rows = -(-len(FIGURES) // COLUMNS)
    head = 2 * MARGIN + 36
    width, total = MARGIN + COLUMNS * (PANEL_WIDTH + MARGIN), head + rows * height
    versions = "; ".join(title for title in report.titles.values() if title[-1].isdigit())
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" '
             f'height="{total}" font-family="sans-serif" font-size="12" fill="#222">',
             f'<rect width="{width}" height="{total}" fill="white"/>',
             text(MARGIN, MARGIN + 10, "Two containers joined by userspace WireGuard", font_size=18,
                  font_weight="bold"),
             text(MARGIN, MARGIN + 32, f"{versions}. Bars are medians, dots are rounds.", fill="#666")]
    for place, figure in enumerate(FIGURES):
        x = MARGIN + place % COLUMNS * (PANEL_WIDTH + MARGIN)
        lines += panel(report, figure, x, head + place // COLUMNS * height)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["</svg>", ""]))
