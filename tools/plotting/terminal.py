"""What is printed: lines that stay lines, to streams that may be closed, full or without UTF-8. Needs no package."""
import os
import sys


def printable(text):
    """The text on one line, with escapes for what a line cannot show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def shortened(text, most=80):
    """The text on one line of at most so many characters."""
    text = str(text)
    line = printable(text[:most])
    return line if len(line) <= most and len(text) <= most else f"{line[:most - 1]}…"


def accept_any_terminal():
    """Characters that the streams' encodings lack are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.reconfigure(errors="backslashreplace")


def written(stream, text):
    """Writes at once; returns why that cannot be done, or None. A closed stream is None and takes everything."""
    try:
        if stream:
            stream.write(text)
            stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python tries again when it ends
        return error
    return None


def complain(message):
    """Prints an error in one line, if standard error takes it."""
    written(sys.stderr, f"plot: {printable(message)}\n")


def say(text):
    """Prints to standard output; ends the program where that fails, without a word where nobody reads."""
    error = written(sys.stdout, text)
    if error:
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output: {error.strerror}")
        sys.exit(1)
