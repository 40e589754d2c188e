"""The interactive page: one HTML file with Plotly in it, so that it works offline."""
import functools
import html as escape
import json
import re
from pathlib import Path

import numpy as np
from plotly.offline import offline

from plotting import figures

HERE = Path(__file__).parent
offline.open = functools.partial(open, encoding="utf-8")  # Debian's plotly reads its script in the terminal's encoding


def rounded(values, digits):
    """Nested lists for JSON, null where there is no value."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), np.round(values, digits), None).tolist()


def chosen_cells(run):
    """(lr, column) whose curves are shown at first: the best, and what falls off the cliffs beside it."""
    answers = run.answers
    if not answers:
        lr, column = np.unravel_index(np.nanargmax(run.accuracy), run.accuracy.shape)
        return [(run.learning_rates[lr], run.columns[column])]
    best = run.place(answers["best"])
    chosen = [best]
    if answers["fewest_bits"]:
        chosen.append(run.place(answers["fewest_bits"]))
    if run.left_cliff:
        chosen.append((run.left_cliff[0], best[1]))
    knee = {lr: knee for lr, knee, _ in run.knees}.get(best[0])
    below = [column for column in run.columns if knee is not None and column < knee]
    if below:
        chosen.append((best[0], below[-1]))
    return list(dict.fromkeys(chosen))


def data_of(run):
    """What the page's script draws a run from; tables are [column][lr], as heat maps have them."""
    data = {
        "title": run.title, "held": run.held, "trained": int((~run.untrained).sum()), "lr": run.learning_rates, "axis": run.axis, "columns": run.columns,
        "maps": {name: rounded(table.T, 6 if "accuracy" in name else 4) for name, table in run.maps.items()},
        "knees": run.knees, "cliff": run.cliff_line, "left_cliff": run.left_cliff,
        "answers": run.answers, "run": run.run, "curves": None,
    }
    if run.curves:
        data["curves"] = {"steps": run.curves.steps.tolist(), "accuracy": rounded(run.curves.accuracy, 4),
                          "chosen": chosen_cells(run)}
    return data


def plotly_script():
    """Plotly's JavaScript."""
    return offline.get_plotlyjs()


def embedded(data):
    """JSON for a script element: no text in it can end the element or comment it out."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def html(results):
    """The text of the page."""
    ranges = {name: [float(end) for end in figures.colour_range(results, name)] for name in figures.HEAT_MAPS
              if any(name in run.maps for run in results)}
    parts = {
        "TITLE": escape.escape(" beside ".join(run.title for run in results)),
        "STYLE": (HERE / "page.css").read_text(encoding="utf-8"),
        "PLOTLY": plotly_script(),
        "DATA": embedded({"runs": [data_of(run) for run in results], "ranges": ranges}),
        "SCRIPT": (HERE / "page.js").read_text(encoding="utf-8"),
    }
    page = (HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], page)
