"""tools/slurm/sweep.sbatch under a real SLURM: slurm_test.py GRIDRUN
Exit status: that of the tests; 77, that is skipped, where SLURM is not installed or does not start."""
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from contextlib import closing
from pathlib import Path

from slurm_cluster import CannotStart, Cluster, missing

ROOT = Path(__file__).resolve().parents[1]
GRIDRUN = str(Path(sys.argv.pop(1)).resolve())
SWEEP = ROOT / "tools/slurm/sweep.sbatch"
PATIENCE = 120  # seconds for anything that a job does
LIMIT = 300  # seconds for all
SHARDS = 4

# A shard takes some seconds, the endless sweep minutes.
CONFIGURATION = """\
dataset.name = "digits"
train.iterations = 10000
grid.lr = {lr}
grid.fraction = {fraction}
"""


def finished(output):
    """How many networks a store holds."""
    try:
        with closing(sqlite3.connect(f"file:{CLUSTER.jobs}/{output}/networks.db?mode=ro", uri=True)) as store:
            return store.execute("SELECT COUNT(*) FROM networks").fetchone()[0]
    except sqlite3.OperationalError:  # it is not there yet
        return 0


def gridruns(output):
    """The processes of gridrun that have this output directory."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # has ended
            continue
        if GRIDRUN in words and output in words:
            yield int(file.parent.name)


class Sweep(unittest.TestCase):
    """On a cluster, in which two sweeps have begun: KILLED and ENDLESS, arrays of one task each."""

    def until(self, what, condition):
        """Waits for a condition, and returns what it was."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            self.assertLess(time.monotonic(), end, f"{what} was waited for in vain\n{CLUSTER.logs()}")
            time.sleep(0.1)
        return value

    def until_state(self, number, state):
        self.until(f"{number} {state}", lambda: CLUSTER.job(number)["JobState"] == state)

    def until_restarted(self, number):
        """Until a task has been requeued and runs again."""
        self.until(f"restart of {number}", lambda: (
            (job := CLUSTER.job(number))["Restarts"] != "0" and job["JobState"] == "RUNNING"))

    def log_of(self, task):
        return (CLUSTER.jobs / f"gridrun-{task}.log").read_text(encoding="utf-8")

    def asserts_as_one_run(self, output):
        """What has been merged is what one undisturbed run of the same sweep gives."""
        whole = CLUSTER.jobs / "results/whole"
        if not whole.exists():
            CLUSTER.run(GRIDRUN, "--quiet", "--config", "short.toml", "--output", whole)
        CLUSTER.run(GRIDRUN, "export", output)
        merged = CLUSTER.jobs / output
        self.assertEqual((merged / "grid.csv").read_bytes(), (whole / "grid.csv").read_bytes())
        with zipfile.ZipFile(merged / "grid.npz") as left, zipfile.ZipFile(whole / "grid.npz") as right:
            self.assertEqual(left.namelist(), right.namelist())
            for name in left.namelist():
                self.assertEqual(left.read(name), right.read(name), name)

    def test_tasks_that_are_preempted_or_stopped_go_on(self):
        array = CLUSTER.submit(f"--array=0-{SHARDS - 1}", SWEEP, "--config", "short.toml", "--output", "results/short")
        merge = CLUSTER.submit(f"--dependency=afterok:{array}", "--output=merge.log",
                               f"--wrap={GRIDRUN} merge results/short results/short-shard-*")
        tasks = [f"{array}_{index}" for index in range(SHARDS)]
        outputs = [f"results/short-shard-{shard}-of-{SHARDS}" for shard in range(1, SHARDS + 1)]
        self.until("a network of each shard", lambda: all(finished(output) for output in outputs))
        CLUSTER.submit("--partition=urgent", "--exclusive", "--output=urgent.log", "--wrap=true")
        self.until("preemption of all", lambda: all(CLUSTER.job(task)["Restarts"] == "1" for task in tasks))
        self.until_restarted(tasks[1])
        self.until(f"gridrun in {tasks[1]}", lambda: list(gridruns(outputs[1])))
        CLUSTER.run("scancel", "--batch", "--signal=USR1", tasks[1])
        self.until_state(merge, "COMPLETED")
        self.assertEqual([CLUSTER.job(task)["Restarts"] for task in tasks], ["1", "2", "1", "1"])
        self.assertIn(f"{tasks[0]} was ended", self.log_of(tasks[0]))
        self.assertIn(f"{tasks[1]} was stopped and is requeued", self.log_of(tasks[1]))
        self.asserts_as_one_run("results/short")

    def test_a_killed_task_goes_on_when_it_is_requeued(self):
        output = "results/killed-shard-1-of-1"
        self.until("a network", lambda: finished(output))
        for process in gridruns(output):
            os.kill(process, signal.SIGKILL)
        self.until_state(KILLED, "FAILED")
        self.assertEqual(CLUSTER.job(KILLED)["ExitCode"], "137:0")
        CLUSTER.run("scontrol", "requeue", KILLED)
        self.until_state(KILLED, "COMPLETED")
        CLUSTER.run(GRIDRUN, "merge", "results/killed", output)
        self.asserts_as_one_run("results/killed")

    def test_the_time_limit_is_an_interruption_and_scancel_the_end(self):
        self.until_restarted(ENDLESS)
        self.assertIn(f"{ENDLESS} was stopped and is requeued", self.log_of(ENDLESS))
        restarts = CLUSTER.job(ENDLESS)["Restarts"]
        CLUSTER.run("scancel", ENDLESS)
        self.until_state(ENDLESS, "CANCELLED")
        self.assertIn(f"{ENDLESS} was ended", self.log_of(ENDLESS))
        self.assertEqual(CLUSTER.job(ENDLESS)["Restarts"], restarts)


class Script(unittest.TestCase):
    """What needs no SLURM: the script asks its environment for its task, and two of SLURM's programs for the rest."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.bin = Path(scratch.name)

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def script(self, *words, gridrun="/bin/echo", array=(0, 3, 4), task=2):
        """Exit status, standard output and error of the script in a task of an array: its first, last and size."""
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "GRIDRUN": str(gridrun), "SLURM_SUBMIT_DIR": "/nowhere"}
        if array:
            environment |= {f"SLURM_ARRAY_{name}": str(value) for name, value in zip(
                ("JOB_ID", "TASK_ID", "TASK_MIN", "TASK_MAX", "TASK_COUNT"), (7, task, *array))}
        ran = subprocess.run(["bash", SWEEP, *words], env=environment, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout, ran.stderr

    def asserts_arguments(self, expected, *words, **task):
        self.assertEqual(self.script(*words, **task), (0, expected + "\n", ""))

    def test_arrays_start_at_0_or_1(self):
        self.asserts_arguments("--shard 3/4")
        self.asserts_arguments("--shard 2/4", array=(1, 4, 4))
        self.asserts_arguments("--shard 1/1", array=(1, 1, 1), task=1)

    def test_each_shard_has_its_output(self):
        self.asserts_arguments("--shard 3/4 --config a.toml --output a b-shard-3-of-4 --quiet",
                               "--config", "a.toml", "--output", "a b/", "--quiet")
        self.asserts_arguments("--shard 3/4 --output=a-shard-3-of-4", "--output=a")
        self.asserts_arguments("--shard 3/4 --output", "--output")

    def test_refuses_what_is_no_array_of_shards(self):
        for array, says in ((None, "not a job array"), ((2, 5, 4), "--array must be"), ((1, 7, 4), "--array must be")):
            status, out, err = self.script(array=array)
            self.assertEqual((status, out), (2, ""))
            self.assertRegex(err, f"^sweep.sbatch: {says}.*\n$")

    def test_says_which_program_is_missing(self):
        for gridrun, program in (("/no/gridrun", "/no/gridrun"), ("", "/nowhere/build/release/gridrun")):
            self.assertEqual(self.script(gridrun=gridrun),
                             (2, "", f"sweep.sbatch: no program {program}; GRIDRUN names another\n"))

    def test_the_program_is_looked_for_on_the_path(self):
        self.program("gridrun", 'echo "$@"')
        self.asserts_arguments("--shard 3/4", gridrun="")

    def test_requeues_what_was_stopped_and_nothing_else(self):
        self.program("squeue", "[ $3 != 7_2 ] || echo RUNNING")
        self.program("scontrol", 'echo "$@"')
        wait = "kill -USR1 $PPID; while :; do sleep 0.1; done"
        stops_itself = self.program("stops", "exit 85")
        dies_of_the_signal = self.program("dies", wait)
        takes_the_signal = self.program("takes", f"trap 'exit 85' USR1; {wait}")
        finishes = self.program("finishes", f"trap 'exit 0' USR1; {wait}")
        is_killed = self.program("is_killed", "kill -KILL $$")
        for gridrun, status in ((stops_itself, 85), (dies_of_the_signal, 138), (takes_the_signal, 85)):
            self.assertEqual(self.script(gridrun=gridrun),
                             (status, "requeue 7_2\n", "sweep.sbatch: 7_2 was stopped and is requeued\n"))
        for gridrun, status in ((finishes, 0), (is_killed, 137), ("/bin/false", 1)):
            self.assertEqual(self.script(gridrun=gridrun)[:2], (status, ""))

    def test_says_what_it_could_not_requeue(self):
        self.program("squeue", "echo RUNNING")
        self.program("scontrol", "exit 1")
        status, out, err = self.script(gridrun=self.program("stops", "exit 85"))
        self.assertEqual((status, out), (85, ""))
        self.assertIn("could not be requeued", err)

    def test_leaves_to_slurm_what_slurm_ends(self):
        self.program("squeue", "echo COMPLETING")
        self.program("scontrol", 'echo "$@"')
        terminated = self.program("terminated", "kill $PPID; sleep 0.2; exit 85")
        status, out, err = self.script(gridrun=terminated)
        self.assertIn(status, (85, 138))  # the second if it came before the script knew the process
        self.assertEqual((out, err), ("", "sweep.sbatch: 7_2 was ended (COMPLETING); the same command goes on with it\n"))


def interrupt(number, _):
    raise SystemExit(f"slurm_test.py: ended by {signal.Signals(number).name}")


if absent := missing():
    print(f"SKIPPED: needs SLURM and munge, of which there is no {', '.join(absent)}")
    sys.exit(77)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
    signal.signal(number, interrupt)
signal.alarm(LIMIT)
try:
    with Cluster() as CLUSTER:
        CLUSTER.environment["GRIDRUN"] = GRIDRUN
        for name, lr, fraction in (("short", "{ from = 5, to = 10 }", "{ from = 8, to = 11 }"), ("endless", "1", "1")):
            (CLUSTER.jobs / f"{name}.toml").write_text(CONFIGURATION.format(lr=lr, fraction=fraction), encoding="utf-8")
        KILLED = CLUSTER.submit("--array=1", "--partition=calm", SWEEP, "--config", "short.toml",
                                "--output", "results/killed") + "_1"
        # Its signal comes 45 to 75 seconds before the end of the one minute that it has, while the tests go on.
        ENDLESS = CLUSTER.submit("--array=1", "--partition=calm", "--time=1", "--signal=B:USR1@45", SWEEP, "--config",
                                 "endless.toml", "--output", "results/endless") + "_1"
        unittest.main()
except CannotStart as reason:
    print(f"SKIPPED: SLURM does not start here: {reason}")
    sys.exit(77)
