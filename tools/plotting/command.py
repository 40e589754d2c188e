"""The command line of tools/plot."""
import argparse
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from plotting import figures, page
from plotting.checked import RequestError, request_error
from plotting.results import MOST_TABLES, load_all
from plotting.run_files import describe
from plotting.terminal import complain, printable, say

FIGURES = {"surface": figures.surface, "heat_maps": figures.heat_maps, "overview": figures.overview,
           "lines": figures.lines, "slices": figures.slices, "front": figures.front}
ENDINGS = ("png", "svg")
PAGE = "study.html"


class Parser(argparse.ArgumentParser):
    """Prints one line where argparse prints the usage with an error."""

    def print_help(self, file=None):
        say(self.format_help())

    def error(self, message):
        complain(f"{message} (see --help)")
        self.exit(2)


def axis_and_value(text):
    """Of AXIS=VALUE."""
    axis, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}, expected AXIS=VALUE as in train.seed=3")
    return axis, value


def parse_arguments(arguments=None):
    parser = Parser(
        prog="plot", description="Draws what gridrun left in its output directories, several of them side by side.",
        epilog="Writes surface, heat_maps, overview and lines, and where there is something to show slices and front, each "
               "as .png and .svg, and study.html, which works offline.")
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS",
                        help="a directory that gridrun wrote its results into")
    parser.add_argument("--where", action="append", type=axis_and_value, default=[], metavar="AXIS=VALUE",
                        help=f"draw only tables at that value of an axis, repeatable; {MOST_TABLES} are drawn at most")
    parser.add_argument("--output", type=Path, metavar="DIR",
                        help="where the pictures go, created if missing [the first RESULTS]")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser.parse_args(arguments)


def draw(results, directory):
    """Writes all pictures; returns their names."""
    written = []
    for name, figure in FIGURES.items():
        drawn = figure(results)
        if drawn is None:
            continue
        for ending in ENDINGS:
            figures.save(drawn, directory / f"{name}.{ending}")
            written.append(f"{name}.{ending}")
        figures.close(drawn)
    (directory / PAGE).write_text(page.html(results), encoding="utf-8")
    return written + [PAGE]


def unfinished_folder(directory):
    """A new folder in the directory for files that are not whole yet."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".plot-", dir=directory))
    except OSError as error:
        raise request_error(directory, f"cannot write: {describe(error)}", "a directory for the pictures") from error


def write(results, directory):
    """Draws into the directory, whose files change only once all are written; returns their names. Those of the pictures that
    these results do not have are removed, for they are of other ones.
    """
    folder = unfinished_folder(directory)
    try:
        names = draw(results, folder)
        others = [f"{name}.{ending}" for name in FIGURES for ending in ENDINGS if f"{name}.{ending}" not in names]
        for name in (*names, *others):
            if (directory / name).is_dir():
                raise request_error(directory / name, "a directory", "none in a picture's place")
        for name in names:
            os.replace(folder / name, directory / name)
        for name in others:
            (directory / name).unlink(missing_ok=True)
        return names
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments=None):
    """Exit status: 0 done, 1 could not write, 2 the request was wrong and nothing was written."""
    options = parse_arguments(arguments)
    warnings.filterwarnings("ignore", "Glyph .* missing from")  # of a title; the page has it
    directory = options.output or options.results[0]
    try:
        tables, count = load_all(options.results, dict(options.where))
        written = write(tables, directory)
    except RequestError as error:
        complain(error)
        return 2
    except OSError as error:
        complain(f"{directory}: cannot write: {describe(error)}")
        return 1
    except MemoryError:
        complain("out of memory")
        return 1
    if not options.quiet:
        if count > len(tables):
            say(f"{count} tables of lr and precision, of which the first {len(tables)} are drawn; --where AXIS=VALUE "
                "chooses others\n")
        say(f"wrote {', '.join(written)} in {printable(directory)}\n")
    return 0
