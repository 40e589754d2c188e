"""The interactive page: one HTML file that works offline. Its script draws it, of the data that are written into it here."""
import base64
import html as escape
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from plotting import figures
from plotting.results import end_of, held_text
from plotting.terminal import printable

WEB = Path(__file__).parent / "web"
SCRIPTS = ("charts.js", "heat_map.js", "line_chart.js", "surface.js", "page.js")  # the last draws with the others
CURVE_VALUES = 120_000  # of all curves: as many keep the page below a third of a megabyte
LEAST_POINTS = 25  # of a curve, nevertheless
NO_CURVE = 65535  # of a network that is not trained
MOST_CHOSEN = 7  # curves that are shown at first
OF_ROWS = re.compile(r"(lr|plateau, %|accuracy, %|binary64, %|knee, bits|lr -?\d+)\s*")  # lines that the page has as a table
NAME_WIDTH = 16  # of a line of the answers


def rounded(values, digits):
    """Nested lists for JSON, null where there is no value; None of None."""
    if values is None:
        return None
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), np.round(values, digits), None).tolist()


def chosen_cells(run):
    """(lr, column) whose curves are shown at first: the best, and what falls off the cliffs beside it."""
    told = run.told
    if not told.best:
        lr, column = np.unravel_index(np.nanargmax(run.values), run.values.shape)
        return [(run.learning_rates[lr], run.columns[column])]
    best = told.best
    chosen = [best]
    if told.fewest_bits:
        chosen.append(told.fewest_bits)
    if told.left_cliff:
        chosen.append((told.left_cliff[0], best[1]))
    knee = {lr: knee for lr, knee, _ in told.knees}.get(best[0])
    below = [column for column in run.columns if knee is not None and column < knee]
    if below:
        chosen.append((best[0], below[-1]))
    return list(dict.fromkeys(chosen))


def curves_of(run, points, chosen):
    """The learning curves at so many of their steps, as integers of 16 bits for accuracies of -0.5 to 1.5."""
    at = np.unique(np.linspace(0, len(run.curves.steps) - 1, min(points, len(run.curves.steps))).round().astype(int))
    accuracy = run.curves.accuracy[..., at]
    codes = np.round((np.clip(np.nan_to_num(accuracy), -0.5, 1.5) + 0.5) / 2 * (NO_CURVE - 1))
    codes = np.where(np.isnan(accuracy), NO_CURVE, codes).astype("<u2")
    return {"steps": run.curves.steps[at].tolist(), "accuracy": base64.b64encode(codes.tobytes()).decode("ascii"),
            "chosen": [(run.learning_rates.index(lr), run.columns.index(column)) for lr, column in chosen]}


def answers_of(run):
    """The lines of the answers, and what is a row of each learning rate as numbers."""
    answers, told = run.answers, run.told
    if not answers:
        return None

    def numbers(estimate):
        if isinstance(estimate, dict):
            return tuple(estimate[name] for name in ("median", "low", "high"))
        return (estimate,) * 3

    best, fewest = answers["best"], answers["fewest_bits"]
    reached = best["value"] if run.seeds is not None and "value" in best else run.values[
        run.learning_rates.index(told.best[0]), run.columns.index(told.best[1])]
    lines = [(line[:NAME_WIDTH].strip(), line[NAME_WIDTH:].strip()) for line in answers["text"]]
    return {"lines": [(name, text) for name, text in lines if not OF_ROWS.fullmatch(name)],
            "rows": [{"lr": row.lr, "plateau": row.plateau, "knee": row.knee, "cut_off": row.cut_off,
                      "baseline": row.baseline} for row in told.rows],
            "best": numbers(reached), "fewest": numbers(fewest[run.axis]) if fewest and run.axis else None}


def data_of(run, title, source, points, chosen):
    """What the page's script draws a table from; tables are [column][lr], as heat maps have them."""
    told = run.told

    def turned(table, digits):
        return None if table is None else rounded(table.T, digits)

    return {
        "title": title, "source": source, "lr": run.learning_rates, "axis": run.axis, "columns": run.columns,
        "metric": run.metric,
        "maps": {name: turned(table, 4) for name, table in run.maps.items() if name != run.axis},  # which is on an axis
        "low": turned(run.low, 4), "high": turned(run.high, 4), "seeds": turned(run.seeds, 0),
        "baseline": rounded(run.baseline, 4),
        "labels": run.labels and [list(row) for row in zip(*run.labels)],
        "knees": told.knees, "intervals": told.knee_intervals, "cliff": told.cliff_line, "left_cliff": told.left_cliff,
        "answers": answers_of(run), "curves": run.curves and curves_of(run, points, chosen),
    }


def place_of(run):
    """A table's title on the page of its run alone."""
    return printable(held_text(run.held)).removeprefix(", ") or run.title


def embedded(data):
    """JSON for a script element: no text in it can end the element or comment it out."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def data_of_page(results):
    """All that the page's script draws."""
    sources = list(dict.fromkeys(run.source for run in results))
    names = [source.name for source in sources]
    of_curves = [run for run in results if run.curves]
    points = max(LEAST_POINTS, CURVE_VALUES // max(1, sum(run.values.size for run in of_curves)))
    chosen = {id(run): chosen_cells(run) for run in of_curves}
    if len(of_curves) > 2:  # the best of each of the first
        chosen = {id(run): chosen_cells(run)[:1] for run in of_curves[:MOST_CHOSEN]}
    ranges = {name: [float(end) for end in figures.colour_range(results, name)]
              for name in dict.fromkeys(name for run in results for name in run.maps if name != run.axis)}
    return {
        "sources": [{"name": source.name if names.count(source.name) == 1 else f"{source.name}, {end_of(source.directory)}",
                     "run": source.run, "front": source.front,
                     "tables": sum(run.source is source for run in results),
                     "trained": source.trained, "networks": source.networks} for source in sources],
        "tables": [data_of(run, run.title if len(sources) > 1 else place_of(run), sources.index(run.source), points,
                           chosen.get(id(run), [])) for run in results],
        "ranges": ranges,
        "palettes": {name: [to_hex(colour) for colour in matplotlib.colormaps[name](np.linspace(0, 1, 64))]
                     for name in ("viridis", "cividis")},
        "labels": {"colours": figures.LABEL_COLOURS, "other": figures.OTHER_COLOUR},
    }


def html(results):
    """The text of the page."""
    data = data_of_page(results)
    parts = {
        "TITLE": escape.escape(" beside ".join(source["name"] for source in data["sources"])),
        "STYLE": (WEB / "page.css").read_text(encoding="utf-8"),
        "DATA": embedded(data),
        "SCRIPT": "".join((WEB / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = (WEB / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], page)
