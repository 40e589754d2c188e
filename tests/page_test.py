"""study.html in a real browser, Chromium without a window: page_test.py GRIDRUN"""
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import matplotlib.image
import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = sys.argv.pop(1)
HOSTILE = "<!--<script>&lt;{{DATA}}$x$"  # in a directory's name and in a run's configuration
HOSTILE_PATH = f"</script><img src=x onerror=document.body.id='hit'>\u2028{HOSTILE}"
PATIENCE = 120  # seconds: WebGL is drawn by the processor here
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader",
             "--enable-unsafe-swiftshader", "--window-size=1900,2400", "--proxy-server=127.0.0.1:9")  # no network


def start_browser():
    options = Options()
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


class Page(unittest.TestCase):
    """Two runs side by side: the study's DIGITS with curves, and a small one without."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        directory = Path(cls.scratch.name)
        cls.names = ("digits", f"small{HOSTILE}")
        for name, settings in {cls.names[0]: ["report.curves=true"],
                               cls.names[1]: ["grid.lr=[0, 9]", "grid.fraction=[12, 16]"]}.items():
            subprocess.run([GRIDRUN, "--quiet", "--output", directory / name,
                            *(word for setting in settings for word in ("--set", setting))], check=True)
        run = directory / cls.names[1] / "run.json"
        document = json.loads(run.read_text(encoding="utf-8"))
        document["configuration"]["dataset"]["path"] = HOSTILE_PATH
        document["__proto__"] = {"engine": "none"}
        run.write_text(json.dumps(document), encoding="utf-8")
        subprocess.run([sys.executable, "-B", ROOT / "tools/plot", "--quiet", "--output", directory,
                        *(directory / name for name in cls.names)], check=True)
        with open(directory / "digits/grid.csv", newline="", encoding="utf-8") as file:
            cls.accuracy = {(int(row["lr"]), int(row["fraction"])): float(row["accuracy"])
                            for row in csv.DictReader(file)}
        cls.browser = start_browser()
        cls.addClassCleanup(cls.browser.quit)
        cls.browser.get((directory / "study.html").as_uri())
        WebDriverWait(cls.browser, PATIENCE).until(
            lambda browser: browser.find_element("tag name", "body").get_attribute("data-drawn"))

    def of_cell(self, at, column, row):
        """An action chain that brings the pointer upon a cell of the heat map with that id."""
        x, y, width, height = self.browser.execute_script("""
            const at = document.getElementById(arguments[0]);
            at.scrollIntoView({block: "center"});
            const {xaxis, yaxis} = at._fullLayout;
            return [xaxis._offset + xaxis.l2p(arguments[1]), yaxis._offset + yaxis.l2p(arguments[2]),
                    at.clientWidth, at.clientHeight];""", at, column, row)
        element = self.browser.find_element("id", at)
        return ActionChains(self.browser).move_to_element_with_offset(
            element, round(x - width / 2), round(y - height / 2))

    def hover_text(self, at, column, row):
        ActionChains(self.browser).move_to_element(self.browser.find_element("tag name", "h1")).perform()
        self.of_cell(at, column, row).perform()
        return WebDriverWait(self.browser, PATIENCE).until(lambda browser: browser.execute_script(
            "return document.querySelector('#' + arguments[0] + ' .hoverlayer .hovertext')?.textContent", at))

    def curves(self):
        return self.browser.execute_script("""
            return document.getElementById("curves-0").data.map(trace => [trace.name, trace.y[trace.y.length - 1]]);""")

    def tearDown(self):
        errors = [entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(errors, [], "nothing is logged as an error")

    def test_everything_is_there(self):
        self.assertEqual([heading.text for heading in self.browser.find_elements("tag name", "h1")],
                         [f"DIGITS, {self.scratch.name}/{name}" for name in self.names])
        text = self.browser.find_element("tag name", "pre").text
        self.assertIn("best cell       75.4 % at lr 9, fraction 17", text)
        for i in range(2):
            self.assertTrue(self.browser.find_elements("css selector", f"#surface-{i} canvas"))
            for name in ("accuracy", "update", "error", "fraction"):
                self.assertTrue(self.browser.find_elements("css selector", f"#{name}-{i} .heatmaplayer image"))
        rows = {row.find_elements("tag name", "td")[0].text: row
                for row in self.browser.find_elements("tag name", "table")[0].find_elements("tag name", "tr")}
        self.assertEqual(rows["configuration.report.curves"].get_attribute("class"), "differs")
        self.assertEqual(rows["configuration.train.seed"].text.split()[-1], "3735928556")

    def test_what_a_run_holds_is_text(self):
        tables = self.browser.find_elements("tag name", "table")
        self.assertEqual(len(tables), 2)
        values = [cell.get_attribute("textContent")
                  for cell in tables[1].find_elements("css selector", "td:last-child")]
        self.assertIn(json.dumps(HOSTILE_PATH, ensure_ascii=False), values)
        self.assertEqual(self.browser.find_elements("tag name", "img"), [])
        self.assertEqual(self.browser.find_element("tag name", "body").get_attribute("id"), "")
        self.assertEqual(self.browser.title, "gridrun: " + " beside ".join(
            f"DIGITS, {self.scratch.name}/{name}" for name in self.names))

    def test_plots_fill_their_places(self):
        widths = self.browser.execute_script("""
            return [...document.querySelectorAll(".js-plotly-plot")].map(
                at => [at.id, at._fullLayout.width, at.clientWidth, at.getBoundingClientRect().right,
                       at.closest("section").getBoundingClientRect().right]);""")
        self.assertEqual(len(widths), 2 * 5 + 1)
        for at, drawn, given, right, section_right in widths:
            self.assertAlmostEqual(drawn, given, delta=1, msg=at)
            self.assertLess(right, section_right, at)

    def test_the_surface_is_drawn_in_colour(self):
        element = self.browser.find_element("id", "surface-0")
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        picture = Path(self.scratch.name) / "surface.png"
        element.screenshot(str(picture))
        pixels = matplotlib.image.imread(picture)[:, : -120, :3]  # without the colour bar
        red, green, blue = np.moveaxis(pixels, 2, 0)
        self.assertGreater(np.mean((green > red + 0.1) & (green > blue + 0.05)), 0.01, "the plateau's green")
        self.assertGreater(np.mean((blue > green + 0.1) & (red < 0.5)), 0.01, "the floor's violet")

    def test_hovering_shows_the_cells_value(self):
        for lr, fraction in ((9, 16), (5, 8), (19, 23), (13, 18)):
            text = self.hover_text("accuracy-0", lr - 5, fraction - 8).replace("\u200b", "")  # beside superscripts
            self.assertIn(f"−{lr}, {fraction} bits", text)
            self.assertIn(f"{100 * self.accuracy[lr, fraction]:.2f} %", text)
        self.assertIn("none (zero)", self.hover_text("error-1", 0, 1))

    def test_a_click_shows_and_hides_a_learning_curve(self):
        before = self.curves()
        self.assertEqual(len(before), 4)
        self.of_cell("accuracy-0", 12 - 5, 15 - 8).click().perform()
        name, last = self.curves()[-1]
        self.assertEqual(name, "2<sup>−12</sup>, 15 bits")
        self.assertAlmostEqual(last, self.accuracy[12, 15], places=4)
        self.of_cell("accuracy-0", 12 - 5, 15 - 8).click().perform()
        self.assertEqual(self.curves(), before)

    def test_curves_are_picked_by_number(self):
        self.browser.execute_script("""
            const [lr, fraction] = document.querySelectorAll(".choose select");
            lr.value = "6"; fraction.value = "20";
            document.querySelector(".choose button").click();""")
        self.assertEqual(self.curves()[-1][0], "2<sup>−6</sup>, 20 bits")
        self.assertAlmostEqual(self.curves()[-1][1], self.accuracy[6, 20], places=4)
        self.browser.execute_script("document.querySelector('.choose button').click()")


class Slices(unittest.TestCase):
    """A grid of three axes with held-out samples, and one of learning rates alone."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        directory = Path(cls.scratch.name)
        held_out = 'dataset.test = 0.2\ntrain.samples = "train"\n'
        for name, text in {"slices": f"grid = {{lr = [-1, 9], fraction = [12, 16], bits = [30, 40]}}\n{held_out}",
                           "rates": "grid.lr = [7, 9]\nprecision.fraction = 12\n"}.items():
            (directory / f"{name}.toml").write_text(f'dataset.name = "digits"\nreport.curves = true\n{text}',
                                                    encoding="utf-8")
            subprocess.run([GRIDRUN, "--quiet", "--device", "reference", "--config", directory / f"{name}.toml",
                            "--set", "train.iterations=2000", "--output", directory / name], check=True)
        subprocess.run([sys.executable, "-B", ROOT / "tools/plot", "--quiet", "--output", directory,
                        directory / "slices", directory / "rates"], check=True)
        cls.browser = start_browser()
        cls.addClassCleanup(cls.browser.quit)
        cls.browser.get((directory / "study.html").as_uri())
        WebDriverWait(cls.browser, PATIENCE).until(
            lambda browser: browser.find_element("tag name", "body").get_attribute("data-drawn"))

    def of_plot(self, at, what):
        return self.browser.execute_script(f"return document.getElementById(arguments[0]).{what}", at)

    def test_each_slice_and_the_column_are_there(self):
        self.assertEqual([heading.text for heading in self.browser.find_elements("tag name", "h1")],
                         ["DIGITS, words of 30 bits", "DIGITS, words of 40 bits", "DIGITS"])
        with open(Path(self.scratch.name) / "slices/grid.csv", newline="", encoding="utf-8") as file:
            test_accuracy = {(int(row["lr"]), int(row["fraction"]), int(row["bits"])): float(row["test_accuracy"])
                             for row in csv.DictReader(file)}
        for i, bits in enumerate((30, 40)):
            for c, fraction in enumerate((12, 16)):
                for l, (lr, rate) in enumerate({-1: "2<sup>1</sup>", 9: "2<sup>−9</sup>"}.items()):
                    self.assertEqual(self.of_plot(f"test_accuracy-{i}", f"data[0].text[{c}][{l}]"),
                                     f"learning rate {rate}, {fraction} bits<br>accuracy on the held-out samples: "
                                     f"<b>{100 * test_accuracy[lr, fraction, bits]:.2f} %</b>")
        self.assertEqual(self.of_plot("accuracy-2", "data[0].text.length"), 1)
        self.assertTrue(self.of_plot("accuracy-2", "data[0].text[0][1]").startswith("learning rate 2<sup>−9</sup><br>"))
        self.assertEqual(self.browser.find_elements("id", "test_accuracy-2"), [])
        self.assertEqual(self.of_plot("curves-2", "data[0].name").count("bits"), 0)
        self.assertEqual(len(self.browser.find_elements("css selector", ".choose select")), 2 + 2 + 1)
        errors = [entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(errors, [], "nothing is logged as an error")


if __name__ == "__main__":
    if not shutil.which("chromedriver"):
        print("SKIPPED: needs Chromium and chromedriver (chromium, chromium-driver)")
        sys.exit(77)
    unittest.main()
