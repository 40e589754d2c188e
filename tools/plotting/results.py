"""What gridrun left in an output directory, read and checked."""
import csv
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

RUN_KEYS = {"engine", "device", "configuration", "dataset"}
ANSWERS_KEYS = {"best", "by_lr", "fewest_bits", "left_cliff", "diagonal_cliff", "text"}
COLUMNS = ("lr", "fraction", "accuracy", "mean_update", "mean_error")


class RequestError(Exception):
    """Results that are not there, or not gridrun's."""


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


def read_json(path, keys):
    """An object with at least those keys."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}; a run of gridrun leaves one") from error
    except ValueError as error:
        raise RequestError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict) or not keys <= value.keys():
        raise RequestError(f"{path}: not what gridrun writes; its keys are {', '.join(sorted(keys))}")
    return value


def read_grid(path):
    """lr, fractions, and one grid [lr][fraction] for each further column."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        cells = {(int(row["lr"]), int(row["fraction"])): [float(row[name]) for name in COLUMNS[2:]] for row in rows}
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}; a run of gridrun leaves one") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path}: not a grid with the columns {','.join(COLUMNS)}") from error
    learning_rates, fractions = (sorted(set(axis)) for axis in zip(*cells)) if cells else ([], [])
    if not cells or len(cells) != len(learning_rates) * len(fractions):
        raise RequestError(f"{path}: not a full grid: {len(cells)} cells of {len(learning_rates)} x {len(fractions)}")
    table = np.array([[cells[lr, fraction] for fraction in fractions] for lr in learning_rates])
    return learning_rates, fractions, np.moveaxis(table, 2, 0)


def read_curves(path, shape):
    """The curves of a grid of that shape; None where there are none."""
    if not path.exists():
        return None
    try:
        with np.load(path) as arrays:
            curves = Curves(arrays["steps"], arrays["accuracy"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RequestError(f"{path}: not learning curves of gridrun") from error
    if curves.accuracy.shape != (*shape, len(curves.steps)):
        raise RequestError(f"{path}: curves of another grid than grid.csv")
    return curves


def load(directory):
    """The run in a directory, titled by its data set."""
    directory = Path(directory)
    if not directory.is_dir():
        raise RequestError(f"{directory}: no such directory")
    learning_rates, fractions, (accuracy, mean_update, mean_error) = read_grid(directory / "grid.csv")
    run, answers = read_json(directory / "run.json", RUN_KEYS), read_json(directory / "answers.json", ANSWERS_KEYS)
    try:
        title, answered = run["dataset"]["name"].upper(), [row["lr"] for row in answers["by_lr"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise RequestError(f"{directory}: run.json or answers.json is not what gridrun writes") from error
    if answered not in ([], learning_rates):
        raise RequestError(f"{directory / 'answers.json'}: answers of another grid than grid.csv")
    lr, fraction = np.array(learning_rates)[:, None], np.array(fractions)[None, :]
    return Results(
        title=title, learning_rates=learning_rates, fractions=fractions, accuracy=accuracy,
        update=log2_or_nan(mean_update) - fraction, error=log2_or_nan(mean_error) + lr - fraction,
        answers=answers, run=run, curves=read_curves(directory / "curves.npz", accuracy.shape))


def load_all(directories):
    """Several runs; those of one data set are told apart by their directories' names."""
    runs = [load(directory) for directory in directories]
    titles = [run.title for run in runs]
    return [Results(**{**vars(run), "title": f"{run.title}, {directory}"}) if titles.count(run.title) > 1 else run
            for run, directory in zip(runs, directories)]
