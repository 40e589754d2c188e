"""The command line of tools/plot."""
import argparse
import sys
from pathlib import Path

from plotting import figures, page
from plotting.results import RequestError, load_all

FIGURES = {"surface": figures.surface, "heat_maps": figures.heat_maps, "overview": figures.overview}
PAGE = "study.html"


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(
        prog="plot", description="Draws what gridrun left in its output directories, several of them side by side.",
        epilog="Writes surface, heat_maps and overview, each as .png and .svg, and study.html, which works offline.")
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS",
                        help="a directory with grid.csv, answers.json and run.json, and curves.npz if there is one")
    parser.add_argument("--output", type=Path, metavar="DIR",
                        help="where the pictures go, created if missing [the first RESULTS]")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser.parse_args(arguments)


def draw(results, directory):
    """Writes all pictures; returns their names."""
    written = []
    for name, figure in FIGURES.items():
        drawn = figure(results)
        for ending in ("png", "svg"):
            figures.save(drawn, directory / f"{name}.{ending}")
            written.append(f"{name}.{ending}")
        figures.close(drawn)
    (directory / PAGE).write_text(page.html(results), encoding="utf-8")
    return written + [PAGE]


def main(arguments=None):
    """Exit status: 0 done, 1 could not write, 2 the request was wrong and nothing was written."""
    options = parse_arguments(arguments)
    try:
        results = load_all(options.results)
    except RequestError as error:
        print(f"plot: {error}", file=sys.stderr)
        return 2
    directory = options.output or options.results[0]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        written = draw(results, directory)
    except OSError as error:
        print(f"plot: {error.filename or directory}: cannot write: {error.strerror}", file=sys.stderr)
        return 1
    if not options.quiet:
        print(f"wrote {', '.join(written)} in {directory}")
    return 0
