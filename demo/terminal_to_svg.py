#!/usr/bin/env python3
"""Draws what a terminal got, read from standard input, as an SVG: terminal_to_svg.py <typescript >FILE.svg

It knows printable characters, a new line, a return to the start of a line, and the escape that clears a line's rest.
Any other control character is an error. A prompt at the start of a line, with what was typed behind it, is highlighted.
"""

import re
import sys
from xml.sax.saxutils import escape

CELL = 8.4  # the width of a character of 14 pixels, in most monospaced fonts
LINE = 20
MARGIN = 16


def lines_of(text):
    """Returns the lines that the terminal shows in the end."""
    lines, column, at = [""], 0, 0
    while at < len(text):
        if text.startswith("\033[K", at):
            lines[-1] = lines[-1][:column]
            at += 3
            continue
        char = text[at]
        at += 1
        if char == "\n":
            lines.append("")
            column = 0
        elif char == "\r":
            column = 0
        elif char.isprintable():
            lines[-1] = lines[-1][:column].ljust(column) + char + lines[-1][column + 1:]
            column += 1
        else:
            raise ValueError(f"the terminal got {char!r}, which this program doesn't know")
    return [line.rstrip() for line in "\n".join(lines).rstrip("\n").split("\n")]


def draw(lines):
    width = 2 * MARGIN + CELL * max(len(line) for line in lines)
    height = 2 * MARGIN + LINE * len(lines)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
           f'viewBox="0 0 {width:.0f} {height}" role="img">')
    yield f"<title>{escape(lines[0])}</title>"
    yield "<style>text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#d8dee9;white-space:pre}" \
          ".prompt{fill:#88c0d0}.typed{fill:#fff;font-weight:bold}</style>"
    yield f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#2e3440"/>'
    for number, line in enumerate(lines):
        typed = re.match(r"([a-z0-9]+[$#] )(.*)", line)
        text = f'<tspan class="prompt">{typed[1]}</tspan><tspan class="typed">{escape(typed[2])}</tspan>' \
            if typed else escape(line)
        if line:
            yield (f'<text x="{MARGIN}" y="{MARGIN + LINE * number + 15}" xml:space="preserve" '
                   f'textLength="{CELL * len(line):.1f}">{text}</text>')
    yield "</svg>"


print("\n".join(draw(lines_of(sys.stdin.read()))))
