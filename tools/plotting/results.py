"""What gridrun left in an output directory, read and checked."""
import io
import itertools
import warnings
import zipfile
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from plotting.checked import (Boolean, Integer, OneOf, OrMissing, OrNull, Real, RequestError, Text, check_array,
                              parse_json, request_error, value_of, value_text)
from plotting.grid import ARRAYS, OF_FORMATS, axes_of_partial, read_grid
from plotting.run_files import LARGEST, RunFiles, check_directory
from plotting.terminal import printable, shortened

FORMAT = {name: OrMissing(form) for name, form in OF_FORMATS.items()}
RUN = {"engine": Text(1000), "device": Text(1000),
       "configuration": {"train": {"iterations": OrMissing(Integer(1, 2**31 - 1))},
                         "precision": OrMissing({**FORMAT, "gradient": OrMissing(FORMAT)})},
       "dataset": {"name": Text(100), "samples": Integer(1, 2**32)},
       "networks": OrMissing(Integer(0, 2**32)), "trained": OrMissing(Integer(0, 2**32))}
MOST_POINTS = 100_000  # of a learning curve
MOST_TABLES = 32  # drawn at once: so many still fit a PNG of matplotlib


def table_axes(axes):
    """The names of the axes of a grid's tables, lr and a precision if there is one, and of those that a table is at."""
    precision = next((name for name in ("fraction", "bits") if name in axes), None)
    of_table = ["lr", *([precision] if precision else [])]
    return of_table, [name for name in axes if name not in of_table]


def answers_form(axes, is_partial):
    """What is drawn of answers.json, for a grid with those axes."""
    (_, *precision), others = table_axes(axes)
    lr, bits = OneOf(tuple(axes["lr"])), OneOf(tuple(axes[precision[0]]) if precision else ())
    cell = {"lr": lr, **{name: bits for name in precision}}
    table = {"best": cell, "by_lr": [{"lr": lr, "knee": OrNull(bits), "cut_off": Boolean()}],
             "fewest_bits": OrNull(cell), "left_cliff": OrNull({"lr": lr, "next_lr": OrNull(lr)}),
             "diagonal_cliff": OrNull({"intercept": Real(1e6), "slope": Real(1e6), "lr": [lr]}),
             "text": [Text(100_000)]}
    held = {name: OneOf(tuple(axes[name])) for name in others}
    return {"slices": [{**held, **table}]} if held or is_partial else table


@dataclass(frozen=True)
class Curves:
    """Smoothed accuracy over the steps."""
    steps: np.ndarray  # [point]
    accuracy: np.ndarray  # [lr][column][point]


@dataclass(frozen=True)
class Results:
    """One table of a run: its grid, or a slice of a grid with more axes than lr and a precision.

    Tables are [lr][column]; NaN stands for "none", the logarithm of zero, and in all of them for what is not trained.
    """
    title: str
    held: dict  # {axis: value} that the table is at
    learning_rates: list  # lr: the learning rate is 2^-lr
    axis: str  # of the columns: fraction | bits; empty where they are of no axis, and there is one
    columns: list  # its values
    accuracy: np.ndarray
    update: np.ndarray  # log2(mean_update / 2^fraction), of the fraction of u
    error: np.ndarray  # log2(mean_error * 2^(lr - fraction))
    test_accuracy: Optional[np.ndarray]  # where samples are held out
    answers: Optional[dict]  # None: not all of the table is trained
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

    @property
    def untrained(self):
        """The table of what is not trained."""
        return np.isnan(self.accuracy)

    def place(self, answer):
        """(lr, column) of a cell of the answers."""
        return answer["lr"], answer[self.axis] if self.axis else self.columns[0]

    @property
    def knees(self):
        """(lr, knee, cut_off) of each row that has a knee."""
        if not self.answers:
            return []
        return [(row["lr"], row["knee"], row["cut_off"]) for row in self.answers["by_lr"] if row["knee"] is not None]

    @property
    def cliff_line(self):
        """(lr, column) along the fitted diagonal cliff; empty where none was fitted."""
        cliff = self.answers and self.answers["diagonal_cliff"]
        return [(lr, cliff["intercept"] + cliff["slope"] * lr) for lr in cliff["lr"]] if cliff else []

    @property
    def left_cliff(self):
        """The two lr between which the left cliff falls, the larger learning rate first; None where there is none."""
        cliff = self.answers and self.answers["left_cliff"]
        return (cliff["next_lr"], cliff["lr"]) if cliff and cliff["next_lr"] is not None else None


def log2_or_nan(values):
    with np.errstate(divide="ignore"):
        logarithms = np.log2(values)
    return np.where(np.isfinite(logarithms), logarithms, np.nan)


def end_of(path, most=80):
    """A path on one line of at most so many characters, without its beginning if need be."""
    text = printable(path)
    return text if len(text) <= most else f"…{text[1 - most:]}"


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


def array_of_axis(name):
    return ARRAYS.get(name, name)


def check_axis(path, name, array, values):
    """Raises RequestError unless an archive's array has those values of an axis."""
    if all(type(value) in (int, float) for value in values):
        same = check_array(path, array_of_axis(name), array, (len(values),)).tolist() == values
    else:
        same = array.dtype.kind == "U" and array.tolist() == [value_text(value) for value in values]
    if not same:
        raise request_error(path, f"{array_of_axis(name)} of another grid", "those of grid.csv")


def read_curves(files, grid):
    """The steps and the accuracy [axis]...[point] of the curves of a grid; None where there are none."""
    if not files.has("curves.npz"):
        return None
    path, axes = files.path("curves.npz"), grid.axes
    steps, accuracy, *arrays = read_arrays(files, "curves.npz", ("steps", "accuracy", *map(array_of_axis, axes)))
    for (name, values), array in zip(axes.items(), arrays):
        check_axis(path, name, array, values)
    points = steps.size
    if not 1 <= points <= MOST_POINTS:
        raise request_error(path, f"{points} steps", f"1 to {MOST_POINTS}")
    return (check_array(path, "steps", steps, (points,)),
            check_array(path, "accuracy", accuracy, (*map(len, axes.values()), points),
                        np.isnan(grid.figures["accuracy"])))


def gradient_fraction(path, precision, cell):
    """The fraction of u in a cell, {axis: value}, by what run.json says of formats."""
    of_all, own = dict(precision), dict(precision.get("gradient", {}))
    for name, value in cell.items():
        if name in OF_FORMATS or name.removeprefix("precision.") in OF_FORMATS:
            of_all[name.removeprefix("precision.")] = value
        elif name.removeprefix("precision.gradient.") in OF_FORMATS:
            own[name.removeprefix("precision.gradient.")] = value
    for said in (own, of_all):
        if "fraction" in said:
            return said["fraction"]
        if "integer" in said:
            return own.get("bits", of_all.get("bits", 64)) - said["integer"]
    raise request_error(path, "configuration.precision says no fraction of the gradient", "what gridrun writes")


def held_text(held):
    """What a slice is of, {axis: value}, after a title."""
    return "".join(f", words of {value} bits" if name == "bits" else f", {name} {value_text(value)}"
                   for name, value in held.items())


class Run:
    """The checked files of a run, of which tables are made."""

    def __init__(self, files):
        self.files = files
        path = files.path("run.json")
        self.run = parse_json(path, files.read("run.json"), RUN)
        partial = axes_of_partial(path, self.run)
        self.grid = read_grid(files, partial)
        self.axes = self.grid.axes
        self.of_table, self.others = table_axes(self.axes)
        self.curves = read_curves(files, self.grid)
        path = files.path("answers.json")
        answers = parse_json(path, files.read("answers.json"), answers_form(self.axes, partial is not None))
        whole = ~np.isnan(self.of_tables(self.grid.figures["accuracy"])).any(axis=(0, 1)) if self.others else \
            np.array(partial is None)
        most_told = 10_000  # tables that gridrun answers of
        if whole.size > most_told:
            raise request_error(path, f"answers of none of {whole.size} tables", f"at most {most_told} tables")
        self.places = list(np.ndindex(whole.shape))
        answered = iter(answers["slices"] if self.others or partial is not None else [answers])
        self.answers = {place: next(answered, None) if whole[place] else None for place in self.places}
        for place, one in self.answers.items():
            if whole[place] and (one is None or self.held(place) !=
                                 {name: value_of(one[name]) for name in self.others} or
                                 [row["lr"] for row in one["by_lr"]] not in ([], self.axes["lr"])):
                raise request_error(path, "answers of another grid", "a row for each lr of grid.csv")
        if next(answered, None) is not None:
            raise request_error(path, "answers of another grid", "those of the tables that are trained")

    def held(self, place):
        """The values of the axes that a table is at."""
        return {name: self.axes[name][i] for name, i in zip(self.others, place)}

    def of_tables(self, array):
        """An array over the axes with those of the tables first, lr and column, and then the others."""
        names = list(self.axes)
        array = np.moveaxis(array, [names.index(name) for name in self.of_table], range(len(self.of_table)))
        return array if self.of_table[1:] else array[:, None]

    def table(self, place):
        """The table at those places on the other axes."""
        path = self.files.path("run.json")
        held, precision = self.held(place), self.run["configuration"].get("precision", {})
        figures = {name: self.of_tables(array)[(slice(None), slice(None), *place)]
                   for name, array in self.grid.figures.items()}
        lr, columns = self.axes["lr"], self.axes[self.of_table[1]] if self.of_table[1:] else [0]
        fraction = np.array([[gradient_fraction(path, precision, {**held, **dict(zip(self.of_table, cell))})
                              for cell in itertools.product([row], columns)] for row in lr])
        test_accuracy = figures.get("test_accuracy")
        if test_accuracy is not None and np.isnan(test_accuracy).all():
            test_accuracy = None
        curves = self.curves and Curves(
            self.curves[0], self.of_tables(self.curves[1])[(slice(None), slice(None), *place)])
        return Results(
            title=printable(self.run["dataset"]["name"].upper()) + printable(held_text(held)), held=held,
            learning_rates=lr, axis=self.of_table[1] if self.of_table[1:] else "", columns=columns,
            accuracy=figures["accuracy"], update=log2_or_nan(figures["mean_update"]) - fraction,
            error=log2_or_nan(figures["mean_error"]) + np.array(lr)[:, None] - fraction,
            test_accuracy=test_accuracy, answers=self.answers[place], run=self.run, curves=curves)

    def has_any(self, place):
        """Whether anything of a table is trained."""
        return not np.isnan(self.of_tables(self.grid.figures["accuracy"])[(slice(None), slice(None), *place)]).all()

    def chosen(self, wanted):
        """The tables, by their places, of which anything is trained and whose held values are the wanted, {axis: text}."""
        return [place for place in self.places if self.has_any(place) and
                all(name not in self.others or value_text(self.held(place)[name]) == text
                    for name, text in wanted.items())]


def read_run(directory):
    """The run in a directory. Raises RequestError where it is none, or damaged."""
    check_directory(directory)
    while True:
        files = RunFiles(directory)
        try:
            return Run(files)
        except RequestError:
            if files.is_current():
                raise  # else a run that ended meanwhile has removed these files: read its own


def load(directory):
    """The tables of the run in a directory, titled by its data set. Raises RequestError where it is none, or damaged."""
    run = read_run(directory)
    return [run.table(place) for place in run.chosen({})]


def load_all(directories, wanted=None):
    """The first MOST_TABLES tables of several runs, and how many there are; those of one title are told apart by their
    directories' names. `wanted`, {axis: text}, are the values of axes that they must be at.
    """
    runs = [(directory, read_run(directory)) for directory in directories]
    for name in wanted or {}:
        if not any(name in run.others for _, run in runs):
            held = shortened(", ".join(dict.fromkeys(name for _, run in runs for name in run.others)), 200)
            raise request_error(directories[0], f"no table is held at a value of {shortened(name)}",
                                f"one of {held}" if held else "no --where: there is one table")
    places = [(directory, run, place) for directory, run in runs for place in run.chosen(wanted or {})]
    if not places:
        raise request_error(directories[0], "no table has those values", "values of its axes as in grid.csv")
    tables = [(directory, run.table(place)) for directory, run, place in places[:MOST_TABLES]]
    titles = [table.title for _, table in tables]
    return [replace(table, title=f"{table.title}, {end_of(directory)}") if titles.count(table.title) > 1 else table
            for directory, table in tables], len(places)
