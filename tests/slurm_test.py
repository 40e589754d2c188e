"""tools/slurm/sweep.sbatch under a real SLURM: slurm_test.py GRIDRUN
Exit status: that of the tests; 77, that is skipped, where SLURM is not installed or does not start."""
import os
import re
import shlex
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
PATIENCE = 200  # seconds for anything that a job does
LIMIT = 500  # seconds for all
SHARDS = 4
NETWORKS = 24  # of each sweep

CONFIGURATION = """\
dataset.name = "digits"
train.iterations = {iterations}
grid.lr = {{ from = 5, to = 10 }}
grid.fraction = {{ from = 8, to = 11 }}
"""
ITERATIONS = {"disturbed": 200_000, "killed": 100_000, "long": 50_000_000}  # of which long never ends


def sweep(name):
    """The words of sbatch's for a sweep. On `reference`, networks are finished one after the other."""
    return SWEEP, "--config", f"{name}.toml", "--device", "reference", "--output", f"results/{name}"


def stored(output):
    """The networks of a store, each with the seconds that it took, which are others if it is trained again."""
    try:
        with closing(sqlite3.connect(f"file:{CLUSTER.jobs}/{output}/networks.db?mode=ro", uri=True)) as store:
            return set(store.execute("SELECT identity, seconds FROM networks"))
    except sqlite3.OperationalError:  # it is not there yet
        return set()


def process_of(output):
    """The process of gridrun that has this output directory, or None."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # has ended
            continue
        if GRIDRUN in words and output in words:
            return int(file.parent.name)
    return None


def has_pending(process, number):
    """Whether a signal waits for a process that is stopped."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    return int(re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)[1], 16) >> (number - 1) & 1


def until(what, condition):
    """Waits for a condition, and returns what it was."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} was waited for in vain\n{CLUSTER.logs()}")
        time.sleep(0.05)
    return value


def until_state(job, state):
    until(f"{job} {state}", lambda: CLUSTER.job(job)["JobState"] == state)


def until_restarted(task):
    until(f"another start of {task}", lambda: (
        (job := CLUSTER.job(task))["Restarts"] != "0" and job["JobState"] == "RUNNING"))


def freeze(*outputs, networks=0):
    """Halts each gridrun once it has stored so many networks, and returns the processes."""
    processes = {}

    def all_are_halted():
        for output in outputs:
            if output not in processes and len(stored(output)) >= networks and (process := process_of(output)):
                os.kill(process, signal.SIGSTOP)
                processes[output] = process
        return len(processes) == len(outputs)

    until(f"{networks} networks in each of {outputs}", all_are_halted)
    return [processes[output] for output in outputs]


def thaw(process):
    """Lets gridrun go on once SIGUSR1 awaits it."""
    until(f"SIGUSR1 to {process}", lambda: has_pending(process, signal.SIGUSR1))
    os.kill(process, signal.SIGCONT)


def log_of(task):
    return (CLUSTER.jobs / f"gridrun-{task}.log").read_text(encoding="utf-8")


class Sweep(unittest.TestCase):
    """On a cluster, in which two sweeps have begun: KILLED and LONG, arrays of one task each.
    Gridrun is halted until what is to disturb it comes, so that nothing depends on its speed."""

    def asserts_as_one_run(self, name):
        """What has been merged is what one undisturbed run of the same sweep gives, on another engine at that."""
        merged, whole = CLUSTER.jobs / "results" / name, CLUSTER.jobs / "whole" / name
        CLUSTER.run(GRIDRUN, "--quiet", "--config", f"{name}.toml", "--device", "cpu", "--output", whole)
        CLUSTER.run(GRIDRUN, "export", merged)
        self.assertEqual((merged / "grid.csv").read_bytes(), (whole / "grid.csv").read_bytes())
        with zipfile.ZipFile(merged / "grid.npz") as left, zipfile.ZipFile(whole / "grid.npz") as right:
            self.assertEqual(left.namelist(), right.namelist())
            for array in left.namelist():
                self.assertEqual(left.read(array), right.read(array), array)

    def test_tasks_that_are_preempted_or_stopped_go_on(self):
        array = CLUSTER.submit(f"--array=0-{SHARDS - 1}", *sweep("disturbed"))
        tasks = [f"{array}_{index}" for index in range(SHARDS)]
        outputs = [f"results/disturbed-shard-{shard}-of-{SHARDS}" for shard in range(1, SHARDS + 1)]
        freeze(*outputs, networks=1)
        before = [stored(output) for output in outputs]
        self.assertTrue(all(len(networks) < NETWORKS / SHARDS for networks in before), "too fast to be disturbed")
        merge = CLUSTER.submit(f"--dependency=afterok:{array}", "--output=merge.log",
                               f"--wrap={shlex.quote(str(GRIDRUN))} merge results/disturbed results/disturbed-shard-*")
        CLUSTER.submit("--partition=urgent", "--exclusive", "--output=urgent.log", "--wrap=true")
        until("preemption of all", lambda: all(CLUSTER.job(task)["Restarts"] == "1" for task in tasks))
        until_restarted(tasks[1])
        process, = freeze(outputs[1])
        CLUSTER.run("scancel", "--batch", "--signal=USR1", tasks[1])
        thaw(process)
        until_state(merge, "COMPLETED")
        self.assertEqual([CLUSTER.job(task)["Restarts"] for task in tasks], ["1", "2", "1", "1"])
        self.assertIn(f"{tasks[1]} was stopped and is requeued", log_of(tasks[1]))
        for output, networks in zip(outputs, before):
            self.assertLessEqual(networks, stored(output))
        self.asserts_as_one_run("disturbed")

    def test_a_killed_task_goes_on_when_it_is_requeued(self):
        before = stored(KILLED_OUTPUT)
        self.assertLess(len(before), NETWORKS)
        os.kill(KILLED_PROCESS, signal.SIGKILL)
        until_state(KILLED, "FAILED")
        self.assertEqual(CLUSTER.job(KILLED)["ExitCode"], "137:0")
        CLUSTER.run("scontrol", "requeue", KILLED)
        until_state(KILLED, "COMPLETED")
        self.assertLessEqual(before, stored(KILLED_OUTPUT))
        CLUSTER.run(GRIDRUN, "merge", "results/killed", KILLED_OUTPUT)
        self.asserts_as_one_run("killed")

    def test_the_time_limit_is_an_interruption_and_scancel_the_end(self):
        thaw(LONG_PROCESS)
        until_restarted(LONG)
        self.assertIn(f"{LONG} was stopped and is requeued", log_of(LONG))
        freeze(LONG_OUTPUT)
        restarts = CLUSTER.job(LONG)["Restarts"]
        CLUSTER.run("scancel", LONG)
        until_state(LONG, "CANCELLED")
        self.assertIn(f"{LONG} was ended", log_of(LONG))
        self.assertEqual(CLUSTER.job(LONG)["Restarts"], restarts)


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
        for name, iterations in ITERATIONS.items():
            (CLUSTER.jobs / f"{name}.toml").write_text(CONFIGURATION.format(iterations=iterations), encoding="utf-8")
        KILLED = CLUSTER.submit("--array=1", "--partition=calm", *sweep("killed")) + "_1"
        KILLED_OUTPUT = "results/killed-shard-1-of-1"
        KILLED_PROCESS, = freeze(KILLED_OUTPUT, networks=1)
        # SLURM looks every half minute whether 570 seconds are left of the ten minutes, and signals.
        LONG = CLUSTER.submit("--array=1", "--partition=calm", "--time=10", "--signal=B:USR1@570", *sweep("long")) + "_1"
        LONG_OUTPUT = "results/long-shard-1-of-1"
        LONG_PROCESS, = freeze(LONG_OUTPUT)
        unittest.main()
except CannotStart as reason:
    print(f"SKIPPED: SLURM does not start here: {reason}")
    sys.exit(77)
