"""The cells of a run, read from grid.csv and checked."""
import csv
import io
import itertools
import json
import math
from dataclasses import dataclass

import numpy as np

from plotting.checked import Integer, Magnitude, Real, Value, check, request_error, value_of
from plotting.terminal import shortened

FRACTION, BITS, WHOLE_BITS = Integer(0, 52), Integer(2, 64), Integer(-62, 64)  # of the configuration
AXES = {"lr": Integer(-16, 62), "fraction": FRACTION, "bits": BITS}  # that tables have, or that hold them
OF_FORMATS = {"fraction": FRACTION, "bits": BITS, "integer": WHOLE_BITS}
FIGURES = {"accuracy": Real(100), "mean_update": Magnitude(1e40), "mean_error": Magnitude(1e40)}
TEST_ACCURACY = {"test_accuracy": Magnitude(1)}  # a figure where samples are held out
LONGEST_NAME = 100  # of an axis
ARRAYS = {"lr": "learning_rates", "fraction": "fractions"}  # what archives call axes; others by their names


@dataclass(frozen=True)
class Grid:
    """All cells of a run; NaN stands for what is not trained, or not held out."""
    axes: dict  # {name: values}, the slowest first
    figures: dict  # {name: array with a dimension for each axis}


def form_of_axis(name):
    """What the values of an axis must be."""
    table, _, last = name.rpartition(".")
    if table.split(".")[0] == "precision" and last in OF_FORMATS:
        return OF_FORMATS[last]
    return AXES.get(name, Value())


def field(text, form):
    """A field of grid.csv; None where there is none."""
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
    """Those that are drawn rise; others stay as they come."""
    return sorted(set(values)) if name in AXES else list(dict.fromkeys(values))


def read_rows(path, content, expected):
    """The header and the rows of grid.csv."""
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
        return next(rows, []), [row for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise request_error(path, f"not CSV: {error}", expected) from error


def read_grid(files, partial=None):
    """The grid in grid.csv, where all cells must be, or of a partial run those that are, with these axes."""
    path = files.path("grid.csv")
    expected = f"the columns lr, fraction or other axes, and {','.join(FIGURES)}"
    header, rows = read_rows(path, files.read("grid.csv"), expected)
    for name in ("lr", *FIGURES):
        if name not in header:
            raise request_error(path, f"no column {name}", expected)
    names = header[:min(header.index(name) for name in FIGURES)]
    if "lr" not in names or len(set(header)) != len(header) or max(map(len, names)) > LONGEST_NAME:
        raise request_error(path, f"the columns {','.join(header)}", expected)
    figures = {**FIGURES, **(TEST_ACCURACY if "test_accuracy" in header else {})}
    forms = {name: form_of_axis(name) for name in names} | figures
    places = {name: header.index(name) for name in forms}
    some_held_out = "train.samples" in names  # the others have no test_accuracy
    cells = {}
    for line, row in enumerate(rows, start=2):
        texts = {name: row[place] if place < len(row) else None for name, place in places.items()}
        values = {name: field(texts[name], form) for name, form in forms.items()}
        if some_held_out and texts.get("test_accuracy") == "":
            values["test_accuracy"] = math.nan
        for name, form in forms.items():
            if not form.accepts(values[name]) and not (some_held_out and texts[name] == ""):
                raise request_error(path, f"line {line}: {name} is {shortened(texts[name], 40)}", form)
        cell = tuple(values[name] for name in names)
        if cell in cells:
            again = ", ".join(f"{name} {value}" for name, value in zip(names, cell))
            raise request_error(path, f"line {line}: {shortened(again)} again", "each cell once")
        cells[cell] = [values[name] for name in figures]
    axes = {name: in_order(name, [cell[i] for cell in cells]) for i, name in enumerate(names)}
    if partial is not None:
        if list(partial) != names or any(set(axes[name]) - set(partial[name]) for name in names):
            raise request_error(path, "cells of another grid", "those of run.json")
        axes = partial
    shape = tuple(len(values) for values in axes.values())
    if not cells or (partial is None and len(cells) != math.prod(shape)):
        raise request_error(path, f"{len(cells)} cells of {' x '.join(map(str, shape))}", "a full grid")
    table = np.full((math.prod(shape), len(figures)), math.nan)
    places_of = [{value: i for i, value in enumerate(values)} for values in axes.values()]
    for cell, of_cell in cells.items():
        place = tuple(of_axis[value] for of_axis, value in zip(places_of, cell))
        table[np.ravel_multi_index(place, shape)] = of_cell
    return Grid(axes, {name: table[:, i].reshape(shape) for i, name in enumerate(figures)})
