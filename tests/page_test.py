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
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = sys.argv.pop(1)
HOSTILE = "<!--<script>&lt;{{DATA}}$x$"  # in a directory's name and in a run's configuration
HOSTILE_PATH = f"</script><img src=x onerror=document.body.id='hit'>\u2028{HOSTILE}"
PATIENCE = 60  # seconds
WIDTHS = (390, 768, 1440, 1900)  # of a telephone to a wide window
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1900,1200",
             "--proxy-server=127.0.0.1:9")  # no network


def rows_of(directory, name="figures.csv"):
    with open(directory / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class BrowserTest(unittest.TestCase):
    """A page that `make`, a class's method, draws of runs in a directory, in a browser."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.directory = Path(cls.scratch.name)
        runs = cls.make(cls.directory)
        subprocess.run([sys.executable, "-B", ROOT / "tools/plot", "--quiet", "--output", cls.directory, *runs], check=True)
        options = Options()
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        self.open(1440)

    def tearDown(self):
        errors = [entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(errors, [], "nothing is logged as an error")

    def open(self, width, scheme="light"):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme",
                                                                                  "value": scheme}]})
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
        self.browser.get((self.directory / "study.html").as_uri())
        WebDriverWait(self.browser, PATIENCE).until(
            lambda browser: browser.find_element("tag name", "body").get_attribute("data-drawn"))

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def texts(self, selector):
        # At once: the page may draw anew what was found.
        return self.script("return [...document.querySelectorAll(arguments[0])].map(found => found.textContent)", selector)

    def svg(self, at):
        return self.browser.find_element("css selector", f"#{at} svg")

    def tip(self):
        """The lines of the readout; none where it is hidden."""
        return self.script("return document.getElementById('tip').hidden ? [] :"
                           " [...document.getElementById('tip').children].map(line => line.textContent)")

    def of_cell(self, at, column, row, columns, rows):
        """An action chain that brings the pointer upon a cell of the heat map with that id."""
        svg = self.svg(at)
        x, y, width, height = self.script("""
            arguments[0].scrollIntoView({block: "center"});
            const {left, top, width, height} = arguments[0].getBoundingClientRect();
            const box = arguments[0].querySelector("image").getBoundingClientRect();
            return [box.left - left - width / 2, box.top - top - height / 2, box.width, box.height];""", svg)
        return ActionChains(self.browser).move_to_element_with_offset(
            svg, round(x + (column + 0.5) * width / columns), round(y + (rows - row - 0.5) * height / rows))

    def press(self, at, *keys):
        """Keys upon a chart that has the focus from them on. The pointer waits in the page's corner: over a chart, it would be
        taken to move whenever the page moves below it, and hide what the keys show."""
        self.script("arguments[0].focus()", self.svg(at))
        corner = ActionBuilder(self.browser)
        corner.pointer_action.move_to_location(1, 1)
        corner.perform()
        ActionChains(self.browser).send_keys(*keys).perform()

    def curves(self):
        return self.texts("#curves ~ .series button, #curves .series button")

    def check_layout(self):
        """Nothing lies beyond the window's edge but in what scrolls, and no text of a chart beyond the chart."""
        for width in WIDTHS:
            self.open(width)
            beyond = self.script("""
                const scrolls = at => at.closest(".scroll") !== null || at.closest("#tip") !== null;
                return [document.documentElement.scrollWidth > innerWidth ? "the page" : "",
                        ...[...document.querySelectorAll("body *")].filter(at => !scrolls(at) &&
                          at.getBoundingClientRect().right > innerWidth + 1).map(at => at.tagName + at.textContent.slice(0, 50)),
                        ...[...document.querySelectorAll("svg text")].filter(text => {
                          const [inner, outer] = [text, text.closest("svg")].map(at => at.getBoundingClientRect());
                          return inner.left < outer.left - 1 || inner.right > outer.right + 1 ||
                                 inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
                        }).map(text => text.textContent + " in " + text.closest("svg").getAttribute("aria-label"))];""")
            self.assertEqual([one for one in beyond if one], [], f"at {width} pixels")
            cut = self.script("""
                return [...document.querySelectorAll("dd, td, figcaption, summary, h1")].filter(
                  at => at.scrollWidth > at.clientWidth + 1 && at.clientWidth > 0 && !at.closest(".scroll")).map(
                  at => at.textContent);""")
            self.assertEqual(cut, [], f"at {width} pixels")


class Page(BrowserTest):
    """Two runs side by side: the study's DIGITS with curves, and a small one without."""

    @classmethod
    def make(cls, directory):
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
        cls.rows = {(int(row["lr"]), int(row["fraction"])): row for row in rows_of(directory / "digits")}
        return [directory / name for name in cls.names]

    def metric(self, lr, fraction):
        return f"recent accuracy {100 * float(self.rows[lr, fraction]['recent_accuracy']):.2f} %"

    def test_everything_is_there(self):
        self.assertEqual(self.texts("h1"), [f"DIGITS, {self.scratch.name}/{name}" for name in self.names])
        self.assertEqual(self.texts("h2")[:4], ["Answers", "Recent accuracy", "By precision", "Surface"])
        answers = json.loads((self.directory / "digits/answers.json").read_text(encoding="utf-8"))
        told = dict(zip(self.texts("#answers-0 dt"), self.texts("#answers-0 dd")))
        self.assertEqual(f"{'best cell':<16}{told['best cell']}", answers["text"][0])
        table = self.texts("#answers-0 tr")
        self.assertEqual(table[1:], [f"2⁻{''.join('⁰¹²³⁴⁵⁶⁷⁸⁹'[int(c)] for c in str(row['lr']))}{100 * row['plateau']:.1f}"
                                     f"{row['knee']}{'+' * row['cut_off']}" for row in answers["by_lr"]])
        for i in range(2):
            self.assertTrue(self.browser.find_elements("css selector", f"#surface-{i} polygon"))
            for name in ("recent_accuracy", "update", "error"):
                self.assertEqual(len(self.browser.find_elements("css selector", f"#{name}-{i} image")), 1)
        rows = {row.find_elements("tag name", "td")[0].text: row
                for row in self.browser.find_elements("css selector", ".run tr")[1:]}
        self.assertEqual(rows["configuration.report.curves"].get_attribute("class"), "differs")
        self.assertEqual(rows["configuration.train.seed"].get_attribute("class"), "")
        self.assertEqual(rows["configuration.train.seed"].text.split()[1:], ["3735928556"] * 2)

    def test_what_a_run_holds_is_text(self):
        self.assertIn(json.dumps(HOSTILE_PATH, ensure_ascii=False), self.texts(".run td"))
        self.assertEqual(self.browser.find_elements("tag name", "img"), [])
        self.assertEqual(self.browser.find_element("tag name", "body").get_attribute("id"), "")
        self.assertEqual(self.browser.title, "gridrun: " + " beside ".join(
            f"DIGITS, {self.scratch.name}/{name}" for name in self.names))

    def test_nothing_is_cut_off(self):
        self.check_layout()

    def test_links_and_buttons_lead_nowhere_else(self):
        self.assertEqual(self.browser.find_elements("css selector", "a[href], form, iframe"), [])
        self.assertEqual({button for button in self.texts("button") if not button.startswith("2")}, {"show or hide", "clear"})

    def pixels(self, at):
        element = self.browser.find_element("css selector", at)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        picture = self.directory / "element.png"
        element.screenshot(str(picture))
        return np.moveaxis(matplotlib.image.imread(picture)[..., :3], 2, 0)

    def test_the_surface_is_drawn_in_colour_and_turns(self):
        red, green, blue = before = self.pixels("#surface-0")
        self.assertGreater(np.mean((green > red + 0.1) & (green > blue + 0.05)), 0.02, "the plateau's green")
        self.assertGreater(np.mean((blue > green + 0.1) & (red < 0.5)), 0.02, "the floor's violet")
        self.assertIn("recent accuracy", self.texts("#surface-0 text"), "the title of the axis that rises")
        self.press("surface-0", Keys.ARROW_RIGHT * 5)
        self.assertTrue(self.script("return document.activeElement === document.querySelector('#surface-0 svg')"))
        by_keys = self.pixels("#surface-0")
        self.assertGreater(np.mean(np.abs(by_keys - before) > 0.1), 0.02)
        ActionChains(self.browser).move_to_element(self.svg("surface-0")).click_and_hold().move_by_offset(60, 20).release(
            ).perform()
        self.assertGreater(np.mean(np.abs(self.pixels("#surface-0") - by_keys) > 0.1), 0.02)

    def test_colours_follow_the_scheme(self):
        for scheme, is_as_wanted in {"light": lambda paper: paper > 0.9, "dark": lambda paper: paper < 0.2}.items():
            self.open(1440, scheme)
            for at in ("#answers-0", "#lines-0", "#surface-0"):
                paper = np.median(self.pixels(at))
                self.assertTrue(is_as_wanted(paper) or at == "#surface-0", f"{at} in {scheme}: {paper}")
            page, ink = self.script("const of = getComputedStyle(document.body); return [of.backgroundColor, of.color]")
            self.assertEqual(page, {"light": "rgb(244, 245, 247)", "dark": "rgb(18, 20, 23)"}[scheme])
            self.assertEqual(self.script("return getComputedStyle(document.querySelector('#lines-0 text')).fill"), ink)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme",
                                                                                  "value": "light"}]})
        self.assertGreater(np.median(self.pixels("#lines-0")), 0.9, "also while the page is open")

    def test_hovering_shows_the_cells_value(self):
        for lr, fraction in ((9, 16), (5, 8), (19, 23), (13, 18)):
            self.of_cell("recent_accuracy-0", lr - 5, fraction - 8, 15, 16).perform()
            self.assertEqual(self.tip()[0].replace("⁻", "-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")),
                             f"learning rate 2-{lr}, {fraction} bits")
            self.assertEqual(self.tip()[1:], [self.metric(lr, fraction)])
        self.of_cell("error-1", 0, 1, 2, 2).perform()
        self.assertIn("none (zero)", self.tip()[-1])
        ActionChains(self.browser).move_to_element(self.browser.find_element("tag name", "h2")).perform()
        self.assertEqual(self.tip(), [])

    def test_arrow_keys_read_the_cells(self):
        self.press("recent_accuracy-0", Keys.ARROW_RIGHT, Keys.ARROW_UP * 3)
        self.assertEqual(self.tip(), ["learning rate 2⁻⁶, 11 bits", self.metric(6, 11)])
        self.press("recent_accuracy-0", Keys.ARROW_LEFT * 9, Keys.ARROW_DOWN * 20)
        self.assertEqual(self.tip(), ["learning rate 2⁻⁵, 8 bits", self.metric(5, 8)], "no farther than the grid")
        self.press("lines-0", Keys.HOME, Keys.ARROW_RIGHT)
        self.assertEqual(self.tip()[0], "9 bits")
        self.assertEqual(len(self.tip()), 1 + 15)
        self.assertEqual(self.tip()[2], f"2⁻⁶: {self.metric(6, 9).removeprefix('recent accuracy ')}")
        self.assertEqual(self.script("""
            return [...document.querySelectorAll('svg')].filter(
              at => at.tabIndex !== 0 || !at.getAttribute('aria-label')).length"""), 0)

    def test_a_click_and_enter_show_and_hide_a_learning_curve(self):
        before = self.curves()
        self.assertEqual(len(before), 3)
        self.of_cell("recent_accuracy-0", 12 - 5, 15 - 8, 15, 16).click().perform()
        self.assertEqual(self.curves(), [*before, "2⁻¹², 15 bits"])
        last = self.script("const all = [...document.querySelectorAll('#curves g[data-name] polyline')];"
                           " return all[all.length - 1].getAttribute('points').split(' ').pop().split(',')[1]")
        self.assertAlmostEqual(float(last), 340 - (float(self.rows[12, 15]["accuracy"]) + 0.03) / 1.06 * 332, delta=0.2)
        self.of_cell("recent_accuracy-0", 12 - 5, 15 - 8, 15, 16).click().perform()
        self.assertEqual(self.curves(), before)
        self.press("update-0", Keys.ARROW_UP, Keys.ENTER)
        self.assertEqual(self.curves(), [*before, "2⁻⁵, 9 bits"])
        self.press("curves", Keys.END)
        self.assertEqual(self.tip()[0], "step 9999")
        self.assertEqual(self.tip()[-1], f"2⁻⁵, 9 bits: {100 * float(self.rows[5, 9]['accuracy']):.2f} %")

    def test_curves_are_picked_by_number(self):
        self.script("""
            const [, lr, fraction] = document.querySelectorAll(".choose select");
            lr.value = "1"; fraction.value = "12";
            document.querySelector(".choose button").click();""")
        self.assertEqual(self.curves()[-1], "2⁻⁶, 20 bits")
        self.browser.find_elements("css selector", ".choose button")[1].click()
        self.assertEqual(self.curves(), [])

    def test_lines_hide_and_show(self):
        self.assertEqual(len(self.browser.find_elements("css selector", "#lines-0 g[data-name]")), 15)
        self.script("document.querySelector('#lines-0 .series button').click()")
        self.assertEqual(len(self.browser.find_elements("css selector", "#lines-0 g[data-name]")), 14)
        self.assertEqual(self.script("return document.activeElement.getAttribute('aria-pressed')"), "false")


class Seeds(BrowserTest):
    """Two roundings over three seeds, with baselines, labels and a Pareto front, and a run of learning rates alone."""

    @classmethod
    def make(cls, directory):
        for name, text in {
                "seeds": 'dataset.test = 0.2\nprecision = {integer = 4, overflow = "saturate"}\nreport.baseline = true\n'
                         'init = {unit = "real", std = "he"}\ntrain.samples = "train"\n[grid]\nlr = [-1, 5]\n'
                         'bits = [10, 12, 14]\n"precision.round" = ["floor", "stochastic"]\n"train.seed" = [1, 2, 3]\n',
                "rates": "precision.fraction = 12\ngrid.lr = [7, 9]\n"}.items():
            (directory / f"{name}.toml").write_text(f'dataset.name = "digits"\nreport.curves = true\n{text}',
                                                    encoding="utf-8")
            subprocess.run([GRIDRUN, "--quiet", "--device", "reference", "--config", directory / f"{name}.toml",
                            "--set", "train.iterations=2000", "--output", directory / name], check=True)
        cls.rows, cls.summary = rows_of(directory / "seeds"), rows_of(directory / "seeds", "summary.csv")
        labelled = [{**row, "label": "learned" if row["lr"] == "5" else "dead" if row["train.seed"] == "2" else "diverged"}
                    for row in cls.rows]
        with open(directory / "seeds/figures.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, labelled[0])
            writer.writeheader()
            writer.writerows(labelled)
        path = directory / "seeds/answers.json"
        answers = json.loads(path.read_text(encoding="utf-8"))
        answers["pareto"] = [{"weight_bits": 6400, "activation_bits": 740, "value": 0.5, "low": 0.4, "high": 0.6,
                              "cell": {"precision.round": "floor", "lr": 5, "bits": 10}, "formats": "all: 10 bits"},
                             {"weight_bits": 8000, "activation_bits": 888, "value": 0.75, "low": 0.7, "high": 0.8}]
        path.write_text(json.dumps(answers), encoding="utf-8")
        return [directory / "seeds", directory / "rates"]

    def test_each_slice_and_the_column_are_there(self):
        self.assertEqual(self.texts("h1"), [f"DIGITS, {self.directory}/{name}" for name in ("seeds", "rates")])
        titles = ["DIGITS, precision.round floor", "DIGITS, precision.round stochastic", "DIGITS"]
        self.assertEqual(self.texts("summary")[:3], titles)
        self.assertEqual(self.texts(".lines figcaption"), titles)
        self.assertEqual(self.texts("h2")[1:5], ["Test accuracy and recent accuracy", "By precision",
                                                 f"Pareto front of DIGITS, {self.directory}/seeds", "Surface"])
        self.assertEqual(len(self.browser.find_elements("css selector", "#recent_accuracy-2 image")), 1)
        self.assertEqual(self.browser.find_elements("id", "surface-2"), [], "a column has none")

    def test_means_intervals_binary64_and_labels_are_read(self):
        for i, rounding in enumerate(("floor", "stochastic")):
            for l, (lr, rate) in enumerate({-1: "2¹", 5: "2⁻⁵"}.items()):
                baseline = np.mean([float(row["baseline_test_accuracy"]) for row in self.rows if row["lr"] == str(lr)])
                self.press(f"test_accuracy-{i}", Keys.ARROW_DOWN * 9, Keys.ARROW_LEFT * 3, Keys.ARROW_RIGHT * l,
                           Keys.ARROW_UP)
                (row,) = [row for row in self.summary if (row["precision.round"], row["lr"], row["bits"]) ==
                          (rounding, str(lr), "12")]
                mean, low, high = (100 * float(row[f"test_accuracy{end}"]) for end in ("", "_low", "_high"))
                self.assertEqual(self.tip(), [
                    f"learning rate {rate}, words of 12 bits",
                    f"test accuracy {mean:.2f} % ({low:.2f} % to {high:.2f} %), mean of 3 seeds",
                    f"binary64 {100 * baseline:.2f} %", "learned 3" if lr == 5 else "diverged 2, dead 1"])
                self.press(f"test_accuracy-{i}", Keys.ARROW_UP * 5)
                self.assertEqual(self.tip(), [f"learning rate {rate}, binary64", f"test accuracy {100 * baseline:.2f} %"])

    def test_labels_are_a_map_beside_the_metric(self):
        self.assertEqual(self.texts(".swatches span"), ["learned", "diverged", "dead"])
        tops = self.script("return ['test_accuracy-0', 'labels-0'].map(at => document.querySelector(`#${at} .frame`)"
                           ".closest('svg').getBoundingClientRect().top)")
        self.assertEqual(*tops)
        colours = self.script("""
            const image = document.querySelector('#labels-0 image');
            const canvas = document.createElement('canvas'), picture = new Image();
            return new Promise(resolve => {
              picture.onload = () => {
                [canvas.width, canvas.height] = [2, 3];
                canvas.getContext('2d').drawImage(picture, 0, 0);
                resolve([...canvas.getContext('2d').getImageData(0, 0, 2, 1).data]);
              };
              picture.src = image.getAttribute('href');
            });""")
        self.assertEqual(colours, [0xd5, 0x5e, 0x00, 255, 0x00, 0x9e, 0x73, 255], "most diverged; learned")
        self.press("labels-1", Keys.ARROW_RIGHT)
        self.assertEqual(self.tip()[-1], "learned 3")

    def test_lines_have_bands_and_binary64(self):
        self.assertEqual(len(self.browser.find_elements("css selector", "#lines-0 polygon")), 2)
        self.assertEqual(len(self.browser.find_elements("css selector", "#lines-0 [stroke-dasharray='5 4']")), 2)
        self.press("lines-1", Keys.END)
        (row,) = [row for row in self.summary if (row["precision.round"], row["lr"], row["bits"]) ==
                  ("stochastic", "5", "14")]
        mean, low, high = (100 * float(row[f"test_accuracy{end}"]) for end in ("", "_low", "_high"))
        self.assertTrue(self.tip()[-1].startswith(f"2⁻⁵: {mean:.2f} % ({low:.2f} % to {high:.2f} %), binary64 "), self.tip())
        self.press("lines-2", Keys.HOME)
        self.assertEqual(self.tip()[0], "learning rate 2⁻⁷")

    def test_the_front_is_read_and_listed(self):
        self.press("front-0", Keys.HOME)
        self.assertEqual(self.tip(), ["7.14 kilobits",
                                      "50.00 % (40.00 % to 60.00 %) at precision.round floor, lr 5, bits 10"])
        self.assertEqual(self.texts("section details:last-child tr td")[-10:-5],
                         ["6,400", "740", "50.0 (40.0 to 60.0)", "precision.round floor, lr 5, bits 10", "all: 10 bits"])

    def test_curves_of_all_tables_are_means_over_seeds(self):
        self.assertEqual(len(self.curves()), 3)
        self.of_cell("test_accuracy-1", 1, 2, 2, 3).click().perform()
        if len(self.curves()) == 2:  # it was there
            self.of_cell("test_accuracy-1", 1, 2, 2, 3).click().perform()
        self.assertEqual(self.curves()[-1], "2⁻⁵, words of 14 bits; DIGITS, precision.round stochastic")
        self.press("curves", Keys.END)
        (row,) = [row for row in self.summary if (row["precision.round"], row["lr"], row["bits"]) ==
                  ("stochastic", "5", "14")]
        self.assertEqual(self.tip()[-1], f"{self.curves()[-1]}: {100 * float(row['accuracy']):.2f} %")

    def test_nothing_is_cut_off(self):
        self.check_layout()


del BrowserTest  # has no tests

if __name__ == "__main__":
    if not shutil.which("chromedriver"):
        print("SKIPPED: needs Chromium and chromedriver (chromium, chromium-driver)")
        sys.exit(77)
    unittest.main()
