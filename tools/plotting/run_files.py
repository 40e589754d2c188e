"""The files of one run in an output directory."""
import os
import stat
from pathlib import Path

from plotting.checked import request_error

LARGEST = 64 << 20  # bytes of a file
LARGEST_ARRAYS = 512 << 20  # bytes of an archive: learning curves of 60,000 networks


def describe(error):
    """An OSError in a few words."""
    return error.strerror or type(error).__name__


def open_at_once(path, flags):
    """An opener that does not wait for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_directory(path):
    """Raises RequestError unless the path is a directory."""
    try:
        found = "not a directory" if not stat.S_ISDIR(os.stat(path).st_mode) else ""
    except OSError as error:
        found = describe(error)
    if found:
        raise request_error(path, found, "a directory with the results of gridrun")


class RunFiles:
    """Reads the files of the run that a directory holds at this moment.

    gridrun keeps each run's files in a folder of their own, to which the names in the output directory are links. The
    folder is looked up once, so that a run that ends meanwhile does not mix its files with these.
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        self.folder = Path(os.path.realpath(self.directory / "run.json")).parent

    def path(self, name):
        """The file's name in messages."""
        return self.directory / name

    def is_current(self):
        """Whether no other run has taken this one's place in the directory."""
        return RunFiles(self.directory).folder == self.folder

    def read(self, name, largest=LARGEST):
        """The content of a file of at most so many bytes."""
        try:
            with open(self.folder / name, "rb", opener=open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise request_error(self.path(name), "not a file", "a file that gridrun wrote")
                content = file.read(largest + 1) if status.st_size <= largest else b""
        except OSError as error:
            raise request_error(self.path(name), describe(error), "a file that gridrun wrote") from error
        if max(len(content), status.st_size) > largest:
            raise request_error(self.path(name), "too large", f"a file of at most {largest >> 20} MiB")
        return content

    def has(self, name):
        """Whether there is something of that name."""
        return os.path.lexists(self.folder / name)
