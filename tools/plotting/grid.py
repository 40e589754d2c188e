"""The cells of a run, read from figures.csv and summary.csv, or an older run's grid.csv, and checked."""
import csv
import io
import json
import math
from dataclasses import dataclass
from typing import Optional

import numpy as np

from plotting.checked import Integer, Magnitude, Real, Text, Value, check, request_error, value_of
from plotting.terminal import shortened

FRACTION, BITS, WHOLE_BITS = Integer(0, 52), Integer(2, 64), Integer(-62, 64)  # of the configuration
AXES = {"lr": Integer(-16, 62), "fraction": FRACTION, "bits": BITS}  # that tables have, or that hold them
OF_FORMATS = {"fraction": FRACTION, "bits": BITS, "integer": WHOLE_BITS}
SEED = "train.seed"
FIGURES = {"accuracy": Real(100), "mean_update": Magnitude(1e40), "mean_error": Magnitude(1e40)}  # each network has
METRICS = {"accuracy": Real(100), "recent_accuracy": Magnitude(1), "test_accuracy": Magnitude(1)}
OPTIONAL = {name: form for name, form in METRICS.items() if name not in FIGURES}  # an empty field where there is none
BASELINES = {f"baseline_{name}": form for name, form in METRICS.items()}  # likewise
INTERVALS = {f"{name}_{end}": form for name, form in METRICS.items() for end in ("low", "high")}  # likewise
LABEL = Text(40)
LONGEST_NAME = 100  # of an axis
ARRAYS = {"lr": "learning_rates", "fraction": "fractions"}  # what archives call axes; others by their names


@dataclass(frozen=True)
class Grid:
    """All cells of a run; NaN stands for what is not trained, or not there."""
    axes: dict  # {name: values}, the slowest first
    figures: dict  # {name: array with a dimension for each axis}
    labels: Optional[np.ndarray] = None  # texts, in the same shape, empty where there is none


def form_of_axis(name):
    """What the values of an axis must be."""
    table, _, last = name.rpartition(".")
    if table.split(".")[0] == "precision" and last in OF_FORMATS:
        return OF_FORMATS[last]
    return AXES.get(name, Value())


def field(text, form):
    """A field of a CSV file; None where there is none."""
    if isinstance(form, Text):
        return text
    if isinstance(form, Value):
        try:
            value = value_of(json.loads(text))
        except (TypeError, ValueError, RecursionError):
            return text
        return text if value is None or type(value) is str else value
    try:
        return int(text) if isinstance(form, Integer) else float(text)
    except (TypeError, ValueError):
        return None


def axes_of_partial(path, run):
    """The axes of a run whose networks are not all trained, by its run.json; None where all are."""
    if run.get("trained", 1) >= run.get("networks", 1):
        return None
    check(path, run, {"configuration": {"grid": {}}})
    grid = run["configuration"]["grid"]
    check(path, grid, {name: [form_of_axis(name)] for name in grid}, "configuration.grid")
    return {name: in_order(name, [value_of(value) for value in values]) for name, values in grid.items()}


def in_order(name, values):
    """Those of numbers of bits and learning rates rise; others stay as they come."""
    values = list(dict.fromkeys(values))
    is_drawn = name in AXES or (name.startswith("precision.") and all(type(value) is int for value in values))
    return sorted(values) if is_drawn else values


def read_rows(path, content, expected):
    """The header and the rows of a CSV file."""
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
        return next(rows, []), [row for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise request_error(path, f"not CSV: {error}", expected) from error


def read_cells(files, name, first_figure, needed, optional):
    """The axes' names and the checked cells of a CSV file, {values of the axes: {figure: value}}.

    Axes are the columns before `first_figure`. Optional figures may have no column, and empty fields, which are NaN.
    """
    path = files.path(name)
    expected = f"the columns lr, fraction or other axes, and {','.join(needed)}"
    header, rows = read_rows(path, files.read(name), expected)
    for column in ("lr", *needed):
        if column not in header:
            raise request_error(path, f"no column {column}", expected)
    names = header[:header.index(first_figure)]
    if "lr" not in names or len(set(header)) != len(header) or max(map(len, names)) > LONGEST_NAME:
        raise request_error(path, f"the columns {','.join(header)}", expected)
    figures = {**needed, **{column: form for column, form in optional.items() if column in header}}
    forms = {axis: form_of_axis(axis) for axis in names} | figures
    places = {column: header.index(column) for column in forms}
    cells = {}
    for line, row in enumerate(rows, start=2):
        values = {}
        for column, form in forms.items():
            text = row[places[column]] if places[column] < len(row) else None
            is_none = text == "" and column in optional and not isinstance(form, Text)
            values[column] = math.nan if is_none else field(text, form)
            if not is_none and not form.accepts(values[column]):
                raise request_error(path, f"line {line}: {column} is {shortened(text, 40)}", form)
        cell = tuple(values.pop(axis) for axis in names)
        if cell in cells:
            again = ", ".join(f"{axis} {value}" for axis, value in zip(names, cell))
            raise request_error(path, f"line {line}: {shortened(again)} again", "each cell once")
        cells[cell] = values
    if not cells:
        raise request_error(path, "no cells", "a row for each")
    return names, cells


def as_arrays(axes, cells):
    """{figure: array with a dimension for each axis} of cells; NaN, or an empty text, where there is none."""
    shape = tuple(len(values) for values in axes.values())
    places_of = [{value: i for i, value in enumerate(values)} for values in axes.values()]
    places = [tuple(of_axis[value] for of_axis, value in zip(places_of, cell)) for cell in cells]
    at = tuple(np.array(places).T)
    arrays = {}
    for name in next(iter(cells.values())):
        values = [of_cell[name] for of_cell in cells.values()]
        is_text = type(values[0]) is str
        arrays[name] = np.full(shape, "" if is_text else math.nan, object if is_text else float)
        arrays[name][at] = values
    return arrays


def read_grid(files, partial=None):
    """The grid in figures.csv, or in grid.csv where gridrun was older, with all cells, or of a partial run those that
    there are, with these axes.
    """
    name = "figures.csv" if files.has("figures.csv") else "grid.csv"
    path = files.path(name)
    names, cells = read_cells(files, name, next(iter(FIGURES)), FIGURES, {**OPTIONAL, **BASELINES, "label": LABEL})
    axes = {axis: in_order(axis, [cell[i] for cell in cells]) for i, axis in enumerate(names)}
    if partial is not None:
        if list(partial) != names or any(set(axes[axis]) - set(partial[axis]) for axis in names):
            raise request_error(path, "cells of another grid", "those of run.json")
        axes = partial
    shape = tuple(len(values) for values in axes.values())
    if partial is None and len(cells) != math.prod(shape):
        raise request_error(path, f"{len(cells)} cells of {' x '.join(map(str, shape))}", "a full grid")
    figures = as_arrays(axes, cells)
    labels = figures.pop("label", None)
    return Grid(axes, figures, labels)


def read_summary(files, grid):
    """The means over seeds of a grid with an axis of them, and their intervals, of summary.csv, as a grid without it."""
    path = files.path("summary.csv")
    names, cells = read_cells(files, "summary.csv", "seeds", {"seeds": Integer(1, 2**32), **FIGURES},
                              {**OPTIONAL, **INTERVALS})
    axes = {name: values for name, values in grid.axes.items() if name != SEED}
    trained = np.argwhere(~np.isnan(grid.figures["accuracy"]).all(axis=list(grid.axes).index(SEED)))
    expected = {tuple(values[i] for values, i in zip(axes.values(), place)) for place in trained}
    if names != list(axes) or set(cells) != expected:
        raise request_error(path, "cells of another grid", "those of figures.csv, but for train.seed")
    return Grid(axes, as_arrays(axes, cells))
