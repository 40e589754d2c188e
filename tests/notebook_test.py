"""Runs tools/study.ipynb from its first cell to its last, without changing it: notebook_test.py GRIDRUN"""
import os
import sys
import unittest
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "tools/study.ipynb"
GRIDRUN = sys.argv.pop(1)
MOST_SECONDS = 900  # of one cell


class Notebook(unittest.TestCase):
    def setUp(self):
        self.notebook = nbformat.read(NOTEBOOK, as_version=4)

    def test_is_kept_without_outputs(self):
        nbformat.validate(self.notebook)
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                self.assertEqual((cell.outputs, cell.execution_count), ([], None), cell.id)

    def test_runs_and_its_conclusions_hold(self):
        os.environ.update(GRIDRUN=str(Path(GRIDRUN).resolve()), PYTHONDONTWRITEBYTECODE="1")
        client = NotebookClient(self.notebook, timeout=MOST_SECONDS, resources={"metadata": {"path": NOTEBOOK.parent}})
        client.execute()  # raises with the cell and its traceback where one fails
        cells = {cell.id: cell for cell in self.notebook.cells}
        for study in ("digits", "mnist"):
            outputs = cells[f"{study}-run"].outputs
            text = "".join(output.text for output in outputs if output.output_type == "stream")
            if study == "mnist" and "SKIPPED" in text:
                print(text, end="")
                continue
            self.assertIn("best cell", text)
            self.assertTrue(any("image/png" in output.get("data", {}) for output in outputs), study)


if __name__ == "__main__":
    unittest.main()
