"""What gridrun left in an output directory, read and checked."""
import csv
import io
import warnings
import zipfile
from dataclasses import dataclass
from typing import Optional

import numpy as np

from plotting.checked import (Boolean, Integer, OneOf, OrNull, Real, RequestError, Text, check, check_array, parse_json,
                              request_error)
from plotting.run_files import LARGEST, RunFiles, check_directory
from plotting.terminal import printable, shortened

LEARNING_RATE, FRACTION = Integer(0, 62), Integer(0, 52)  # of the configuration
FIGURE = Real(1e40)  # means of 64-bit numbers times 2^fraction
COLUMNS = {"lr": LEARNING_RATE, "fraction": FRACTION, "accuracy": Real(100), "mean_update": FIGURE,
           "mean_error": FIGURE}
RUN = {"engine": Text(1000), "device": Text(1000),
       "configuration": {"train": {"iterations": Integer(1, 2**31 - 1)}},
       "dataset": {"name": Text(100), "samples": Integer(1, 2**32)}}
MOST_POINTS = 100_000  # of a learning curve


def answers_form(learning_rates, fractions):
    """What is drawn of answers.json, for a grid with those axes."""
    lr, fraction = OneOf(tuple(learning_rates)), OneOf(tuple(fractions))
    cell = {"lr": lr, "fraction": fraction}
    return {"best": cell, "by_lr": [{"lr": lr, "knee": OrNull(fraction), "cut_off": Boolean()}],
            "fewest_bits": OrNull(cell), "left_cliff": OrNull({"lr": lr, "next_lr": OrNull(lr)}),
            "diagonal_cliff": OrNull({"intercept": Real(1e6), "slope": Real(1e6), "lr": [lr]}),
            "text": [Text(100_000)]}


@dataclass(frozen=True)
class Curves:
    """Smoothed accuracy over the steps."""
    steps: np.ndarray  # [point]
    accuracy: np.ndarray  # [lr][fraction][point]


@dataclass(frozen=True)
class Results:
    """One run. Grids are [lr][fraction]; NaN stands for "none", the logarithm of zero."""
    title: str
    learning_rates: list  # lr: the learning rate is 2^-lr
    fractions: list
    accuracy: np.ndarray
    update: np.ndarray  # log2(mean_update / 2^fraction)
    error: np.ndarray  # log2(mean_error * 2^(lr - fraction))
    answers: dict
    run: dict
    curves: Optional[Curves]

    @property
    def fraction_grid(self):
        return np.broadcast_to(np.array(self.fractions, float), self.accuracy.shape)

    @property
    def knees(self):
        """(lr, knee, cut_off) of each row that has a knee."""
        return [(row["lr"], row["knee"], row["cut_off"]) for row in self.answers["by_lr"] if row["knee"] is not None]

    @property
    def cliff_line(self):
        """(lr, fraction) along the fitted diagonal cliff; empty where none was fitted."""
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
    """lr, fractions, and one grid [lr][fraction] for each further column."""
    path = files.path("grid.csv")
    try:
        rows = list(csv.DictReader(io.StringIO(files.read("grid.csv").decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise request_error(path, f"not CSV: {error}", f"the columns {','.join(COLUMNS)}") from error
    cells = {}
    for line, row in enumerate(rows, start=2):
        for name, form in COLUMNS.items():
            if name not in row:
                raise request_error(path, f"no column {name}", f"the columns {','.join(COLUMNS)}")
            if not form.accepts(number(row[name], form)):
                raise request_error(path, f"line {line}: {name} is {shortened(row[name], 40)}", form)
        cell = tuple(int(row[name]) for name in ("lr", "fraction"))
        if cell in cells:
            raise request_error(path, f"line {line}: lr {cell[0]}, fraction {cell[1]} again", "each cell once")
        cells[cell] = [float(row[name]) for name in ("accuracy", "mean_update", "mean_error")]
        if min(cells[cell][1:]) < 0:
            raise request_error(path, f"line {line}: a mean below 0", "means of magnitudes")
    learning_rates, fractions = (sorted(set(axis)) for axis in zip(*cells)) if cells else ([], [])
    if not cells or len(cells) != len(learning_rates) * len(fractions):
        raise request_error(path, f"{len(cells)} cells of {len(learning_rates)} x {len(fractions)}", "a full grid")
    table = np.array([[cells[lr, fraction] for fraction in fractions] for lr in learning_rates])
    return learning_rates, fractions, np.moveaxis(table, 2, 0)


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


def read_curves(files, learning_rates, fractions):
    """The curves of a grid with those axes; None where there are none."""
    if not files.has("curves.npz"):
        return None
    path = files.path("curves.npz")
    steps, accuracy, *axes = read_arrays(files, "curves.npz", ("steps", "accuracy", "learning_rates", "fractions"))
    for name, axis, of_grid in zip(("learning_rates", "fractions"), axes, (learning_rates, fractions)):
        if check_array(path, name, axis, (len(of_grid),)).tolist() != of_grid:
            raise request_error(path, f"{name} of another grid", "those of grid.csv")
    points = steps.size
    if not 1 <= points <= MOST_POINTS:
        raise request_error(path, f"{points} steps", f"1 to {MOST_POINTS}")
    return Curves(check_array(path, "steps", steps, (points,)),
                  check_array(path, "accuracy", accuracy, (len(learning_rates), len(fractions), points)))


def read(files):
    """The run whose files these are."""
    learning_rates, fractions, (accuracy, mean_update, mean_error) = read_grid(files)
    run = parse_json(files.path("run.json"), files.read("run.json"), RUN)
    path = files.path("answers.json")
    answers = parse_json(path, files.read("answers.json"), answers_form(learning_rates, fractions))
    if [row["lr"] for row in answers["by_lr"]] not in ([], learning_rates):
        raise request_error(path, "answers of another grid", "a row for each lr of grid.csv")
    lr, fraction = np.array(learning_rates)[:, None], np.array(fractions)[None, :]
    return Results(
        title=printable(run["dataset"]["name"].upper()), learning_rates=learning_rates, fractions=fractions,
        accuracy=accuracy, update=log2_or_nan(mean_update) - fraction, error=log2_or_nan(mean_error) + lr - fraction,
        answers=answers, run=run, curves=read_curves(files, learning_rates, fractions))


def load(directory):
    """The run in a directory, titled by its data set. Raises RequestError where there is none, or a damaged one."""
    check_directory(directory)
    while True:
        files = RunFiles(directory)
        try:
            return read(files)
        except RequestError:
            if files.is_current():
                raise  # else a run that ended meanwhile has removed these files: read its own


def load_all(directories):
    """Several runs; those of one data set are told apart by their directories' names."""
    runs = [load(directory) for directory in directories]
    titles = [run.title for run in runs]
    return [Results(**{**vars(run), "title": f"{run.title}, {end_of(directory)}"})
            if titles.count(run.title) > 1 else run for run, directory in zip(runs, directories)]
