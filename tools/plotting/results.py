"""What gridrun left in an output directory, read and checked."""
import csv
import io
import itertools
import math
import warnings
import zipfile
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from plotting.checked import (Boolean, Integer, Magnitude, OneOf, OrMissing, OrNull, Real, RequestError, Text,
                              check_array, parse_json, request_error)
from plotting.run_files import LARGEST, RunFiles, check_directory
from plotting.terminal import printable, shortened

FRACTION, BITS = Integer(0, 52), Integer(2, 64)  # of the configuration
AXES = {"lr": Integer(-16, 62), "fraction": FRACTION, "bits": BITS}  # of a grid, the slowest first
ARRAYS = {"lr": "learning_rates", "fraction": "fractions", "bits": "bits"}  # what archives call them
FIGURES = {"accuracy": Real(100), "mean_update": Magnitude(1e40), "mean_error": Magnitude(1e40)}
TEST_ACCURACY = {"test_accuracy": Magnitude(1)}  # a figure where samples are held out
FORMAT = {"bits": OrMissing(BITS), "fraction": OrMissing(FRACTION), "integer": OrMissing(Integer(-62, 64))}
RUN = {"engine": Text(1000), "device": Text(1000),
       "configuration": {"train": {"iterations": Integer(1, 2**31 - 1)},
                         "precision": OrMissing({**FORMAT, "gradient": OrMissing(FORMAT)})},
       "dataset": {"name": Text(100), "samples": Integer(1, 2**32)}}
MOST_POINTS = 100_000  # of a learning curve
MOST_TABLES = 32  # drawn at once: so many still fit a PNG of matplotlib


def answers_form(axes):
    """What is drawn of answers.json, for a grid with those axes."""
    lr, *others = (OneOf(tuple(values)) for values in axes.values())
    _, *names = axes
    precision = others[0] if others else OneOf(())
    cell = {"lr": lr, **{name: precision for name in names[:1]}}
    table = {"best": cell, "by_lr": [{"lr": lr, "knee": OrNull(precision), "cut_off": Boolean()}],
             "fewest_bits": OrNull(cell), "left_cliff": OrNull({"lr": lr, "next_lr": OrNull(lr)}),
             "diagonal_cliff": OrNull({"intercept": Real(1e6), "slope": Real(1e6), "lr": [lr]}),
             "text": [Text(100_000)]}
    held = dict(zip(names[1:], others[1:]))
    return {"slices": [{**held, **table}]} if held else table


@dataclass(frozen=True)
class Grid:
    """All cells of a run."""
    axes: dict  # {name: values}, in the order of AXES
    figures: dict  # {name: array with a dimension for each axis}


@dataclass(frozen=True)
class Curves:
    """Smoothed accuracy over the steps."""
    steps: np.ndarray  # [point]
    accuracy: np.ndarray  # [lr][column][point]


@dataclass(frozen=True)
class Results:
    """One table of a run: its grid, or a slice of a grid with more than two axes.

    Tables are [lr][column]; NaN stands for "none", the logarithm of zero.
    """
    title: str
    learning_rates: list  # lr: the learning rate is 2^-lr
    axis: str  # of the columns: fraction | bits; empty where they are of no axis, and there is one
    columns: list  # its values
    accuracy: np.ndarray
    update: np.ndarray  # log2(mean_update / 2^fraction), of the fraction of u
    error: np.ndarray  # log2(mean_error * 2^(lr - fraction))
    test_accuracy: Optional[np.ndarray]  # where samples are held out
    answers: dict
    run: dict
    curves: Optional[Curves]

    @property
    def maps(self):
        """{name: table} of what heat maps show: what was held out, or else the precision, beside the others."""
        maps = {"accuracy": self.accuracy, "update": self.update, "error": self.error}
        if self.test_accuracy is not None:
            maps["test_accuracy"] = self.test_accuracy
        elif self.axis:
            maps[self.axis] = np.broadcast_to(np.array(self.columns, float), self.accuracy.shape)
        return maps

    def place(self, answer):
        """(lr, column) of a cell of the answers."""
        return answer["lr"], answer[self.axis] if self.axis else self.columns[0]

    @property
    def knees(self):
        """(lr, knee, cut_off) of each row that has a knee."""
        return [(row["lr"], row["knee"], row["cut_off"]) for row in self.answers["by_lr"] if row["knee"] is not None]

    @property
    def cliff_line(self):
        """(lr, column) along the fitted diagonal cliff; empty where none was fitted."""
        cliff = self.answers["diagonal_cliff"]
        return [(lr, cliff["intercept"] + cliff["slope"] * lr) for lr in cliff["lr"]] if cliff else []

    @property
    def left_cliff(self):
        """The two lr between which the left cliff falls, the larger learning rate first; None where there is none."""
        cliff = self.answers["left_cliff"]
        return (cliff["next_lr"], cliff["lr"]) if cliff and cliff["next_lr"] is not None else None


def log2_or_nan(values):
    with np.errstate(divide="ignore"):
        logarithms = np.log2(values)
    return np.where(np.isfinite(logarithms), logarithms, np.nan)


def end_of(path, most=80):
    """A path on one line of at most so many characters, without its beginning if need be."""
    text = printable(path)
    return text if len(text) <= most else f"…{text[1 - most:]}"


def number(text, form):
    """A field of grid.csv; None where there is none."""
    try:
        return int(text) if isinstance(form, Integer) else float(text)
    except (TypeError, ValueError):
        return None


def read_grid(files):
    """The grid in grid.csv."""
    path = files.path("grid.csv")
    expected = f"the columns {','.join((*AXES, *FIGURES))}"
    try:
        rows = csv.DictReader(io.StringIO(files.read("grid.csv").decode("utf-8"), newline=""))
        header, rows = rows.fieldnames or (), list(rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise request_error(path, f"not CSV: {error}", expected) from error
    forms = {"lr": AXES["lr"], **{name: AXES[name] for name in AXES if name in header}}
    figures = {**FIGURES, **(TEST_ACCURACY if "test_accuracy" in header else {})}
    names = list(forms)
    forms.update(figures)
    for name in forms:
        if name not in header:
            raise request_error(path, f"no column {name}", expected)
    cells = {}
    for line, row in enumerate(rows, start=2):
        values = {name: number(row[name], form) for name, form in forms.items()}
        for name, form in forms.items():
            if not form.accepts(values[name]):
                raise request_error(path, f"line {line}: {name} is {shortened(row[name], 40)}", form)
        cell = tuple(values[name] for name in names)
        if cell in cells:
            again = ", ".join(f"{name} {value}" for name, value in zip(names, cell))
            raise request_error(path, f"line {line}: {again} again", "each cell once")
        cells[cell] = [values[name] for name in figures]
    axes = {name: sorted({cell[i] for cell in cells}) for i, name in enumerate(names)}
    shape = tuple(len(values) for values in axes.values())
    if not cells or len(cells) != math.prod(shape):
        raise request_error(path, f"{len(cells)} cells of {' x '.join(map(str, shape))}", "a full grid")
    table = np.array([cells[cell] for cell in itertools.product(*axes.values())])
    return Grid(axes, {name: table[:, i].reshape(shape) for i, name in enumerate(figures)})


def read_arrays(files, name, wanted):
    """The arrays of an .npz file by those names."""
    path, content = files.path(name), files.read(name)
    try:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise ValueError("not a zip archive")
        with warnings.catch_warnings(action="ignore"), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            if any(member.file_size > LARGEST for member in arrays.zip.infolist()):
                raise ValueError("its arrays are too large")
            return [np.asarray(arrays[one]) for one in wanted]
    except Exception as error:  # NumPy and zipfile have a dozen kinds of it for damaged files
        raise request_error(path, f"{type(error).__name__}: {error}",
                            f"an archive of arrays {', '.join(wanted)}") from error


def read_curves(files, axes):
    """The steps and the accuracy [axis]...[point] of the curves of a grid with those axes; None where there are none."""
    if not files.has("curves.npz"):
        return None
    path = files.path("curves.npz")
    steps, accuracy, *arrays = read_arrays(files, "curves.npz", ("steps", "accuracy", *(ARRAYS[name] for name in axes)))
    for (name, values), array in zip(axes.items(), arrays):
        if check_array(path, ARRAYS[name], array, (len(values),)).tolist() != values:
            raise request_error(path, f"{ARRAYS[name]} of another grid", "those of grid.csv")
    points = steps.size
    if not 1 <= points <= MOST_POINTS:
        raise request_error(path, f"{points} steps", f"1 to {MOST_POINTS}")
    return (check_array(path, "steps", steps, (points,)),
            check_array(path, "accuracy", accuracy, (*map(len, axes.values()), points)))


def gradient_fraction(path, precision, cell):
    """The fraction of u in a cell, {axis: value}, by what run.json says of formats."""
    of_all, own = {**precision, **cell}, precision.get("gradient", {})
    for said in (own, of_all):
        if "fraction" in said:
            return said["fraction"]
        if "integer" in said:
            return own.get("bits", of_all.get("bits", 64)) - said["integer"]
    raise request_error(path, "configuration.precision says no fraction of the gradient", "what gridrun writes")


def table_of(array, axes, place):
    """The table [lr][column] of an array over those axes, at a place on the axes after the second."""
    return array[:, None] if len(axes) == 1 else array[(slice(None), slice(None), *place)]


def held_text(held):
    """What a slice is of, {axis: value}, after a title."""
    return "".join(f", words of {value} bits" if name == "bits" else f", {name} {value}" for name, value in held.items())


def read(files):
    """The tables of the run whose files these are."""
    grid = read_grid(files)
    axes = grid.axes
    run = parse_json(files.path("run.json"), files.read("run.json"), RUN)
    path = files.path("answers.json")
    answers = parse_json(path, files.read("answers.json"), answers_form(axes))
    names, shape = list(axes), grid.figures["accuracy"].shape
    held = [dict(zip(names[2:], values)) for values in itertools.product(*(axes[name] for name in names[2:]))]
    of_tables = answers["slices"] if names[2:] else [answers]
    if [{name: one[name] for name in names[2:]} for one in of_tables] != held or \
            any([row["lr"] for row in one["by_lr"]] not in ([], axes["lr"]) for one in of_tables):
        raise request_error(path, "answers of another grid", "a row for each lr of grid.csv")

    precision = run["configuration"].get("precision", {})
    fraction = np.array([gradient_fraction(files.path("run.json"), precision, dict(zip(names, cell)))
                         for cell in itertools.product(*axes.values())]).reshape(shape)
    lr = np.array(axes["lr"]).reshape(-1, *(1 for _ in names[1:]))
    figures = {"accuracy": grid.figures["accuracy"], "update": log2_or_nan(grid.figures["mean_update"]) - fraction,
               "error": log2_or_nan(grid.figures["mean_error"]) + lr - fraction,
               "test_accuracy": grid.figures.get("test_accuracy")}
    curves = read_curves(files, axes)
    title = printable(run["dataset"]["name"].upper())
    return [Results(
        title=title + held_text(held[i]), learning_rates=axes["lr"], axis=names[1] if names[1:] else "",
        columns=axes[names[1]] if names[1:] else [0],
        **{name: None if array is None else table_of(array, axes, place) for name, array in figures.items()},
        answers=of_tables[i], run=run, curves=curves and Curves(curves[0], table_of(curves[1], axes, place)))
        for i, place in enumerate(np.ndindex(shape[2:]))]


def load(directory):
    """The tables of the run in a directory, titled by its data set. Raises RequestError where it is none, or damaged."""
    check_directory(directory)
    while True:
        files = RunFiles(directory)
        try:
            return read(files)
        except RequestError:
            if files.is_current():
                raise  # else a run that ended meanwhile has removed these files: read its own


def load_all(directories):
    """The tables of several runs; those of one data set are told apart by their directories' names."""
    tables = [(directory, table) for directory in directories for table in load(directory)]
    if len(tables) > MOST_TABLES:
        raise request_error(directories[-1], f"{len(tables)} tables of lr and precision", f"at most {MOST_TABLES}")
    titles = [table.title for _, table in tables]
    return [replace(table, title=f"{table.title}, {end_of(directory)}") if titles.count(table.title) > 1 else table
            for directory, table in tables]
