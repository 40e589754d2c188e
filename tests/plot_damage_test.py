"""tools/plot on damaged results: drawn, or refused in one line, and never a traceback: plot_damage_test.py GRIDRUN

Values of run.json, answers.json, figures.csv and summary.csv and arrays of curves.npz are removed or replaced in turn, and
every file is cut off and overwritten at many places, which a seed draws. Each value of a document meets some of the
replacements, which a seed draws too; GRIDRUN_EVERY_DAMAGE=1 tries all, in three times the time.
"""
import contextlib
import copy
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
import warnings
import zipfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = sys.argv.pop(1)
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402
from plotting import command, figures, page, results  # noqa: E402

REMOVED = object()
INFINITY = "1e400 in the file"  # json.dumps would write it as Infinity
DEEP = "a deep list in the file"
REPLACEMENTS = (REMOVED, None, True, -1, 0.5, 10**400, 1e300, INFINITY, "x", "x" * 101_000,
                "\ud800\u2028\n</script>$\\frac", [], {}, [[]], [None], {"lr": None}, DEEP)
TRIED = len(REPLACEMENTS) if os.environ.get("GRIDRUN_EVERY_DAMAGE") else 5  # of them, in each place


def places(value, at=()):
    """The path to each value inside a document; a list's first and last entries stand for all."""
    inner = value.items() if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else ()
    for key, entry in inner if isinstance(value, dict) else (*inner[:1], *inner[1:][-1:]):
        yield (*at, key)
        yield from places(entry, (*at, key))


def replaced(document, at, value):
    """The document's text with another value at that path."""
    document = copy.deepcopy(document)
    parent = document
    for key in at[:-1]:
        parent = parent[key]
    if value is REMOVED:
        del parent[at[-1]]
    else:
        parent[at[-1]] = value
    text = json.dumps(document)
    return text.replace(json.dumps(INFINITY), "1e400").replace(json.dumps(DEEP), "[" * 20_000 + "]" * 20_000)


def npz(arrays):
    """An archive's bytes; object arrays are pickled."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


class Damage(unittest.TestCase):
    """A run of some settings, and what becomes of it once damaged."""
    settings = ()
    options = ()
    more = ()  # figures beside the overview
    files = ("figures.csv", "run.json", "answers.json", "curves.npz")

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.directory = Path(cls.scratch.name) / "run"
        subprocess.run([GRIDRUN, "--quiet", "--device", "reference", "--output", cls.directory, *cls.options,
                        *(word for setting in cls.settings for word in ("--set", setting))], check=True)
        with np.load(cls.directory / "curves.npz") as arrays:
            cls.arrays = dict(arrays)
        for name in ("steps", "accuracy"):  # a few points are soon written into a page
            cls.arrays[name] = cls.arrays[name][..., ::200]
        np.savez(cls.directory / "curves.npz", **cls.arrays)
        cls.change()
        cls.whole = {name: (cls.directory / name).read_bytes() for name in cls.files}
        for name in cls.files:  # plain files, since damage is written into links' targets, and stays there
            cls.restore(name)
        cls.drawn = set()

    @classmethod
    def change(cls):
        """What the test's run is to have otherwise than gridrun wrote it."""

    def setUp(self):
        self.outcomes = {0: 0, 2: 0}
        self.random = random.Random(20260101)

    @classmethod
    def restore(cls, name):
        path = cls.directory / name
        if os.path.isdir(path) and not path.is_symlink():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.write_bytes(cls.whole[name])

    def draw(self, runs, _):
        """In place of command.draw: the page, and a figure for each way that results can look but for single values."""
        json.loads(re.search(r'<script id="study" type="application/json">([^<]*)</script>', page.html(runs))[1])
        run = runs[0]
        extent = [np.round(np.nan_to_num([values.min(), values.max()], nan=-999), -2)
                  for values in (100 * run.values, run.update, run.error)]
        told = run.told
        looks = repr((run.title, run.metric, run.learning_rates, run.columns, extent, told.knees, told.cliff_line,
                      told.left_cliff, run.labels and run.labels[0], run.source.front))
        if looks not in self.drawn:
            self.drawn.add(looks)
            for draw in (figures.overview, *self.more):
                figure = draw(runs)
                if figure:
                    figure.canvas.draw()
                    figures.close(figure)
        return []

    def plot(self):
        """tools/plot's exit status and what it printed as errors."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(), \
                mock.patch.object(command, "draw", self.draw):
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            status = command.main([str(self.directory), "--output", str(Path(self.scratch.name) / "out")])
        return status, err.getvalue()

    def judge(self, what, name=None):
        """Draws or refuses what is there: the one line names the file and what was expected there."""
        with self.subTest(what):
            status, said = self.plot()
            self.outcomes[status] += 1
            if status == 0:
                self.assertEqual(said, "")
            else:
                path = f"{re.escape(str(self.directory))}/{name or '[a-z.]*'}"
                self.assertRegex(said, rf"\Aplot: {path}: .+, expected .+\n\Z")
                self.assertLess(len(said), 600)
            return status

    def judge_content(self, what, name, content):
        (self.directory / name).write_bytes(content)
        status = self.judge(f"{name}: {what}", None)
        self.restore(name)
        return status

    def judge_every_value(self, name, pick=lambda places: places):
        document = json.loads(self.whole[name])
        for at in pick(list(places(document))):
            for value in self.random.sample(REPLACEMENTS, TRIED):
                shown = "removed" if value is REMOVED else repr(value)[:20]
                self.judge_content(f"{'.'.join(map(str, at))} {shown}", name, replaced(document, at, value).encode())
        self.assertGreater(min(self.outcomes.values()), 30, "some damage shows, some is nothing that is drawn")


class PlotDamage(Damage):
    settings = ("grid.lr={from = 8, to = 12}", "grid.fraction={from = 14, to = 18}", "report.curves=true")

    def test_the_whole_run_is_drawn(self):
        self.assertEqual(self.plot(), (0, ""))
        self.assertTrue(json.loads(self.whole["answers.json"])["diagonal_cliff"], "answers with all that is drawn")

    def test_every_value_of_run_json(self):
        self.judge_every_value("run.json")

    def test_every_value_of_answers_json(self):
        self.judge_every_value("answers.json")

    def test_whole_documents_of_another_kind(self):
        for name in ("run.json", "answers.json"):
            for content in (b"", b"null", b"true", b"-1", b"NaN", b'"x"', b"[]", b"{}", b"\xff\xfe{}",
                            b"\xef\xbb\xbf{}", b"[" * 1_000_000, b'{"a":' * 100_000, b"9" * 100_000, b"\0" * 100,
                            b'{"engine": NaN}', self.whole["answers.json" if name == "run.json" else "run.json"]):
                self.assertEqual(self.judge_content(repr(content[:20]), name, content), 2)

    def test_every_field_of_figures_csv(self):
        lines = self.whole["figures.csv"].decode().splitlines()
        fields = [line.split(",") for line in lines]
        for row in (0, 1, 13, len(fields) - 1):
            for column in range(len(fields[row])):
                for text in ("", "x", "-1", "1e400", "nan", "inf", "-inf", "1e300", "63", "9", "15", "0", '"', "\0",
                             "9" * 5000, "x" * 150_000, "\n", "1,1", "٣", "\ud800"):
                    changed = [list(one) for one in fields]
                    changed[row][column] = text
                    content = "\n".join(",".join(one) for one in changed).encode("utf-8", "surrogatepass")
                    self.judge_content(f"row {row} column {column}: {text[:20]!r}", "figures.csv", content)
        for row, line in enumerate(lines):
            for what, content in {"removed": lines[:row] + lines[row + 1:], "doubled": [*lines, line]}.items():
                status = self.judge_content(f"row {row} {what}", "figures.csv", "\n".join(content).encode())
                self.assertEqual(status, 2)
        self.assertGreater(self.outcomes[2], 200)

    def test_every_array_of_curves_npz(self):
        for name, array in self.arrays.items():
            last = array.shape[-1]
            changed = {
                "removed": None, "empty": array[:0], "cut": array[..., :last - 1], "one more": array.repeat(2, axis=0),
                "a number": np.float64(1), "deeper": array[None], "transposed": array[..., None].T,
                "NaN": np.full(array.shape, np.nan), "infinite": np.full(array.shape, -np.inf),
                "texts": array.astype(str), "bytes": array.astype("S4"), "complex": array.astype(complex),
                "true or false": array.astype(bool), "objects": array.astype(object), "dates": array.astype("M8[s]"),
                "records": np.zeros(array.shape, [("a", "f8")]), "others": array + 1, "halves": array.astype("f2"),
                "big-endian": array.astype(">f8"), "of zero width": np.zeros(array.shape, "V0"),
            }
            for what, content in changed.items():
                arrays = {**self.arrays, name: content}
                if content is None:
                    del arrays[name]
                status = self.judge_content(f"{name} {what}", "curves.npz", npz(arrays))
                if what not in ("others", "halves", "big-endian", "infinite"):
                    self.assertEqual(status, 2, what)
        self.assertEqual(self.judge_content("no arrays", "curves.npz", npz({})), 2)

    def test_archives_that_lie(self):
        header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
        for shape in (b"(1000000000000,)", b"(-1,)", b"(1,1,1,1e9)", b"(" * 3000, b"__import__('os')", b"(2**64,)",
                      b"\xff"):
            start = header % shape
            for compression in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
                file = io.BytesIO()
                with zipfile.ZipFile(file, "w", compression) as archive:
                    for name in self.arrays:
                        archive.writestr(f"{name}.npy", start.ljust(128) + b"\n")
                self.assertEqual(self.judge_content(f"shape {shape[:20]}", "curves.npz", file.getvalue()), 2)
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("steps.npy", "w") as member:
            for _ in range(520):
                member.write(bytes(1 << 20))
        self.assertEqual(self.judge_content("a bomb", "curves.npz", bomb.getvalue()), 2)
        for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), b"\x93NUMPY\x01\x00", b"\x80\x04N.", b"x" * 1000):
            self.assertEqual(self.judge_content(repr(content[:10]), "curves.npz", content), 2)

    def test_cut_off_anywhere(self):
        for name in self.files:
            content = self.whole[name]
            lengths = sorted({0, 1, len(content) - 1, *self.random.sample(range(len(content)), 100)})
            for length in lengths:
                status = self.judge_content(f"cut to {length}", name, content[:length])
                if name.endswith("json") and length < len(content) - 1:  # all but the last newline
                    self.assertEqual(status, 2)

    def test_overwritten_anywhere(self):
        for name in self.files:
            for _ in range(150):
                content = bytearray(self.whole[name])
                for _ in range(self.random.choice((1, 1, 2, 10))):
                    at = self.random.randrange(len(content))
                    content[at:at + self.random.choice((0, 1, 1, 1, 8))] = self.random.randbytes(
                        self.random.choice((0, 1, 1, 1, 4)))
                self.judge_content(f"overwritten {bytes(content[:20])}", name, bytes(content))
        self.assertGreater(self.outcomes[2], 250)

    def test_something_else_in_a_files_place(self):
        def loop(path):
            path.symlink_to(path.name)

        def huge(path):
            with open(path, "wb") as file:
                file.truncate(1 << 40)

        def other_run(path):
            path.symlink_to("/dev/zero")

        for name in self.files:
            for make in (os.mkdir, os.mkfifo, loop, huge, other_run, lambda path: path.symlink_to("x" * 300)):
                path = self.directory / name
                path.unlink()
                make(path)
                self.assertEqual(self.judge(f"{name}: {make}"), 2)
                self.restore(name)
        if os.geteuid() != 0:
            (self.directory / "figures.csv").chmod(0)
            self.assertEqual(self.judge("unreadable", "figures.csv"), 2)
            self.restore("figures.csv")

    def test_missing_files(self):
        for name in self.files:
            (self.directory / name).unlink()
            self.assertEqual(self.judge(f"{name} missing", name), 0 if name == "curves.npz" else 2)
            self.restore(name)


class SlicesDamage(Damage):
    """What a grid of three axes has more, with held-out samples."""
    settings = ("grid.lr=[8, 9]", "grid.fraction=[14, 15]", "grid.bits=[30, 40]", "report.curves=true",
                "train.iterations=1001", "dataset.test=0.2", "train.samples='train'", "precision.gradient.integer=20")

    def test_the_whole_run_is_drawn(self):
        self.assertEqual(self.plot(), (0, ""))

    def test_every_value_of_answers_json(self):
        self.judge_every_value("answers.json", lambda all_places: [at for at in all_places if len(at) < 4])

    def test_what_run_json_says_of_formats(self):
        document = json.loads(self.whole["run.json"])
        for at in (("precision",), ("precision", "gradient"), ("precision", "gradient", "integer")):
            for value in REPLACEMENTS:
                self.judge_content(f"{at}", "run.json", replaced(document, ("configuration", *at), value).encode())
        self.assertGreater(min(self.outcomes.values()), 3)

    def test_fields_of_figures_csv(self):
        fields = [line.split(",") for line in self.whole["figures.csv"].decode().splitlines()]
        for row in (0, 1, len(fields) - 1):
            for column in (0, 1, 2, fields[0].index("test_accuracy")):
                for text in ("", "x", "-1", "1.5", "nan", "inf", "65", "fractions", "9" * 5000):
                    changed = [list(one) for one in fields]
                    changed[row][column] = text
                    status = self.judge_content(f"row {row} column {column}: {text[:20]!r}", "figures.csv",
                                                "\n".join(",".join(one) for one in changed).encode())
                    if row or column < 3:
                        self.assertEqual(status, 2)

    def test_arrays_of_curves_npz(self):
        for name, array in self.arrays.items():
            for what, content in {"cut": array[:-1], "deeper": array[None], "others": array + 1}.items():
                status = self.judge_content(f"{name} {what}", "curves.npz", npz({**self.arrays, name: content}))
                if what != "others" or name in ("learning_rates", "fractions", "bits"):
                    self.assertEqual(status, 2, f"{name} {what}")


class PartialDamage(Damage):
    """What a part of a sweep with an axis of names has more."""
    settings = ("grid.lr=[8, 9]", "grid.fraction=[14, 15]", 'grid."precision.round"=["floor", "nearest_even", "stochastic"]',
                "report.curves=true", "train.iterations=1001")
    options = ("--shard", "1/2")

    def test_the_part_is_drawn(self):
        self.assertEqual(self.plot(), (0, ""))
        self.assertLess(len(self.whole["figures.csv"].splitlines()), 1 + 12)

    def test_what_run_json_says_of_the_grid(self):
        document = json.loads(self.whole["run.json"])
        for at in (("networks",), ("trained",), ("configuration", "grid"), ("configuration", "grid", "lr"),
                   ("configuration", "grid", "lr", 0), ("configuration", "grid", "precision.round"),
                   ("configuration", "grid", "precision.round", 0)):
            for value in REPLACEMENTS:
                self.judge_content(f"{at}", "run.json", replaced(document, at, value).encode())
        self.assertGreater(self.outcomes[2], 80)

    def test_fields_of_figures_csv(self):
        fields = [line.split(",") for line in self.whole["figures.csv"].decode().splitlines()]
        for row in (0, 1, len(fields) - 1):
            for column in range(len(fields[row])):
                for text in ("", "x", "-1", "1e400", "nan", "null", "{}", '"[1,2]"', "[[1]]", "true", "9" * 5000, "[" * 9000):
                    changed = [list(one) for one in fields]
                    changed[row][column] = text
                    self.judge_content(f"row {row} column {column}: {text[:20]!r}", "figures.csv",
                                       "\n".join(",".join(one) for one in changed).encode())
        self.assertGreater(self.outcomes[2], 150)

    def test_arrays_of_curves_npz(self):
        for name, array in self.arrays.items():
            for what, content in {"cut": array[:-1], "deeper": array[None], "bytes": array.astype("S9")}.items():
                status = self.judge_content(f"{name} {what}", "curves.npz", npz({**self.arrays, name: content}))
                self.assertEqual(status, 2, f"{name} {what}")
        whole = {**self.arrays, "accuracy": np.full_like(self.arrays["accuracy"], np.nan)}
        self.assertEqual(self.judge_content("no accuracy", "curves.npz", npz(whole)), 2)


class SeedsDamage(Damage):
    """What a run over seeds has more, with baselines, labels and a Pareto front."""
    settings = ("grid.lr=[8, 9, 10]", "grid.fraction=[14, 15, 17]", 'grid."train.seed"=[1, 2, 3]', "report.curves=true",
                "report.baseline=true", "train.iterations=2000")
    files = (*Damage.files, "summary.csv")
    more = (figures.lines, figures.slices, figures.front)

    @classmethod
    def change(cls):
        path = cls.directory / "figures.csv"
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        text = "\n".join([f"{header},label", *(f"{line},{'learned' if i % 3 else 'dead'}" for i, line in enumerate(lines))])
        path.write_text(text + "\n", encoding="utf-8")
        path = cls.directory / "answers.json"
        answers = json.loads(path.read_text(encoding="utf-8"))
        answers["pareto"] = [{"weight_bits": 6400.0 + bits, "activation_bits": 740.0, "value": 0.01 * bits, "low": 0.1,
                              "high": 0.5, "cell": {"lr": 8, "fraction": 14}, "formats": "all"} for bits in (10, 20, 30)]
        del answers["by_seed"][2:]
        path.write_text(json.dumps(answers), encoding="utf-8")

    def test_the_whole_run_is_drawn(self):
        self.assertEqual(self.plot(), (0, ""))
        answers = json.loads(self.whole["answers.json"])
        self.assertTrue(answers["fewest_bits"] and answers["left_cliff"], "answers with all that is drawn")

    def test_every_value_of_answers_json(self):
        self.judge_every_value("answers.json", lambda all_places: [at for at in all_places if at[0] != "by_seed" or
                                                                   len(at) < 3])

    def test_every_field(self):
        for name in ("figures.csv", "summary.csv"):
            fields = [line.split(",") for line in self.whole[name].decode().splitlines()]
            for row in (0, 1, len(fields) - 1):
                for column in range(len(fields[row])):
                    for text in ("", "x", "-1", "1e400", "nan", "inf", "0.5", "9", "9" * 5000, "\0", '"', "1,1"):
                        changed = [list(one) for one in fields]
                        changed[row][column] = text
                        self.judge_content(f"row {row} column {column}: {text[:20]!r}", name,
                                           "\n".join(",".join(one) for one in changed).encode())
            self.assertGreater(min(self.outcomes.values()), 100)

    def test_rows_of_other_cells(self):
        for name in ("figures.csv", "summary.csv"):
            header, *lines = self.whole[name].decode().splitlines()
            for what, content in {"none": [], "one less": lines[1:], "one twice": [*lines, lines[0]],
                                  "another": [line.replace("8,14,", "7,14,", 1) for line in lines]}.items():
                status = self.judge_content(f"{name}: {what}", name, "\n".join([header, *content]).encode())
                self.assertEqual(status, 2, f"{name} {what}")

    def test_missing_files(self):
        for name in ("summary.csv", "figures.csv"):
            (self.directory / name).unlink()
            self.assertEqual(self.judge(f"{name} missing"), 2, "answers over seeds need both")
            self.restore(name)

    def test_cut_off_and_overwritten_anywhere(self):
        for name in ("figures.csv", "summary.csv"):
            whole = self.whole[name]
            for length in self.random.sample(range(len(whole)), 60):
                self.judge_content(f"cut to {length}", name, whole[:length])
                content = bytearray(whole)
                content[length:length + self.random.choice((0, 1, 8))] = self.random.randbytes(self.random.choice((1, 4)))
                self.judge_content(f"overwritten at {length}", name, bytes(content))
        self.assertGreater(self.outcomes[2], 100)


class OldDamage(Damage):
    """What gridrun wrote when it compared networks by accuracy alone."""
    settings = ("grid.lr=[8, 9]", "grid.fraction=[14, 15]", "report.curves=true", "train.iterations=1001")
    files = ("grid.csv", *Damage.files[1:])

    @classmethod
    def change(cls):
        (cls.directory / "figures.csv").unlink()
        path = cls.directory / "answers.json"
        answers = json.loads(path.read_text(encoding="utf-8"))
        del answers["metric"]
        path.write_text(json.dumps(answers), encoding="utf-8")

    def test_the_whole_run_is_drawn(self):
        self.assertEqual(self.plot(), (0, ""))

    def test_fields_of_grid_csv(self):
        fields = [line.split(",") for line in self.whole["grid.csv"].decode().splitlines()]
        for row in (0, 1, len(fields) - 1):
            for column in range(len(fields[row])):
                for text in ("", "x", "nan", "inf", "fractions", "9" * 5000):
                    changed = [list(one) for one in fields]
                    changed[row][column] = text
                    self.assertEqual(self.judge_content(f"row {row} column {column}: {text[:20]!r}", "grid.csv",
                                                        "\n".join(",".join(one) for one in changed).encode()), 2)

    def test_a_metric_that_it_cannot_have(self):
        answers = json.loads(self.whole["answers.json"])
        answers["metric"] = "test_accuracy"
        self.assertEqual(self.judge_content("test_accuracy", "answers.json", json.dumps(answers).encode()), 2)


if __name__ == "__main__":
    unittest.main()
