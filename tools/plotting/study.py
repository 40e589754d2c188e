"""Runs a shipped study through gridrun, for the notebook."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from plotting.results import load

ROOT = Path(__file__).resolve().parents[2]
REQUEST_WRONG = 2  # gridrun's exit status


def find_gridrun():
    """$GRIDRUN, what tools/quickstart built, or the one on the PATH."""
    built = ROOT / "build/release/gridrun"
    program = os.environ.get("GRIDRUN") or (str(built) if built.exists() else shutil.which("gridrun"))
    if not program:
        raise FileNotFoundError("no gridrun: build it with tools/quickstart, or name it in $GRIDRUN")
    return program


def run_study(name):
    """Runs "digits" or "mnist" with its learning curves. None, and gridrun's reason printed, where MNIST is missing."""
    with tempfile.TemporaryDirectory() as output:
        ran = subprocess.run([find_gridrun(), "--quiet", "--config", f"{name}.toml", "--set", "report.curves=true",
                              "--output", output], capture_output=True, text=True, check=False, cwd=ROOT)
        if ran.returncode == REQUEST_WRONG and "tools/fetch-mnist" in ran.stderr:
            print(f"{name.upper()} SKIPPED: {ran.stderr.strip()}")
            return None
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr.strip())
        (table,) = load(output)
        return table
