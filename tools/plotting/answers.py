"""What answers.json tells of each table, of one seed or as medians over seeds, read and checked."""
from dataclasses import dataclass, field
from typing import Optional

from plotting.checked import (Boolean, Integer, Magnitude, OneOf, OrMissing, OrNull, Real, Text, check, request_error,
                              value_of)
from plotting.grid import METRICS, SEED

MOST_TOLD = 10_000  # tables that gridrun answers of
NUMBER = Real(1e6)
METRIC = OrMissing(OneOf(tuple(METRICS)))  # of older runs, the accuracy
TEXT = [Text(100_000)]
ESTIMATE = {"median": NUMBER, "low": NUMBER, "high": NUMBER, "seeds": Integer(1, 2**32)}
BITS = Magnitude(1e15)
POINT = {"weight_bits": BITS, "activation_bits": BITS, "value": NUMBER,
         "low": OrMissing(OrNull(NUMBER)), "high": OrMissing(OrNull(NUMBER)), "formats": OrMissing(Text(1000))}


@dataclass(frozen=True)
class Row:
    """What a learning rate reaches, each as (middle, low, high), all the same of one seed; None where it has none."""
    lr: int
    plateau: Optional[tuple]
    knee: Optional[tuple]
    cut_off: int  # seeds in which the grid's end may hide the knee
    baseline: Optional[tuple]


@dataclass(frozen=True)
class Told:
    """What is drawn of a table's answers."""
    metric: str = "accuracy"
    answers: Optional[dict] = None  # as the file has them
    seeds: int = 1
    best: Optional[tuple] = None  # (lr, precision)
    fewest_bits: Optional[tuple] = None
    rows: list = field(default_factory=list)
    cliff: Optional[tuple] = None  # (intercept, slope, its lr)
    left_cliff: Optional[tuple] = None  # the two lr that it falls between, the larger learning rate first

    @property
    def knees(self):
        """(lr, knee, cut_off) of each row that has a knee; `cut_off` is of most of the seeds."""
        return [(row.lr, row.knee[0], 2 * row.cut_off > self.seeds) for row in self.rows if row.knee]

    @property
    def knee_intervals(self):
        """(lr, low, high) of each knee that is a median over seeds which differ."""
        return [(row.lr, *row.knee[1:]) for row in self.rows if row.knee and row.knee[1] < row.knee[2]]

    @property
    def cliff_line(self):
        """(lr, precision) along the fitted diagonal cliff; empty where none was fitted."""
        if not self.cliff:
            return []
        intercept, slope, at = self.cliff
        return [(lr, intercept + slope * lr) for lr in at]


def table_form(axes, of_table):
    """What is drawn of the answers of one seed."""
    _, *precision = of_table
    lr, bits = OneOf(tuple(axes["lr"])), OneOf(tuple(axes[precision[0]]) if precision else ())
    cell = {"lr": lr, **{name: bits for name in precision}}
    return {"metric": METRIC, "best": cell,
            "by_lr": [{"lr": lr, "plateau": NUMBER, "knee": OrNull(bits), "cut_off": Boolean(),
                       "baseline": OrMissing(NUMBER)}],
            "fewest_bits": OrNull(cell), "left_cliff": OrNull({"lr": lr, "next_lr": OrNull(lr)}),
            "diagonal_cliff": OrNull({"intercept": NUMBER, "slope": NUMBER, "lr": [lr]}), "text": TEXT}


def seeds_form(axes, of_table):
    """What is drawn of the answers over seeds."""
    _, *precision = of_table
    cell = {"lr": ESTIMATE, **{name: ESTIMATE for name in precision}}
    return {"metric": METRIC, "seeds": [Integer(0, 2**32 - 1)],
            "best": {"value": ESTIMATE, **cell},
            "by_lr": [{"lr": OneOf(tuple(axes["lr"])), "plateau": ESTIMATE, "knee": OrNull(ESTIMATE),
                       "cut_off": Integer(0, 2**32), "baseline": OrMissing(ESTIMATE)}],
            "fewest_bits": OrNull(cell), "left_cliff": OrNull({"lr": ESTIMATE}), "text": TEXT}


def told_of_table(answers, of_table):
    """Of answers of one seed."""
    def cell(one):
        return one and tuple(one.get(name, 0) for name in (*of_table, "")[:2])

    def same(number):
        return None if number is None else (number, number, number)

    rows = [Row(row["lr"], same(row["plateau"]), same(row["knee"]), int(row["cut_off"]), same(row.get("baseline")))
            for row in answers["by_lr"]]
    cliff, left = answers["diagonal_cliff"], answers["left_cliff"]
    return Told(answers.get("metric", "accuracy"), answers, 1, cell(answers["best"]), cell(answers["fewest_bits"]), rows,
                cliff and (cliff["intercept"], cliff["slope"], cliff["lr"]),
                (left["next_lr"], left["lr"]) if left and left["next_lr"] is not None else None)


def told_of_seeds(answers, axes, of_table):
    """Of answers over seeds, their medians. No diagonal cliff is drawn: the medians of slopes and of intercepts need not be
    one line along the knees.
    """
    def numbers(estimate):
        return estimate and (estimate["median"], estimate["low"], estimate["high"])

    def nearest(name, value):
        return min(axes[name], key=lambda entry: abs(entry - value)) if name else 0

    def cell(one):
        return one and tuple(nearest(name, one[name]["median"]) if name else 0 for name in (*of_table, "")[:2])

    rows = [Row(row["lr"], numbers(row["plateau"]), numbers(row["knee"]), row["cut_off"], numbers(row.get("baseline")))
            for row in answers["by_lr"]]
    left = answers["left_cliff"]
    larger = [lr for lr in axes["lr"] if left and lr < left["lr"]["median"]]
    return Told(answers.get("metric", "accuracy"), answers, len(answers["seeds"]), cell(answers["best"]),
                cell(answers["fewest_bits"]), rows, None,
                (larger[-1], left["lr"]["median"]) if larger else None)


def read_answers(path, document, axes, of_table, tables, each_seed):
    """What is told of each of the tables, which are given by the values {axis: value} that they are at.

    With `each_seed`, where train.seed is one of these axes, the answers of each seed are asked for.
    """
    if len(tables) > MOST_TOLD:
        raise request_error(path, f"answers of none of {len(tables)} tables", f"at most {MOST_TOLD} tables")
    if "slices" in document:
        check(path, document, {"slices": [{}]})
    slices = [(f"slices[{i}]", one) for i, one in enumerate(document["slices"])] if "slices" in document else \
        [("", document)]
    if each_seed and any("by_seed" in one for _, one in slices):
        for at, one in slices:
            check(path, one, {"by_seed": [{}]}, at)
        slices = [(f"{at}.by_seed[{i}]".lstrip("."), seed) for at, one in slices for i, seed in enumerate(one["by_seed"])]
    by_held, told = {}, []
    for at, one in slices:
        is_over_seeds = "by_seed" in one
        form = seeds_form(axes, of_table) if is_over_seeds else table_form(axes, of_table)
        held = tables[0] if tables else {}
        check(path, one, {**{name: OneOf(tuple(axes[name])) for name in held}, **form}, at)
        key = tuple(value_of(one[name]) for name in held)
        rows = [row["lr"] for row in one["by_lr"]]
        if key in by_held or rows not in ([], axes["lr"]):
            raise request_error(path, "answers of another grid", "a row for each lr of the grid")
        by_held[key] = told_of_seeds(one, axes, of_table) if is_over_seeds else told_of_table(one, of_table)
    for held in tables:
        if tuple(held.values()) not in by_held:
            raise request_error(path, "answers of another grid", "those of the tables that are trained")
        told.append(by_held[tuple(held.values())])
    if len(by_held) != len(tables):
        raise request_error(path, "answers of another grid", "those of the tables that are trained")
    return told


def read_front(path, document, axes):
    """The points of the Pareto front; none where answers.json has none."""
    check(path, document, {"pareto": OrMissing([{**POINT, "cell": OrMissing({})}])})
    front = document.get("pareto", [])
    for i, point in enumerate(front):
        cell = point.get("cell", {})
        form = {name: OneOf(tuple(axes[name])) for name in cell if name in axes and name != SEED}
        check(path, cell, form, f"pareto[{i}].cell")
    return front
