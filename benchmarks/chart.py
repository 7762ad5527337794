"""A picture of the product beside the peers, where matplotlib is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Group
from benchmarks.runner import Result

_COLOURS = {Group.PRODUCT: "#c2410c", Group.YARDSTICK: "#a8a29e", Group.PEER: "#44403c"}
_PANELS = (
    (("throughput", "bulk"), "per_s", "jobs done a second (more is better)"),
    (("latency",), "p50_ms", "launch to result, p50 in ms (less is better)"),
    (("throughput", "bulk"), "cpu", "CPU µs a job, all processes (less is better)"),
)


def draw(results: Iterable[Result], file: Path) -> list[Path]:
    """Write `file` with .png and .svg; what was written, nothing without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "schedulergodx"  # the same figures, the same file
    results = list(results)
    panels = [
        (found, key, title)
        for names, key, title in _PANELS
        if (found := [r for r in results if r.workload in names and key in r.figures])
    ]
    return _draw(panels, file) if panels else []


def _draw(panels: Sequence[tuple[list[Result], str, str]], file: Path) -> list[Path]:
    from matplotlib import pyplot

    rows = max(len(results) for results, _, _ in panels)
    size = (6.2 * len(panels), 1.2 + 0.32 * rows)
    figure, axes = pyplot.subplots(1, len(panels), figsize=size, squeeze=False)
    for axis, (results, key, title) in zip(axes[0], panels, strict=True):
        _draw_panel(axis, results, key, title)
    figure.tight_layout()
    written = [file.with_suffix(".png"), file.with_suffix(".svg")]
    for path in written:
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
    return written


def _draw_panel(axis: Any, results: list[Result], key: str, title: str) -> None:
    more = key == "per_s"
    ordered = sorted(results, key=lambda result: result.figures[key] * (1 if more else -1))
    values = [result.figures[key] for result in ordered]
    bars = axis.barh(
        [result.entry for result in ordered],
        values,
        color=[_COLOURS[result.group] for result in ordered],
    )
    axis.bar_label(bars, [f" {value:,.0f}" if value >= 10 else f" {value:.2f}" for value in values])
    axis.set_xscale("log")
    axis.set_xlim(min(values) / 2, max(values) * 3)
    axis.xaxis.set_major_formatter("{x:,g}")
    axis.xaxis.set_minor_formatter("")
    axis.set_title(title, fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
