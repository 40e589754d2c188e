"""What gridrun left in an output directory, read and checked: the tables that are drawn."""
import io
import itertools
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Optional

import numpy as np

from plotting.answers import Told, read_answers, read_front
from plotting.checked import (Integer, OneOf, OrMissing, RequestError, Text, check_array, parse_json, request_error,
                              value_of, value_text)
from plotting.grid import ARRAYS, METRICS, OF_FORMATS, SEED, axes_of_partial, read_grid, read_summary
from plotting.run_files import LARGEST_ARRAYS, RunFiles, check_directory
from plotting.terminal import printable, shortened

FORMAT = {name: OrMissing(form) for name, form in OF_FORMATS.items()}
RUN = {"engine": Text(1000), "device": Text(1000),
       "configuration": {"train": {"iterations": OrMissing(Integer(1, 2**31 - 1))},
                         "dataset": OrMissing({"path": OrMissing(Text(5000))}),
                         "report": OrMissing({"metric": OrMissing(OneOf(tuple(METRICS)))}),
                         "precision": OrMissing({**FORMAT, "gradient": OrMissing(FORMAT)})},
       "dataset": {"name": Text(100), "samples": Integer(1, 2**32)},
       "networks": OrMissing(Integer(0, 2**32)), "trained": OrMissing(Integer(0, 2**32))}
MOST_POINTS = 100_000  # of a learning curve
MOST_TABLES = 32  # drawn at once: so many still fit a PNG of matplotlib
OF_FILES = ("csv", "idx", "npz")  # data sets that are called as the file or directory that they come from


def table_axes(axes):
    """The names of the axes of a grid's tables, lr and a precision if there is one, and of those that a table is at."""
    precision = next((name for name in ("fraction", "bits") if name in axes), None) or \
        next((name for name, values in axes.items()
              if name.startswith("precision.") and all(type(value) is int for value in values)), None)
    of_table = ["lr", *([precision] if precision else [])]
    return of_table, [name for name in axes if name not in of_table]


@dataclass(frozen=True)
class Curves:
    """Smoothed accuracy over the steps, the mean over seeds where there are several."""
    steps: np.ndarray  # [point]
    accuracy: np.ndarray  # [lr][column][point]


@dataclass(frozen=True, eq=False)
class Source:
    """The run that tables are of."""
    name: str  # of its data set
    directory: object
    run: dict  # run.json
    networks: int
    trained: int  # of them
    front: list  # the points of the Pareto front, as answers.json has them; empty where there is none


@dataclass(frozen=True)
class Results:
    """One table of a run: its grid, or a slice of a grid with more axes than lr and a precision.

    Tables are [lr][column]; NaN stands for "none", the logarithm of zero, and in all of them for what is not trained.
    Over seeds all of them are means.
    """
    title: str
    source: Source
    held: dict  # {axis: value} that the table is at
    learning_rates: list  # lr: the learning rate is 2^-lr
    axis: str  # of the columns: fraction | bits | precision.*; empty where they are of no axis, and there is one
    columns: list  # its values
    metric: str  # that networks are compared by
    accuracies: dict  # {metric: table} of those that there are
    low: Optional[np.ndarray]  # of the metric: where the interval of its mean over seeds ends; None: of one seed
    high: Optional[np.ndarray]
    seeds: Optional[np.ndarray]  # how many a cell has; None: one
    baseline: Optional[np.ndarray]  # [lr], the metric of the same networks in binary64
    labels: Optional[list]  # [lr][column], {label: how many seeds}, the most frequent first
    update: np.ndarray  # log2(mean_update / 2^fraction), of the fraction of u
    error: np.ndarray  # log2(mean_error * 2^(lr - fraction))
    answers: Optional[dict]  # None: not all of the table is trained
    told: Told  # what of the answers is drawn
    curves: Optional[Curves]

    @property
    def run(self):
        return self.source.run

    @property
    def accuracy(self):
        return self.accuracies["accuracy"]

    @property
    def values(self):
        """The table of the metric."""
        return self.accuracies[self.metric]

    @property
    def maps(self):
        """{name: table} of what heat maps show: the metric first; last, where samples are held out, the other accuracy of
        those held out and those trained on, else the precision, which the others are to be read beside.
        """
        maps = {self.metric: self.values, "update": self.update, "error": self.error}
        if "test_accuracy" in self.accuracies:
            other = "test_accuracy" if self.metric != "test_accuracy" else \
                "recent_accuracy" if "recent_accuracy" in self.accuracies else "accuracy"
            maps[other] = self.accuracies[other]
        elif self.axis:
            maps[self.axis] = np.broadcast_to(np.array(self.columns, float), self.values.shape)
        return maps

    @property
    def untrained(self):
        """The table of what is not trained."""
        return np.isnan(self.accuracy)


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
    path, content = files.path(name), files.read(name, LARGEST_ARRAYS)
    try:
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise ValueError("not a zip archive")
        with warnings.catch_warnings(action="ignore"), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            if any(member.file_size > LARGEST_ARRAYS for member in arrays.zip.infolist()):
                raise ValueError("its arrays are too large")
            return [np.asarray(arrays[one]) for one in wanted]
    except Exception as error:  # NumPy and zipfile have a dozen kinds of it for damaged files
        raise request_error(path, f"{type(error).__name__}: {error}",
                            f"an archive of arrays {', '.join(wanted)}") from error


def array_of_axis(name):
    return ARRAYS.get(name, name)


def order_of_axis(path, name, array, values):
    """Where an archive's array has those values of an axis. Raises RequestError unless it has them and no others."""
    if all(type(value) in (int, float) for value in values):
        there = check_array(path, array_of_axis(name), array, (len(values),)).tolist()
    else:
        there, values = array.tolist(), [value_text(value) for value in values]
    if array.ndim != 1 or array.dtype.kind not in "iufU" or len(there) != len(values) or set(there) != set(values):
        raise request_error(path, f"{array_of_axis(name)} of another grid", "those of the grid's axes")
    return [there.index(value) for value in values]


def read_curves(files, grid):
    """The steps and the accuracy [axis]...[point] of the curves of a grid; None where there are none."""
    if not files.has("curves.npz"):
        return None
    path, axes = files.path("curves.npz"), grid.axes
    steps, accuracy, *arrays = read_arrays(files, "curves.npz", ("steps", "accuracy", *map(array_of_axis, axes)))
    points = steps.size
    if not 1 <= points <= MOST_POINTS:
        raise request_error(path, f"{points} steps", f"1 to {MOST_POINTS}")
    orders = [order_of_axis(path, name, array, values) for (name, values), array in zip(axes.items(), arrays)]
    if accuracy.shape == (*map(len, axes.values()), points):
        accuracy = accuracy[np.ix_(*orders, range(points))]
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


def mean_over_seeds(array):
    """The mean along the last axis of what is there, without a warning where nothing is."""
    there = ~np.isnan(array)
    with np.errstate(invalid="ignore"):
        return np.where(there, array, 0).sum(axis=-1) / there.sum(axis=-1)


def counted(labels):
    """{label: how many} of some labels, the most frequent first; none where all are empty."""
    counts = Counter(label for label in labels if label)
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def name_of(run):
    """What a run's data set is called."""
    name, path = run["dataset"]["name"], run["configuration"].get("dataset", {}).get("path", "")
    return PurePath(path).name or name if name in OF_FILES else name.upper()


class Run:
    """The checked files of a run, of which tables are made.

    Where train.seed is an axis, tables are of means over seeds, unless each seed is to have its own, or gridrun was older
    and wrote no means.
    """

    def __init__(self, files, each_seed=False):
        self.files = files
        path = files.path("run.json")
        self.run = parse_json(path, files.read("run.json"), RUN)
        partial = axes_of_partial(path, self.run)
        self.grid = read_grid(files, partial)
        self.axes = self.grid.axes
        self.of_table, self.others = table_axes(self.axes)
        self.over_seeds = SEED in self.others and not each_seed and files.has("figures.csv")
        if self.over_seeds:
            self.others.remove(SEED)
        self.means = read_summary(files, self.grid) if self.over_seeds else self.grid
        self.curves = read_curves(files, self.grid)
        self.places = list(np.ndindex(tuple(len(self.axes[name]) for name in self.others)))
        trained = ~np.isnan(self.of_networks(self.grid.figures["accuracy"]))
        whole = trained.all(axis=(0, 1)).any(axis=-1)
        answered = [place for place in self.places if whole[place]]
        path = files.path("answers.json")
        document = parse_json(path, files.read("answers.json"), {})
        front = read_front(path, document, self.axes)
        told = read_answers(path, document, self.axes, self.of_table, [self.held(place) for place in answered],
                            SEED in self.others)
        self.answers = dict(zip(answered, told))
        self.source = Source(printable(name_of(self.run)), files.directory, self.run, trained.size, int(trained.sum()), front)

    def held(self, place):
        """The values of the axes that a table is at."""
        return {name: self.axes[name][i] for name, i in zip(self.others, place)}

    def of_tables(self, array, axes=None):
        """An array over the axes with those of the tables first, lr and column, and then the others."""
        names = list(self.means.axes if axes is None else axes)
        last = [SEED] if SEED in names and SEED not in self.others else []
        order = [names.index(name) for name in (*self.of_table, *self.others, *last)]
        array = np.transpose(array, (*order, *range(len(names), array.ndim)))
        return array if self.of_table[1:] else array[:, None]

    def of_networks(self, array):
        """The same of an array with all axes: then seeds, of which there is one where they are no axis of their own."""
        array = self.of_tables(array, self.axes)
        seeds = 2 + len(self.others)
        return array if self.over_seeds else np.expand_dims(array, seeds)

    def metric_of(self, place, accuracies):
        """What the networks of a table are compared by."""
        if place in self.answers:
            metric = self.answers[place].metric
        else:
            trained = ~np.isnan(accuracies["accuracy"])
            is_whole = {name for name, table in accuracies.items() if not np.isnan(table[trained]).any()}
            metric = self.run["configuration"].get("report", {}).get("metric") or next(
                name for name in ("test_accuracy", "recent_accuracy", "accuracy") if name in is_whole)
        if metric not in accuracies or np.isnan(accuracies[metric][~np.isnan(accuracies["accuracy"])]).any():
            raise request_error(self.files.path("figures.csv"), f"not all networks have {metric}",
                                "the metric of all that the answers compare")
        return metric

    def labels_at(self, at):
        """[lr][column] of the labels of a table."""
        if self.grid.labels is None:
            return None
        of_cells = [[counted(labels) for labels in row] for row in self.of_networks(self.grid.labels)[at]]
        return of_cells if any(any(row) for row in of_cells) else None

    def curves_at(self, at):
        if self.curves is None:
            return None
        steps, accuracy = self.curves
        of_networks = np.moveaxis(self.of_networks(accuracy)[at], 2, -1)  # [lr][column][point][seed]
        return Curves(steps, mean_over_seeds(of_networks))

    def table(self, place):
        """The table at those places on the other axes."""
        path = self.files.path("run.json")
        at = (slice(None), slice(None), *place)
        held, precision = self.held(place), self.run["configuration"].get("precision", {})
        figures = {name: self.of_tables(array)[at] for name, array in self.means.figures.items()}
        lr, columns = self.axes["lr"], self.axes[self.of_table[1]] if self.of_table[1:] else [0]
        fraction = np.array([[gradient_fraction(path, precision, {**held, **dict(zip(self.of_table, cell))})
                              for cell in itertools.product([row], columns)] for row in lr])
        accuracies = {name: figures[name] for name in METRICS
                      if name in figures and not np.isnan(figures[name]).all()}
        metric = self.metric_of(place, accuracies)
        baseline = self.grid.figures.get(f"baseline_{metric}")
        if baseline is not None:
            of_lr = self.of_networks(baseline)[at]  # the same in all columns that are trained
            baseline = mean_over_seeds(of_lr.reshape(len(lr), -1))
        return Results(
            title=self.source.name + printable(held_text(held)), source=self.source, held=held, learning_rates=lr,
            axis=self.of_table[1] if self.of_table[1:] else "", columns=columns, metric=metric, accuracies=accuracies,
            low=figures.get(f"{metric}_low"), high=figures.get(f"{metric}_high"), seeds=figures.get("seeds"),
            baseline=None if baseline is None or np.isnan(baseline).all() else baseline, labels=self.labels_at(at),
            update=log2_or_nan(figures["mean_update"]) - fraction,
            error=log2_or_nan(figures["mean_error"]) + np.array(lr)[:, None] - fraction,
            answers=self.answers[place].answers if place in self.answers else None,
            told=self.answers.get(place, Told()), curves=self.curves_at(at))

    def has_any(self, place):
        """Whether anything of a table is trained."""
        return not np.isnan(self.of_tables(self.means.figures["accuracy"])[(slice(None), slice(None), *place)]).all()

    def chosen(self, wanted):
        """The tables, by their places, of which anything is trained and whose held values are the wanted, {axis: text}."""
        return [place for place in self.places if self.has_any(place) and
                all(name not in self.others or value_text(self.held(place)[name]) == text
                    for name, text in wanted.items())]


def read_run(directory, each_seed=False):
    """The run in a directory. Raises RequestError where it is none, or damaged."""
    check_directory(directory)
    while True:
        files = RunFiles(directory)
        try:
            return Run(files, each_seed)
        except RequestError:
            if files.is_current():
                raise  # else a run that ended meanwhile has removed these files: read its own


def load(directory):
    """The tables of the run in a directory, titled by its data set. Raises RequestError where it is none, or damaged."""
    run = read_run(directory)
    return [run.table(place) for place in run.chosen({})]


def load_all(directories, wanted=None):
    """The first MOST_TABLES tables of several runs, and how many there are; those of one title are told apart by their
    directories' names. `wanted`, {axis: text}, are the values of axes that they must be at; with one of train.seed tables are
    of single seeds.
    """
    runs = [(directory, read_run(directory, each_seed=SEED in (wanted or {}))) for directory in directories]
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
