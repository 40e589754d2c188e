"""tools/plot: the figures by their data, and its manners: plot_test.py GRIDRUN"""
import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from math import log2, nan
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = sys.argv.pop(1)
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402
from plotting import command, figures, page, results  # noqa: E402

SHORT = ("train.iterations=200", "report.smooth_window=101")
PICTURES = [f"{name}.{ending}" for name in ("surface", "heat_maps", "overview") for ending in ("png", "svg")]


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


def gridrun(output, *settings):
    ran = run(GRIDRUN, "--quiet", "--output", output, *(word for setting in settings for word in ("--set", setting)))
    assert ran.returncode == 0, ran.stderr


def plot(*arguments):
    """tools/plot within this process, which spares it the start."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = command.main([str(word) for word in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def cells(directory):
    """{(lr, fraction): row} of grid.csv."""
    with open(directory / "grid.csv", newline="", encoding="utf-8") as file:
        return {(int(row["lr"]), int(row["fraction"])): row for row in csv.DictReader(file)}


class Plot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.directory = Path(cls.scratch.name) / "digits"
        gridrun(cls.directory, "report.curves=true")
        cls.digits = results.load(cls.directory)
        cls.cells = cells(cls.directory)
        cls.answers = json.loads((cls.directory / "answers.json").read_text(encoding="utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def place(self, name):
        return Path(self.scratch.name) / name

    def expected(self, name, lr, fraction):
        """A heat map's value, from grid.csv alone."""
        row = self.cells[lr, fraction]
        update, error = float(row["mean_update"]), float(row["mean_error"])
        return {"accuracy": float(row["accuracy"]),
                "update": log2(update / 2**fraction) if update else nan,
                "error": log2(error * 2.0**(lr - fraction)) if error else nan,
                "fraction_grid": fraction}[name]

    def heat_map_axes(self, figure):
        """(axes, mesh) of the four heat maps in their order."""
        found = [(axes, axes.collections[0]) for axes in figure.axes if axes.get_xlabel() == "learning rate"]
        self.assertEqual(len(found), 4)
        return found

    def test_heat_maps_show_the_grid(self):
        figure = figures.heat_maps([self.digits])
        for (axes, mesh), name in zip(self.heat_map_axes(figure), figures.HEAT_MAPS):
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

    def test_the_surface_shows_the_accuracy(self):
        figure = figures.surface([self.digits])
        axes = figure.axes[0]
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()),
                         ("learning rate", "fraction bits", "accuracy"))
        corners = {(round(x), round(y)): z for x, y, z, _ in np.array(axes.collections[0]._vec).T}
        self.assertEqual(len(corners), 240)
        for (x, y), z in corners.items():
            self.assertAlmostEqual(z, self.expected("accuracy", x + 5, y + 8), places=9)
        figures.close(figure)

    def test_zero_is_blank_and_said_so(self):
        directory = self.place("zero")  # lr 0 drops nothing: no quantization error
        gridrun(directory, "grid.lr=[0, 9]", "grid.fraction=[12, 16]", *SHORT)
        run_with_zero = results.load(directory)
        self.assertTrue(np.isnan(run_with_zero.error[0]).all() and np.isfinite(run_with_zero.error[1]).all())
        figure = figures.heat_maps([run_with_zero])
        mesh = self.heat_map_axes(figure)[2][1]
        self.assertEqual(np.ma.getmaskarray(mesh.get_array()).reshape(2, 2).tolist(), [[True, False], [True, False]])
        self.assertIn("none: zero", [text.get_text() for text in figure.legends[0].get_texts()])
        figures.close(figure)

    def test_runs_side_by_side_share_their_colours(self):
        directory = self.place("half")
        gridrun(directory, "train.iterations=5000")
        runs = results.load_all([self.directory, directory])
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
        study = json.loads(re.search(r"const study = (.*);</script>", html)[1].replace("<\\/", "</"))
        shown = study["runs"][0]
        self.assertEqual(shown["answers"], self.answers)
        self.assertEqual(shown["run"]["configuration"]["train"]["iterations"], 10000)
        for name in ("accuracy", "update", "error"):
            self.assertAlmostEqual(shown[name][8][4], self.expected(name, 9, 16), places=4)
        self.assertEqual(len(shown["curves"]["accuracy"][14][15]), 1000)
        self.assertAlmostEqual(shown["curves"]["accuracy"][4][8][-1], self.expected("accuracy", 9, 16), places=4)

    def test_the_same_results_give_the_same_pictures(self):
        small = self.place("small")
        gridrun(small, "grid.lr=[7, 9]", "grid.fraction=[12, 16]", *SHORT)
        for name in ("a", "b"):
            self.assertEqual(plot(small, "--quiet", "--output", self.place(name)).stdout, "")
        for name in (*PICTURES, "study.html"):
            self.assertEqual((self.place("a") / name).read_bytes(), (self.place("b") / name).read_bytes(), name)

    def test_curves_that_are_chosen_first_show_the_cliffs(self):
        best = (self.answers["best"]["lr"], self.answers["best"]["fraction"])
        fewest = (self.answers["fewest_bits"]["lr"], self.answers["fewest_bits"]["fraction"])
        self.assertEqual(page.chosen_cells(self.digits), [best, fewest, (8, best[1]), (best[0], 15)])

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

    def refusal(self, *arguments):
        ran = plot(*arguments)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        return ran.stderr.rstrip("\n")

    def test_refuses_what_is_not_a_run(self):
        self.assertEqual(self.refusal(self.place("none")), f"plot: {self.place('none')}: no such directory")
        broken = self.place("broken")
        broken.mkdir()
        self.assertEqual(self.refusal(self.directory, broken),
                         f"plot: {broken}/grid.csv: No such file or directory; a run of gridrun leaves one")
        for name in ("grid.csv", "run.json", "answers.json"):
            (broken / name).write_bytes((self.directory / name).read_bytes())
        (broken / "answers.json").unlink()
        self.assertIn("answers.json: No such file", self.refusal(broken))
        (broken / "answers.json").write_text("{", encoding="utf-8")
        self.assertIn("answers.json: not JSON", self.refusal(broken))
        (broken / "answers.json").write_text("[]", encoding="utf-8")
        self.assertIn("answers.json: not what gridrun writes", self.refusal(broken))
        (broken / "grid.csv").write_text("lr,fraction\n5,8\n", encoding="utf-8")
        self.assertIn("not a grid with the columns lr,fraction,accuracy", self.refusal(broken))
        (broken / "grid.csv").write_bytes((self.directory / "grid.csv").read_bytes())
        (broken / "answers.json").write_text(json.dumps({**self.answers, "by_lr": [1]}), encoding="utf-8")
        self.assertIn("is not what gridrun writes", self.refusal(broken))
        other = {**self.answers, "by_lr": self.answers["by_lr"][1:]}
        (broken / "answers.json").write_text(json.dumps(other), encoding="utf-8")
        self.assertIn("answers of another grid", self.refusal(broken))
        (broken / "answers.json").write_text(json.dumps(self.answers), encoding="utf-8")
        (broken / "curves.npz").write_text("PK", encoding="utf-8")
        self.assertIn("not learning curves", self.refusal(broken))
        rows = (self.directory / "grid.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (broken / "grid.csv").write_text("".join(rows[:-1]), encoding="utf-8")
        self.assertIn("not a full grid: 239 cells of 15 x 16", self.refusal(broken))

    def test_needs_results(self):
        ran = plot()
        self.assertEqual(ran.returncode, 2)
        self.assertIn("RESULTS", ran.stderr)
        self.assertEqual(plot("--help").returncode, 0)

    def test_says_which_packages_are_missing(self):
        ran = run(sys.executable, "-S", "-B", "-c",
                  "import importlib.util, runpy, sys; importlib.util.find_spec = lambda name: None;"
                  "sys.executable = '/usr/bin/python3';"
                  f"runpy.run_path({str(ROOT / 'tools/plot')!r}, run_name='__main__')")
        self.assertEqual(ran.returncode, 1)
        self.assertEqual(ran.stderr, "plot: Python has no matplotlib and no numpy and no plotly; "
                                     "apt-get install python3-matplotlib python3-numpy python3-plotly\n")

    def test_says_what_it_cannot_write(self):
        (self.place("file")).write_text("", encoding="utf-8")
        ran = plot(self.directory, "--output", self.place("file"))
        self.assertEqual(ran.returncode, 1)
        self.assertEqual(ran.stderr, f"plot: {self.place('file')}: cannot write: File exists\n")


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
