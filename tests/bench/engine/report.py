"""The result: a table, ratios, the targets, and everything as JSON."""

import json
import os
import platform
import statistics

from figures import FIGURES

OURS = "ours"
# A target: the figure, the peer, and the least ratio of the engine's to the peer's (or the greatest, where less is
# better). "distribution" and "newest" are peers, "best" is the better of them in each round. The delay under load has
# the newest alone as peer: it grows with the data in flight, and the old one carries too little.
AIMS = (
    ("tcp1", "distribution", 10),
    ("tcp1", "newest", 2),
    ("cpu", "best", 0.5),
    ("ping_idle", "best", 0.5),
    ("ping_loaded", "newest", 0.6),
    ("udp_large", "best", 1.3),
    ("udp_small", "best", 1.3),
)
MEMORY = 6  # MiB, at most


class Report:
    """Samples by contender and figure, one for each round; None where there is none."""

    def __init__(self, contenders, seconds, others):
        self.seconds = seconds
        self.others = others  # processors that other programs kept busy before
        self.versions = {contender.name: contender.version for contender in contenders}
        self.titles = {contender.name: f"{contender.title} {contender.version}".strip() for contender in contenders}
        self.samples = {name: {figure: [] for figure in FIGURES} for name in self.titles}

    def add(self, name, found):
        for figure, samples in self.samples[name].items():
            if figure != "idle":
                samples.append(found.get(figure))

    def add_idle(self, contenders, found):
        for contender, milliseconds in zip(contenders, found):
            if contender.processes:
                self.samples[contender.name]["idle"].append(milliseconds)

    def peers(self):
        return [name for name in self.titles if name in ("distribution", "newest")]

    def median(self, name, figure):
        samples = [sample for sample in self.samples[name][figure] if sample is not None]
        return statistics.median(samples) if samples else None

    def best(self, figure, number):
        """Returns the peers' values in one round."""
        found = [self.samples[peer][figure][number] for peer in self.peers()]
        found = [sample for sample in found if sample is not None]
        if not found:
            return None
        return max(found) if FIGURES[figure][2] else min(found)

    def ratio(self, figure, peer):
        """Returns the median of the ratios to a peer, over the rounds."""
        ratios = []
        for number, ours in enumerate(self.samples[OURS][figure]):
            theirs = self.best(figure, number) if peer == "best" else self.samples[peer][figure][number]
            if ours is not None and theirs:
                ratios.append(ours / theirs)
        return statistics.median(ratios) if ratios else None

    def table(self):
        """Prints medians and ratios as columns of text."""
        names, peers = list(self.titles), self.peers()
        rows = [["", ""] + [self.titles[name].partition(" 0.")[0] for name in names] + ["ours to" for _ in peers],
                ["", ""] + [self.versions[name] for name in names + peers]]
        for figure, (title, unit, _) in FIGURES.items():
            medians = [number(self.median(name, figure)) for name in names]
            ratios = [number(self.ratio(figure, peer)) for peer in peers]
            rows.append([title, unit] + medians + ratios)
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join(
            "  ".join(text.ljust(width) if i < 2 else text.rjust(width)
                      for i, (text, width) in enumerate(zip(row, widths)))
            for row in rows)

    def aims(self):
        """Returns title, bound, value, and whether it is met, of each target whose peer is there."""
        found = []
        for figure, peer, bound in AIMS:
            more = FIGURES[figure][2]
            value = self.ratio(figure, peer) if peer in self.titles or (peer == "best" and self.peers()) else None
            if value is not None:
                against = "the best peer" if peer == "best" else self.titles[peer]
                found.append((f"{FIGURES[figure][0]}: at {'least' if more else 'most'} {bound} times {against}", value,
                              value >= bound if more else value <= bound))
        memory = self.median(OURS, "memory")
        if memory is not None:
            found.append((f"{FIGURES['memory'][0]}: at most {MEMORY} MiB", memory, memory <= MEMORY))
        return found

    def print(self):
        print(self.table())
        print()
        if self.others > 0.1:
            print(f"Other programs kept {self.others:.1f} of {os.cpu_count()} processors busy. That slows one thread "
                  "more than many:\nCPU per GB is what counts then.\n")
        for title, value, met in self.aims():
            print(f"aim: {title:<78} {number(value):>6}  {'met' if met else 'MISSED'}")

    def write(self, path):
        aims = [{"aim": title, "found": value, "met": met} for title, value, met in self.aims()]
        medians = {name: {figure: self.median(name, figure) for figure in FIGURES} for name in self.titles}
        ratios = {peer: {figure: self.ratio(figure, peer) for figure in FIGURES} for peer in self.peers()}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"kernel": platform.release(), "processors": os.cpu_count(),
                       "busy_before": self.others, "seconds": self.seconds, "versions": self.versions,
                       "figures": {figure: {"title": title, "unit": unit, "more_is_better": more}
                                   for figure, (title, unit, more) in FIGURES.items()},
                       "medians": medians, "ours_to": ratios, "aims": aims, "samples": self.samples}, file, indent=1)
            file.write("\n")


def number(value):
    """Rounds to three digits."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3f}"
