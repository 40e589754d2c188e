"""tools/plot: the figures by their data, and its manners: plot_test.py GRIDRUN"""
import base64
import collections
import contextlib
import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from math import log2, nan
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = sys.argv.pop(1)
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402
from plotting import command, figures, page, results, run_files  # noqa: E402
from plotting.checked import value_text  # noqa: E402

SHORT = ("train.iterations=200", "report.smooth_window=101")
PICTURES = [f"{name}.{ending}" for name in ("surface", "heat_maps", "overview", "lines") for ending in ("png", "svg")]


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


def gridrun(output, *settings, more=()):
    ran = run(GRIDRUN, "--quiet", "--output", output, *more, *(word for setting in settings for word in ("--set", setting)))
    assert ran.returncode == 0, ran.stderr


def networks(output, text, *settings, more=()):
    """A short run of a configuration of its own on the DIGITS, whose name the text may have in a table of its own."""
    output.mkdir(parents=True)
    configuration = output / "networks.toml"
    begin = "" if "[dataset]" in text else 'dataset.name = "digits"\n'
    configuration.write_text(begin + text, encoding="utf-8")
    gridrun(output, *SHORT, "report.curves=true", *settings,
            more=("--config", configuration, "--device", "reference", *more))


def plot(*arguments):
    """tools/plot within this process, which spares it the start."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = command.main([str(word) for word in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return subprocess.CompletedProcess(arguments, status or 0, out.getvalue(), err.getvalue())


def rows_of(directory, name="figures.csv"):
    """The rows of a CSV file of a run."""
    with open(directory / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cells(directory):
    """{(lr, fraction): row} of figures.csv."""
    return {(int(row["lr"]), int(row["fraction"])): row for row in rows_of(directory)}


def change_rows(directory, change, name="figures.csv"):
    """Writes what `change` makes of each row of a CSV file into its place, which is no link then."""
    rows = [change(dict(row)) for row in rows_of(directory, name)]
    (directory / name).unlink()
    with open(directory / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def change_answers(directory, change):
    """The same of answers.json."""
    answers = json.loads((directory / "answers.json").read_text(encoding="utf-8"))
    change(answers)
    (directory / "answers.json").unlink()
    (directory / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def as_before_metrics(directory):
    """Leaves what gridrun wrote when it compared networks by accuracy alone."""
    def change(answers):
        for one in answers.get("slices", [answers]):
            one.pop("metric")

    (directory / "figures.csv").unlink()
    (directory / "summary.csv").unlink(missing_ok=True)
    change_answers(directory, change)


def curves(shown):
    """The accuracies [lr][column][point] of a table's curves in the page."""
    codes = np.frombuffer(base64.b64decode(shown["curves"]["accuracy"]), "<u2") / 65534 * 2 - 0.5
    return codes.reshape(len(shown["lr"]), len(shown["columns"]), -1)


class Plot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.directory = Path(cls.scratch.name) / "digits"
        gridrun(cls.directory, "report.curves=true")
        (cls.digits,) = results.load(cls.directory)
        cls.cells = cells(cls.directory)
        cls.answers = json.loads((cls.directory / "answers.json").read_text(encoding="utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def place(self, name):
        return Path(self.scratch.name) / name

    def expected(self, name, lr, fraction):
        """A heat map's value, from figures.csv alone."""
        row = self.cells[lr, fraction]
        update, error = float(row["mean_update"]), float(row["mean_error"])
        return {"recent_accuracy": float(row["recent_accuracy"]),
                "update": log2(update / 2**fraction) if update else nan,
                "error": log2(error * 2.0**(lr - fraction)) if error else nan,
                "fraction": fraction}[name]

    def heat_map_axes(self, figure):
        """(axes, mesh) of the four heat maps in their order."""
        found = [(axes, axes.collections[0]) for axes in figure.axes if axes.get_xlabel() == "learning rate"]
        self.assertEqual(len(found), 4)
        return found

    def test_heat_maps_show_the_grid(self):
        figure = figures.heat_maps([self.digits])
        for (axes, mesh), name in zip(self.heat_map_axes(figure), self.digits.maps):
            shown = np.ma.filled(mesh.get_array(), nan).reshape(16, 15)  # [fraction][lr]
            for row, fraction in enumerate(range(8, 24)):
                for column, lr in enumerate(range(5, 20)):
                    self.assertAlmostEqual(shown[row, column], self.expected(name, lr, fraction), places=9)
            self.assertEqual(axes.get_ylabel(), "fraction bits")
            self.assertEqual([tick.get_text() for tick in axes.get_xticklabels()],
                             [f"$2^{{-{lr}}}$" for lr in range(5, 20, 2)])
            self.assertEqual([tick.get_text() for tick in axes.get_yticklabels()], [str(f) for f in range(8, 24)])
        figures.close(figure)

    def test_heat_maps_show_knees_and_cliffs(self):
        figure = figures.heat_maps([self.digits])
        knees = {row["lr"]: row["knee"] for row in self.answers["by_lr"]}
        cliff = self.answers["diagonal_cliff"]
        for axes, _ in self.heat_map_axes(figure):
            drawn = {}
            for label in ("knee cut off by the grid", "knee"):
                marks = next(line for line in axes.lines if line.get_label() == label)
                drawn.update(zip(marks.get_xdata() + 5, marks.get_ydata() + 8))
            self.assertEqual(drawn, knees)
            fitted = next(line for line in axes.lines if line.get_label().startswith("knee = "))
            self.assertEqual(fitted.get_label(), f"knee = {cliff['intercept']:.2f} + {cliff['slope']:.2f} lr")
            for x, y in zip(fitted.get_xdata(), fitted.get_ydata()):
                self.assertAlmostEqual(y + 8, cliff["intercept"] + cliff["slope"] * (x + 5), places=9)
            left = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
            self.assertEqual([list(line.get_xdata()) for line in left], [[3.5, 3.5]], "between 2^-8 and 2^-9")
        figures.close(figure)

    def test_the_surface_shows_the_metric(self):
        figure = figures.surface([self.digits])
        axes = figure.axes[0]
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()),
                         ("learning rate", "fraction bits", "recent accuracy"))
        corners = {(round(x), round(y)): z for x, y, z, _ in np.array(axes.collections[0]._vec).T}
        self.assertEqual(len(corners), 240)
        for (x, y), z in corners.items():
            self.assertAlmostEqual(z, self.expected("recent_accuracy", x + 5, y + 8), places=9)
        figures.close(figure)

    def test_zero_is_blank_and_said_so(self):
        directory = self.place("zero")  # lr 0 drops nothing: no quantization error
        gridrun(directory, "grid.lr=[0, 9]", "grid.fraction=[12, 16]", *SHORT)
        (run_with_zero,) = results.load(directory)
        self.assertTrue(np.isnan(run_with_zero.error[0]).all() and np.isfinite(run_with_zero.error[1]).all())
        figure = figures.heat_maps([run_with_zero])
        mesh = self.heat_map_axes(figure)[2][1]
        self.assertEqual(np.ma.getmaskarray(mesh.get_array()).reshape(2, 2).tolist(), [[True, False], [True, False]])
        self.assertIn("none: zero", [text.get_text() for text in figure.legends[0].get_texts()])
        figures.close(figure)

    def test_runs_side_by_side_share_their_colours(self):
        directory = self.place("half")
        gridrun(directory, "train.iterations=5000")
        runs, count = results.load_all([self.directory, directory])
        self.assertEqual(count, 2)
        self.assertEqual([one.title for one in runs], [f"DIGITS, {self.directory}", f"DIGITS, {directory}"])
        figure = figures.heat_maps(runs)
        meshes = [axes.collections[0] for axes in figure.axes if axes.get_xlabel() == "learning rate"]
        self.assertEqual(len(meshes), 8)
        for first, second in zip(meshes[:4], meshes[4:]):
            self.assertEqual(first.get_clim(), second.get_clim())
        figures.close(figure)

    def test_writes_pictures_and_a_page_that_needs_no_network(self):
        output = self.place("pictures")
        ran = run(sys.executable, "-B", ROOT / "tools/plot", self.directory, "--output", output)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(ran.stdout, f"wrote {', '.join(PICTURES)}, study.html in {output}\n")
        for name in PICTURES:
            if name.endswith("svg"):
                self.assertTrue(ElementTree.parse(output / name).getroot().tag.endswith("svg"))
            else:
                self.assertEqual((output / name).read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        html = (output / "study.html").read_text(encoding="utf-8")
        self.assertNotRegex(html, r"<(script|link|img)[^>]*(src|href)=\"(?!data:)")
        study = json.loads(re.search(r'<script id="study" type="application/json">(.*?)</script>', html)[1])
        self.assertLess(len(html), 450_000, "characters")
        self.assertNotIn("http", html.replace("http://www.w3.org/2000/svg", ""), "no links to the net")
        shown, source = study["tables"][0], study["sources"][0]
        for row, told in zip(shown["answers"]["rows"], self.answers["by_lr"]):
            self.assertEqual((row["lr"], row["plateau"], row["knee"], row["cut_off"]),
                             (told["lr"], [told["plateau"]] * 3, [told["knee"]] * 3, told["cut_off"]))
        told = dict(shown["answers"]["lines"])
        for line in self.answers["text"]:
            if not line.startswith(("lr ", "plateau", "knee")):
                self.assertEqual(told.pop(line[:16].strip()), line[16:])
        self.assertEqual(told, {})
        self.assertEqual(source["run"]["configuration"]["train"]["iterations"], 10000)
        self.assertEqual((source["name"], source["networks"], source["trained"]), ("DIGITS", 240, 240))
        for name in ("recent_accuracy", "update", "error"):
            self.assertAlmostEqual(shown["maps"][name][8][4], self.expected(name, 9, 16), places=4)
        self.assertEqual(shown["curves"]["steps"][-1], 9999)
        self.assertEqual(curves(shown).shape, (15, 16, 500))
        self.assertAlmostEqual(curves(shown)[4, 8, -1], float(self.cells[9, 16]["accuracy"]), places=4)

    def test_the_same_results_give_the_same_pictures(self):
        small = self.place("small")
        gridrun(small, "grid.lr=[7, 9]", "grid.fraction=[12, 16]", *SHORT)
        for name in ("a", "b"):
            self.assertEqual(plot(small, "--quiet", "--output", self.place(name)).stdout, "")
        for name in (*PICTURES, "study.html"):
            self.assertEqual((self.place("a") / name).read_bytes(), (self.place("b") / name).read_bytes(), name)

    def test_curves_that_are_chosen_first_show_the_cliffs(self):
        told = replace(self.digits.told, fewest_bits=(10, 15))  # the study's are its best
        self.assertEqual(page.chosen_cells(replace(self.digits, told=told)), [(9, 16), (10, 15), (8, 16), (9, 15)])

    def test_degenerate_grids_are_drawn(self):
        for name, settings in {"row": ["grid.lr=9"], "column": ["grid.fraction=16"],
                               "cell": ["grid.lr=9", "grid.fraction=16"],
                               "nothing": ["grid.lr=[30, 40]", "grid.fraction=[1, 3]"],
                               "gaps": ["grid.lr=[0, 5, 9, 20]", "grid.fraction=[3, 8, 16, 40]"]}.items():
            with self.subTest(name):
                gridrun(self.place(name), *SHORT, *settings)
                ran = plot(self.place(name))
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                self.assertTrue((self.place(name) / "study.html").exists())

    def test_grids_of_word_lengths_are_drawn_by_their_name(self):
        place = self.place("bits")
        networks(place, "precision = {integer = 4, gradient = {integer = 2}}", "grid.lr=[-1, 3]", "grid.bits=[10, 14]")
        (table,) = results.load(place)
        self.assertEqual((table.axis, table.columns, table.learning_rates), ("bits", [10, 14], [-1, 3]))
        self.assertEqual(list(table.maps), ["recent_accuracy", "update", "error", "bits"])
        with open(place / "grid.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                lr, bits, update, error = (float(row[name]) for name in ("lr", "bits", "mean_update", "mean_error"))
                at = table.learning_rates.index(lr), table.columns.index(bits)
                if update:
                    self.assertAlmostEqual(table.update[at], log2(update) - (bits - 2), places=9)
                if error:
                    self.assertAlmostEqual(table.error[at], log2(error) + lr - (bits - 2), places=9)
        figure = figures.heat_maps([table])
        for axes, _ in self.heat_map_axes(figure):
            self.assertEqual(axes.get_ylabel(), "bits of a word")
            self.assertEqual([tick.get_text() for tick in axes.get_xticklabels()], ["$2^{1}$", "$2^{-3}$"])
        figures.close(figure)
        self.assertEqual(plot(place).returncode, 0)

    def test_grids_without_a_precision_are_a_column(self):
        place = self.place("rates")
        networks(place, 'precision.fraction = 12\ndataset.test = 0.2\ntrain.samples = "train"', "grid.lr=[5, 7, 9]")
        (table,) = results.load(place)
        self.assertEqual((table.axis, table.accuracy.shape, table.curves.accuracy.shape), ("", (3, 1), (3, 1, 200)))
        self.assertEqual(list(table.maps), ["test_accuracy", "update", "error", "recent_accuracy"])
        figure = figures.heat_maps([table])
        for axes, _ in self.heat_map_axes(figure):
            self.assertEqual((axes.get_ylabel(), len(axes.get_yticks())), ("", 0))
        figures.close(figure)
        self.assertEqual(page.chosen_cells(table)[0], (table.answers["best"]["lr"], 0))
        self.assertEqual(plot(place).returncode, 0)

    def test_grids_of_three_axes_are_a_table_for_each_slice(self):
        place = self.place("slices")
        networks(place, 'dataset.test = 0.2\ntrain.samples = "train"', "grid.lr=[7, 9]", "grid.fraction=[10, 12, 13]",
                 "grid.bits=[24, 32]")
        tables = results.load(place)
        self.assertEqual([table.title for table in tables], ["DIGITS, words of 24 bits", "DIGITS, words of 32 bits"])
        answers = json.loads((place / "answers.json").read_text(encoding="utf-8"))
        for i, table in enumerate(tables):
            self.assertEqual(table.answers, answers["slices"][i])
            self.assertEqual((table.axis, table.columns), ("fraction", [10, 12, 13]))
            with open(place / "grid.csv", newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["bits"]) == (24, 32)[i]]
            for row, lr, fraction in zip(rows, (7, 7, 7, 9, 9, 9), (10, 12, 13, 10, 12, 13)):
                at = (7, 9).index(lr), (10, 12, 13).index(fraction)
                self.assertEqual(table.accuracy[at], float(row["accuracy"]))
                self.assertEqual(table.accuracies["test_accuracy"][at], float(row["test_accuracy"]))
                self.assertAlmostEqual(table.update[at], log2(float(row["mean_update"])) - fraction, places=9)
                self.assertAlmostEqual(table.curves.accuracy[at][-1], float(row["accuracy"]), places=9)
        ran = plot(place)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        both, _ = results.load_all([place, self.directory, place])
        self.assertEqual([table.title for table in both], [*(f"{table.title}, {place}" for table in tables), "DIGITS",
                                                           *(f"{table.title}, {place}" for table in tables)])
        with mock.patch.object(results, "MOST_TABLES", 3):
            ran = plot(place, place)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertTrue(ran.stdout.startswith("4 tables of lr and precision, of which the first 3 are drawn; --where "
                                              "AXIS=VALUE chooses others\nwrote surface.png"))

    def seeds(self, name):
        """A run of two roundings and three seeds, with baselines and held-out samples, in a place of that name."""
        place = self.place(name)
        if not place.exists():
            networks(place, 'dataset.test = 0.2\ntrain.samples = "train"\nreport.baseline = true\n'
                     'precision = {integer = 4, overflow = "saturate"}\nnetwork.layers = [64, 10]\n'
                     'init = {unit = "real", std = "he"}\n[grid]\n"precision.round" = ["floor", "stochastic"]\n'
                     '"train.seed" = [3, 1, 2]\nlr = [4, 5, 6]\nbits = [8, 10, 12, 14]\n', "train.iterations=1000")
        return place

    def test_tables_over_seeds_are_means_with_intervals(self):
        place = self.seeds("seeds")
        tables = results.load(place)
        self.assertEqual([table.title for table in tables], ["DIGITS, precision.round floor",
                                                             "DIGITS, precision.round stochastic"])
        networks_of, summary = rows_of(place), rows_of(place, "summary.csv")
        with np.load(place / "curves.npz") as arrays:
            all_curves = arrays["accuracy"]  # [round][seed][lr][bits][point]
        for i, table in enumerate(tables):
            self.assertEqual((table.metric, table.axis, table.held), ("test_accuracy", "bits",
                                                                      {"precision.round": ("floor", "stochastic")[i]}))
            for l, lr in enumerate((4, 5, 6)):
                of_lr = [row for row in networks_of if row["precision.round"] == table.held["precision.round"] and
                         row["lr"] == str(lr)]
                self.assertAlmostEqual(table.baseline[l], np.mean([float(row["baseline_test_accuracy"])
                                                                   for row in of_lr]), places=9)
                for c, bits in enumerate((8, 10, 12, 14)):
                    of_cell = [row for row in of_lr if row["bits"] == str(bits)]
                    self.assertEqual(len(of_cell), 3)
                    (told,) = [row for row in summary if row["precision.round"] == table.held["precision.round"] and
                               (row["lr"], row["bits"]) == (str(lr), str(bits))]
                    for name in ("accuracy", "recent_accuracy", "test_accuracy"):
                        self.assertAlmostEqual(table.accuracies[name][l, c], np.mean([float(row[name]) for row in of_cell]),
                                               places=9)
                    self.assertEqual((table.low[l, c], table.high[l, c], table.seeds[l, c]),
                                     (float(told["test_accuracy_low"]), float(told["test_accuracy_high"]), 3))
                    update = np.mean([float(row["mean_update"]) for row in of_cell])
                    self.assertAlmostEqual(table.update[l, c], log2(update) - (bits - 4), places=6)
                    self.assertTrue(np.allclose(table.curves.accuracy[l, c], all_curves[i, :, l, c].mean(axis=0)))

    def test_answers_over_seeds_are_drawn_by_their_medians(self):
        place = self.seeds("seeds")
        slices = json.loads((place / "answers.json").read_text(encoding="utf-8"))["slices"]
        drawn = 0
        for table, told in zip(results.load(place), slices):
            self.assertEqual(table.answers, told)
            self.assertEqual(table.told.knees, [(row["lr"], row["knee"]["median"], 2 * row["cut_off"] > 3)
                                                for row in told["by_lr"] if row["knee"]])
            if told["left_cliff"]:
                self.assertEqual(table.told.left_cliff[1], told["left_cliff"]["lr"]["median"])
            self.assertEqual(table.told.knee_intervals, [(row["lr"], row["knee"]["low"], row["knee"]["high"]) for row in
                                                         told["by_lr"] if row["knee"] and
                                                         row["knee"]["low"] < row["knee"]["high"]])
            self.assertEqual(table.told.cliff_line, [], "medians of slope and intercept are no line along the knees")
            shown = page.data_of_page([table])["tables"][0]
            self.assertEqual(shown["title"], f"precision.round {told['precision.round']}")
            self.assertEqual(shown["answers"]["best"], tuple(told["best"]["value"][name] for name in ("median", "low", "high")))
            drawn += len(table.told.knees)
        self.assertGreater(drawn, 2)

    def test_a_seed_that_is_chosen_is_drawn_alone(self):
        place = self.seeds("seeds")
        (table,), count = results.load_all([place], {"train.seed": "1", "precision.round": "stochastic"})
        self.assertEqual((count, table.title, table.low, table.seeds),
                         (1, "DIGITS, precision.round stochastic, train.seed 1", None, None))
        slices = json.loads((place / "answers.json").read_text(encoding="utf-8"))["slices"]
        self.assertEqual(table.answers, next(one for one in slices[1]["by_seed"] if one["train.seed"] == 1))
        for row in rows_of(place):
            if (row["precision.round"], row["train.seed"]) == ("stochastic", "1"):
                at = (4, 5, 6).index(int(row["lr"])), (8, 10, 12, 14).index(int(row["bits"]))
                self.assertEqual(table.values[at], float(row["test_accuracy"]))
                self.assertEqual(table.baseline[at[0]], float(row["baseline_test_accuracy"]))

    def test_lines_show_the_metric_its_interval_and_binary64(self):
        tables = results.load(self.seeds("seeds"))
        figure = figures.lines(tables)
        self.assertEqual(len(figure.axes), 2)
        for axes, table in zip(figure.axes, tables):
            solid = [line for line in axes.lines if line.get_linestyle() == "-"]
            dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
            self.assertEqual([list(line.get_ydata()) for line in solid], table.values.tolist())
            self.assertEqual([list(line.get_ydata()) for line in dashed], [[value] * 4 for value in table.baseline])
            for band, low, high in zip(axes.collections, table.low, table.high):
                ends = {(round(x), round(y, 9)) for x, y in band.get_paths()[0].vertices}
                self.assertEqual(ends, {(x, round(y, 9)) for end in (low, high) for x, y in enumerate(end)})
            self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("bits of a word", "test accuracy"))
        figures.close(figure)

    def test_slices_are_small_multiples_with_a_row_of_binary64(self):
        tables = results.load(self.seeds("seeds"))
        figure = figures.slices(tables)
        maps = [axes for axes in figure.axes if axes.get_xlabel() == "learning rate"]
        floats = [axes for axes in figure.axes if [tick.get_text() for tick in axes.get_yticklabels()] == ["binary64"]]
        self.assertEqual((len(maps), len(floats)), (2, 2))
        for axes, float_axes, table in zip(maps, floats, tables):
            self.assertEqual(axes.collections[0].get_array().reshape(4, 3).tolist(), table.values.T.tolist())
            self.assertEqual(float_axes.collections[0].get_array().ravel().tolist(), table.baseline.tolist())
            for drawn in (axes, float_axes):
                self.assertEqual(drawn.collections[0].get_clim(), (0, 1), "one scale")
        figures.close(figure)
        self.assertIsNone(figures.slices(tables[:1]), "heat_maps has it")

    def labelled(self):
        """That run with labels and a Pareto front, which not every run has."""
        place = self.place("labelled")
        if not place.exists():
            shutil.copytree(self.seeds("seeds"), place)
            change_rows(place, lambda row: {**row, "label": "dead" if row["lr"] == "6" else
                                            "learned" if row["train.seed"] in "13" else "tilted"})
            change_answers(place, lambda answers: answers.update(pareto=[
                {"weight_bits": 800.0, "activation_bits": 100.0, "value": 0.5, "low": 0.4, "high": 0.7,
                 "cell": {"precision.round": "floor", "lr": 4, "bits": 8}, "formats": "weights 8 $x$"},
                {"weight_bits": 1200, "activation_bits": 300, "value": 0.75, "low": 0.75, "high": 0.75}]))
        return place

    def test_labels_are_drawn_beside_the_metric(self):
        tables = results.load(self.labelled())
        for table in tables:
            self.assertEqual(table.labels[:2], [[{"learned": 2, "tilted": 1}] * 4] * 2)
            self.assertEqual(table.labels[2], [{"dead": 3}] * 4)
        figure = figures.slices(tables[:1])
        (axes,) = (axes for axes in figure.axes if axes.images)
        shown = axes.images[0].get_array()
        for at, label in {(0, 0): "learned", (3, 1): "learned", (0, 2): "dead"}.items():
            self.assertEqual(to_hex(shown[at]), figures.LABEL_COLOURS[label])
        self.assertIn(["learned", "dead", "tilted"], [[text.get_text() for text in legend.get_texts()]
                                                      for legend in figure.legends])
        figures.close(figure)
        self.assertEqual(page.data_of_page(tables)["tables"][0]["labels"][0],
                         [{"learned": 2, "tilted": 1}, {"learned": 2, "tilted": 1}, {"dead": 3}])
        for table in results.load(self.seeds("seeds")):
            self.assertIsNone(table.labels)

    def test_the_pareto_front_is_drawn_where_there_is_one(self):
        tables = results.load(self.labelled())
        figure = figures.front(tables)
        (axes,) = figure.axes
        self.assertEqual([list(zip(*line.get_data())) for line in axes.lines if line.get_linestyle() == "-"],
                         [[(0.9, 0.5), (1.5, 0.75)]])
        self.assertEqual([[tuple(end) for end in bar] for bar in axes.collections[0].get_segments()],
                         [[(0.9, 0.4), (0.9, 0.7)], [(1.5, 0.75), (1.5, 0.75)]])
        self.assertEqual(axes.get_ylabel(), "test accuracy")
        figures.close(figure)
        front = page.data_of_page(tables)["sources"][0]["front"]
        self.assertEqual([point["value"] for point in front], [0.5, 0.75])
        without = self.place("without-front")
        shutil.copytree(self.labelled(), without)
        change_answers(without, lambda answers: answers.pop("pareto"))
        self.assertIsNone(figures.front(results.load(without)))
        output = self.place("fronts")
        self.assertEqual(plot(self.labelled(), "--output", output).returncode, 0)
        self.assertTrue({"front.png", "front.svg", "slices.png"} <= set(os.listdir(output)))
        self.assertEqual(plot(without, "--quiet", "--where", "precision.round=floor", "--output", output).returncode, 0)
        self.assertFalse({"front.png", "front.svg"} & set(os.listdir(output)), "none of other results")

    def test_a_part_of_the_seeds_is_drawn_as_far_as_it_is(self):
        place = self.place("some-seeds")
        networks(place, 'grid = {"train.seed" = [1, 2, 3, 4], lr = [5, 9], fraction = [12, 16]}', more=("--shard", "1/2"))
        (table,) = results.load(place)
        there = {}
        for row in rows_of(place):
            there.setdefault((int(row["lr"]), int(row["fraction"])), []).append(float(row["recent_accuracy"]))
        self.assertTrue(0 < sum(map(len, there.values())) < 16)
        for cell, values in there.items():
            at = (5, 9).index(cell[0]), (12, 16).index(cell[1])
            self.assertEqual(table.seeds[at], len(values))
            self.assertAlmostEqual(table.values[at], np.mean(values))
        self.assertEqual(table.untrained.sum(), 4 - len(there))
        ran = plot(place)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def test_results_of_before_metrics_are_drawn_by_accuracy(self):
        for copy, original in {"old": self.directory, "old-seeds": self.seeds("seeds")}.items():
            place = self.place(copy)
            shutil.copytree(original, place)
            if original != self.directory:
                def by_seed(answers):
                    answers["slices"] = [one for told in answers["slices"] for one in told["by_seed"]]
                change_answers(place, by_seed)
            as_before_metrics(place)
            tables = results.load(place)
            self.assertEqual(len(tables), 1 if original == self.directory else 6)
            for table in tables:
                self.assertEqual((table.metric, table.baseline, table.low), ("accuracy", None, None))
                self.assertEqual(list(table.accuracies), ["accuracy", *(["test_accuracy"] if len(tables) > 1 else [])])
            ran = plot(place)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(tables[1].title, "DIGITS, precision.round floor, train.seed 1")
        values = [float(row["accuracy"]) for row in rows_of(place, "grid.csv")
                  if (row["precision.round"], row["train.seed"]) == ("floor", "1")]
        self.assertEqual(tables[1].values.ravel().tolist(), values)

    def test_the_metric_of_the_run_is_drawn(self):
        for name, metric in {"by-accuracy": "accuracy", "by-recent": "recent_accuracy"}.items():
            place = self.place(name)
            networks(place, 'dataset.test = 0.2\ntrain.samples = "train"\n[grid]\nlr = [7, 9]\n'
                     "fraction = [12, 14]\n", f"report.metric={metric}", more=("--shard", "1/2"))
            (table,) = results.load(place)
            self.assertIsNone(table.answers, "the configuration says it")
            self.assertEqual((table.metric, list(table.maps)), (metric, [metric, "update", "error", "test_accuracy"]))

    def test_each_table_has_its_own_metric(self):
        place = self.place("two-metrics")
        shutil.copytree(self.seeds("seeds"), place)
        change_answers(place, lambda answers: answers["slices"][0].update(metric="recent_accuracy"))
        tables = results.load(place)
        self.assertEqual([table.metric for table in tables], ["recent_accuracy", "test_accuracy"])
        self.assertTrue((tables[0].values == tables[0].accuracies["recent_accuracy"]).all())
        self.assertEqual(plot(place).returncode, 0)

    def test_a_precision_of_some_tensor_is_the_axis_where_there_is_no_other(self):
        place = self.place("weights")
        networks(place, 'precision = {bits = 16, integer = 4, overflow = "saturate"}\n[grid]\n"precision.weight.bits" = [12, 8, 10]\n'
                 "lr = [4, 6]\n")
        (table,) = results.load(place)
        self.assertEqual((table.axis, table.columns, table.learning_rates), ("precision.weight.bits", [8, 10, 12], [4, 6]))
        for row in rows_of(place):
            at = (4, 6).index(int(row["lr"])), (8, 10, 12).index(int(row["precision.weight.bits"]))
            self.assertEqual(table.values[at], float(row["recent_accuracy"]))
            self.assertAlmostEqual(table.curves.accuracy[at][-1], float(row["accuracy"]), places=9)
        ran = plot(place)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def test_data_of_a_file_are_called_as_the_file(self):
        place = self.place("file-data")
        networks(place, f'[dataset]\nname = "csv"\npath = "{ROOT}/data/digits.csv"\nscale = 16\n[network]\n'
                 "layers = [64, 10]\n[grid]\nlr = [7, 9]\nfraction = [12, 14]\n")
        (table,) = results.load(place)
        self.assertEqual(table.title, "digits.csv")

    def test_axes_of_any_kind_hold_tables(self):
        place = self.place("axes")
        networks(place, '[precision]\ninteger = 5\n[init]\nunit = "real"\n[train]\nsamples = "train"\n[dataset]\n'
                 'name = "digits"\ntest = 0.2\n[grid]\n"init.std" = [0.5, 10]\n"network.layers" = [[64, 10], [64, 3, 10]]\n'
                 'lr = [4, 6]\n"precision.gradient.integer" = [4, 7]\nbits = [12, 16]\n"precision.round" = ["stochastic", '
                 '"floor"]\n')
        with open(place / "grid.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        tables = results.load(place)
        self.assertEqual(len(tables), 16)
        self.assertEqual(tables[1].title, "DIGITS, init.std 0.5, network.layers [64,10], precision.gradient.integer 4, "
                                          "precision.round floor")
        self.assertEqual(tables[-1].held, {"init.std": 10.0, "network.layers": (64, 3, 10),
                                           "precision.gradient.integer": 7, "precision.round": "floor"})
        answers = json.loads((place / "answers.json").read_text(encoding="utf-8"))["slices"]
        seen = 0
        for table, answer in zip(tables, answers):
            self.assertEqual(table.answers, answer)
            held = {name: value_text(value) for name, value in table.held.items()}
            for row in rows:
                if all(row[name] == text for name, text in held.items()):
                    at = table.learning_rates.index(int(row["lr"])), table.columns.index(int(row["bits"]))
                    self.assertEqual(table.accuracy[at], float(row["accuracy"]))
                    self.assertEqual(table.accuracies["test_accuracy"][at], float(row["test_accuracy"]))
                    self.assertAlmostEqual(table.curves.accuracy[at][-1], float(row["accuracy"]), places=9)
                    if float(row["mean_update"]):
                        fraction = int(row["bits"]) - table.held["precision.gradient.integer"]
                        self.assertAlmostEqual(table.update[at], log2(float(row["mean_update"])) - fraction, places=9)
                    seen += 1
        self.assertEqual(seen, len(rows))
        chosen, count = results.load_all([place], {"network.layers": "[64,3,10]", "init.std": "10"})
        self.assertEqual((count, [table.title for table in chosen]), (4, [table.title for table in tables[12:]]))
        ran = plot(place, "--where", "network.layers=[64,3,10]", "--where", "init.std=10", "--where",
                   "precision.round=floor")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(self.refusal(place, "--where", "seed=3"),
                         f"plot: {place}: no table is held at a value of seed, expected one of init.std, network.layers, "
                         "precision.gradient.integer, precision.round")
        self.assertEqual(self.refusal(place, "--where", "init.std=3"),
                         f"plot: {place}: no table has those values, expected values of its axes as in grid.csv")
        self.assertEqual(self.refusal(place, "--where", "init.std"),
                         "plot: argument --where: 'init.std', expected AXIS=VALUE as in train.seed=3 (see --help)")

    def test_partial_sweeps_are_drawn_as_far_as_they_are(self):
        place = self.place("partial")
        gridrun(place, *SHORT, "grid.lr={from = 5, to = 8}", "grid.fraction={from = 10, to = 13}", "report.curves=true",
                more=("--shard", "1/3"))
        trained = cells(place)
        self.assertTrue(0 < len(trained) < 16)
        (table,) = results.load(place)
        self.assertIsNone(table.answers)
        for l, lr in enumerate(range(5, 9)):
            for c, fraction in enumerate(range(10, 14)):
                row = trained.get((lr, fraction))
                self.assertEqual(table.untrained[l, c], row is None)
                if row:
                    self.assertEqual(table.accuracy[l, c], float(row["accuracy"]))
                    self.assertAlmostEqual(table.curves.accuracy[l, c, -1], float(row["accuracy"]), places=9)
        figure = figures.heat_maps([table])
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        self.assertEqual(labels, ["not trained"])
        figures.close(figure)
        most = max(trained, key=lambda cell: float(trained[cell]["recent_accuracy"]))
        self.assertEqual(page.chosen_cells(table), [most])
        ran = plot(place)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def test_tables_of_a_partial_sweep_have_answers_once_they_are_whole(self):
        place = self.place("some")
        parts = [self.place(f"part-{i}") for i in (1, 2)]
        for i, part in enumerate(parts, start=1):
            networks(part, '[grid]\n"precision.round" = ["floor", "toward_zero", "nearest_up", "nearest_down", '
                     '"nearest_even", "nearest_away"]\nlr = [7]\nfraction = [12, 13]\n', more=("--shard", f"{i}/3"))
        self.assertEqual(run(GRIDRUN, "merge", place, *parts).returncode, 0)
        with open(place / "grid.csv", newline="", encoding="utf-8") as file:
            count = collections.Counter(row["precision.round"] for row in csv.DictReader(file))
        self.assertEqual(set(count.values()), {1, 2}, "whole tables and others")
        tables = results.load(place)
        self.assertEqual({table.held["precision.round"]: table.answers is not None for table in tables},
                         {name: rows == 2 for name, rows in count.items()})
        self.assertEqual(plot(place).returncode, 0)

    def refusal(self, *arguments):
        ran = plot(*arguments)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        return ran.stderr.rstrip("\n")

    def test_refuses_what_is_not_a_run(self):
        none = self.place("none")
        self.assertEqual(self.refusal(none), f"plot: {none}: No such file or directory, expected a directory with the "
                                             "results of gridrun")
        broken = self.place("broken")
        broken.mkdir()
        self.assertEqual(self.refusal(self.directory, broken),
                         f"plot: {broken}/run.json: No such file or directory, expected a file that gridrun wrote")
        for name in ("figures.csv", "run.json"):
            (broken / name).write_bytes((self.directory / name).read_bytes())
        self.assertIn("answers.json: No such file", self.refusal(broken))

    def test_follows_gridruns_links_to_one_run(self):
        place = self.place("linked")
        (place / ".hidden").mkdir(parents=True)
        for version in ("v1", "v2"):
            shutil.copytree(self.directory, place / ".hidden" / version)
            grid = place / ".hidden" / version / "figures.csv"
            grid.write_text(grid.read_text(encoding="utf-8").replace("5,8,0.", f"5,8,0.{version[1]}"), encoding="utf-8")
        (place / ".hidden/current").symlink_to("v1")
        for name in ("figures.csv", "run.json", "answers.json", "curves.npz"):
            (place / name).symlink_to(Path(".hidden/current") / name)
        files = run_files.RunFiles(place)
        self.assertEqual(results.read_grid(files).figures["accuracy"][0, 0] // 0.1, 1)

        def ends_meanwhile():  # a rerun takes the first run's place and removes it
            (place / ".hidden/new").symlink_to("v2")
            (place / ".hidden/new").rename(place / ".hidden/current")
            shutil.rmtree(place / ".hidden/v1")

        ends_meanwhile()
        self.assertFalse(files.is_current())
        with self.assertRaises(results.RequestError) as refused:
            files.read("answers.json")
        self.assertEqual(str(refused.exception), f"{place}/answers.json: No such file or directory, "
                                                 "expected a file that gridrun wrote")
        self.assertEqual(results.load(place)[0].accuracy[0, 0] // 0.1, 2)

    def test_a_run_that_ends_while_another_is_read_is_read_instead(self):
        place = self.place("replaced")
        for version in ("v1", "v2"):
            shutil.copytree(self.directory, place / version)
        (place / "current").symlink_to("v1")
        for name in ("figures.csv", "run.json", "answers.json", "curves.npz"):
            (place / name).symlink_to(Path("current") / name)
        read_grid = results.read_grid

        def replaced_meanwhile(files, partial):
            grid = read_grid(files, partial)
            if files.folder.name == "v1":
                (place / "new").symlink_to("v2")
                (place / "new").rename(place / "current")
                shutil.rmtree(place / "v1")
            return grid

        with mock.patch.object(results, "read_grid", replaced_meanwhile):
            self.assertEqual(results.load(place)[0].answers, self.answers)

    def test_needs_results(self):
        ran = plot()
        self.assertEqual(ran.returncode, 2)
        self.assertIn("RESULTS", ran.stderr)
        self.assertEqual(plot("--help").returncode, 0)

    def test_says_a_wrong_argument_in_one_line(self):
        ran = run(sys.executable, "-B", ROOT / "tools/plot", "--outptu\nx", self.directory)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertEqual(ran.stderr, "plot: unrecognized arguments: --outptu\\nx (see --help)\n")

    def packages_with(self, python, changes, apt=True):
        """What tools/plot says in that Python, which finds no package, after changes to its module."""
        script = ("import importlib.machinery, importlib.util, shutil, sys\n"
                  f"sys.path.insert(0, {str(ROOT / 'tools')!r})\n"
                  f"loader = importlib.machinery.SourceFileLoader('plot', {str(ROOT / 'tools/plot')!r})\n"
                  "plot = importlib.util.module_from_spec(importlib.util.spec_from_loader('plot', loader))\n"
                  "loader.exec_module(plot)\n"
                  "plot.missing_packages = lambda: ['matplotlib', 'numpy']\n"
                  f"shutil.which = lambda name: '/usr/bin/apt-get' if {apt} else None\n"
                  f"{changes}\n"
                  "plot.need_packages()\n")
        ran = run(python, "-B", "-c", script)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""), ran.stderr)
        return ran.stderr

    def test_says_which_python_lacks_which_package(self):
        own = str(self.place("environment") / "bin/python")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.place("environment")], check=True)
        nobody_has = "plot.has_packages = lambda python: False"
        self.assertEqual(self.packages_with(own, nobody_has),
                         f"plot: {own} has no matplotlib and no numpy; {own} -m pip install matplotlib numpy\n")
        here = "plot.DISTRIBUTION_PYTHON = sys.executable"
        python = run(sys.executable, "-c", "import sys; print(sys.executable)").stdout.strip()
        self.assertEqual(self.packages_with(sys.executable, here),
                         f"plot: {python} has no matplotlib and no numpy; apt-get install "
                         "python3-matplotlib python3-numpy\n")
        self.assertEqual(self.packages_with(sys.executable, here, apt=False),
                         f"plot: {python} has no matplotlib and no numpy; {python} -m pip install "
                         "matplotlib numpy\n")
        self.assertIn("-m pip install", self.packages_with(own, here), "an environment is not the distribution's")

    def test_leaves_it_to_the_distributions_python(self):
        if run("/usr/bin/python3", "-c", "import matplotlib, numpy").returncode != 0:
            self.skipTest("/usr/bin/python3 lacks packages")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.place("bare")], check=True)
        ran = run(self.place("bare") / "bin/python", "-B", ROOT / "tools/plot", self.place("nothing there"))
        self.assertEqual(ran.returncode, 2)
        self.assertIn("nothing there: No such file", ran.stderr)

    def test_says_what_it_cannot_write(self):
        (self.place("file")).write_text("", encoding="utf-8")
        file = self.place("file")
        self.assertEqual(self.refusal(self.directory, "--output", file),
                         f"plot: {file}: cannot write: File exists, expected a directory for the pictures")
        (self.place("taken") / "overview.png").mkdir(parents=True)
        self.assertEqual(self.refusal(self.directory, "--output", self.place("taken")),
                         f"plot: {self.place('taken')}/overview.png: a directory, expected none in a picture's place")
        self.assertEqual(os.listdir(self.place("taken")), ["overview.png"], "nothing else, no unfinished files")

    def test_keeps_old_pictures_whole_where_drawing_fails(self):
        output = self.place("kept")
        output.mkdir()
        (output / "surface.png").write_text("old", encoding="utf-8")
        with mock.patch.object(page, "html", side_effect=OSError(28, "No space left on device")):
            ran = plot(self.directory, "--output", output)
        self.assertEqual((ran.returncode, ran.stderr), (1, f"plot: {output}: cannot write: No space left on device\n"))
        self.assertEqual(os.listdir(output), ["surface.png"])
        self.assertEqual((output / "surface.png").read_text(encoding="utf-8"), "old")

    def test_signals_end_it_quietly(self):
        output = self.place("interrupted")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            ran = run(sys.executable, "-B", "-c",  # the signal comes while a picture is written
                      "import os, runpy, sys, time\n"
                      f"sys.path.insert(0, {str(ROOT / 'tools')!r})\n"
                      "from plotting import figures\n"
                      "def save(figure, path):\n"
                      "    path.write_text('unfinished', encoding='utf-8')\n"
                      f"    os.kill(os.getpid(), {int(number)})\n"
                      "    time.sleep(600)\n"
                      "figures.save = save\n"
                      f"sys.argv = ['plot', {str(self.directory)!r}, '--output', {str(output)!r}]\n"
                      f"runpy.run_path({str(ROOT / 'tools/plot')!r}, run_name='__main__')\n")
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (128 + number, "", ""))
            self.assertEqual(os.listdir(output), [], "no unfinished files")

    def test_needs_nothing_of_the_users_matplotlib(self):
        surroundings = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
        surroundings.update(HOME="/dev/null", XDG_CONFIG_HOME="/dev/null", XDG_CACHE_HOME="/dev/null",
                            MPLBACKEND="nothing")
        ran = subprocess.run([sys.executable, "-B", ROOT / "tools/plot", self.place("none")], capture_output=True,
                             text=True, check=False, env=surroundings)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertRegex(ran.stderr, r"\Aplot: [^\n]*/none: No such file [^\n]*\n\Z")

    def test_streams_may_be_closed_or_full(self):
        command_line = f"{sys.executable} -B {shlex.quote(str(ROOT / 'tools/plot'))}"
        for redirected, status in {f"{self.place('none')} 2>/dev/full": 2, f"{self.place('none')} 2>&-": 2,
                                   "--help >/dev/full 2>/dev/full": 1, "--help >&-": 0}.items():
            ran = run("sh", "-c", f"exec {command_line} {redirected}")
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (status, "", ""), redirected)
        ran = run("sh", "-c", f"exec {command_line} --help >/dev/full")
        self.assertEqual((ran.returncode, ran.stderr), (1, "plot: standard output: No space left on device\n"))
        ran = run("bash", "-c", f"{command_line} --help | true")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def test_paths_are_printed_in_one_line_on_any_terminal(self):
        odd = os.fsencode(self.scratch.name) + "/ödd $x$ <!--<script> {{SCRIPT}}\n\x1b[31m".encode() + b"\xff"
        shutil.copytree(self.directory, os.fsdecode(odd))
        for environment in ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
                            {"PYTHONIOENCODING": "ascii"}):
            ran = subprocess.run([sys.executable, "-B", ROOT / "tools/plot", odd, self.directory], check=False,
                                 capture_output=True, text=True, env={**os.environ, **environment})
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertEqual(ran.stdout.count("\n"), 1)
            self.assertRegex(ran.stdout, r"dd \$x\$ <!--<script> {{SCRIPT}}\\n\\x1b\[31m\\udcff\n$")
        os.remove(odd + b"/run.json")
        self.assertIn("\\n\\x1b[31m\\udcff/run.json: No such file", self.refusal(os.fsdecode(odd)))


class PlotOption(unittest.TestCase):
    """gridrun --plot"""

    ARGUMENTS = [word for setting in (*SHORT, "grid.lr=[5, 9]") for word in ("--set", setting)]

    def test_draws_the_run(self):
        with tempfile.TemporaryDirectory() as output:
            ran = run(GRIDRUN, "--plot", "--output", output, *self.ARGUMENTS)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertIn(f" answers.json, run.json in {output}\nwrote surface.png, surface.svg, ", ran.stdout)
            self.assertTrue((Path(output) / "study.html").exists())

    def test_a_missing_python_does_not_cost_the_run(self):
        with tempfile.TemporaryDirectory() as output:
            ran = subprocess.run([GRIDRUN, "--plot", "--quiet", "--output", output, *self.ARGUMENTS],
                                 capture_output=True, text=True, check=False,
                                 env={**os.environ, "PATH": "/nowhere"})
            self.assertEqual(ran.returncode, 1)
            self.assertTrue(ran.stderr.endswith(
                f"gridrun: --plot: the run is written in {output}, but not its pictures: they need python3\n"),
                ran.stderr)
            self.assertTrue((Path(output) / "run.json").exists())


if __name__ == "__main__":
    unittest.main()
