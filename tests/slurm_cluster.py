"""A SLURM of two nodes on the loopback interface, of the installed programs, which leaves nothing when it ends."""
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NODES = ("node1", "node2")
START = 30  # seconds that its daemons may take
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of Linux's prctl()

# A task that is requeued waits for cred_expire seconds, of which 5 are the least, and two minutes are the default.
# Jobs of `urgent` preempt those of `all`; none preempts those of `calm`.
CONFIGURATION = """\
ClusterName=gridrun
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={directory}/munge.socket,cred_expire=5
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/%n.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=60
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=node1 CPUs=4 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]}
NodeName=node2 CPUs=2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]}
PartitionName=all Nodes=node1 PriorityTier=1 Default=YES
PartitionName=urgent Nodes=node1 PriorityTier=2
PartitionName=calm Nodes=node2
"""


class CannotStart(Exception):
    """Why there is no SLURM."""


def missing():
    return [program for program in PROGRAMS if not shutil.which(program, path=PATH)]


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _prctl(option, value):
    if ctypes.CDLL(None, use_errno=True).prctl(option, value) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _children():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # has ended
            continue
        if int(fields[1]) == os.getpid():
            yield int(stat.parent.name)


class Cluster:
    """Runs from `with` to its end. `directory` is there for jobs as well; all job logs are in `directory`/jobs."""

    def __enter__(self):
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what daemons leave becomes a child of this process
        self.directory = Path(tempfile.mkdtemp(prefix="gridrun-slurm-"))
        self.jobs = self.directory / "jobs"
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM", "SBATCH", "SQUEUE", "SCANCEL"))}
        self.environment |= {"SLURM_CONF": str(self.directory / "slurm.conf"), "PATH": PATH}
        self.daemons = {}
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def run(self, *words, check=True):
        """Standard output of a command of SLURM's or another, run in `jobs`."""
        ran = subprocess.run([str(word) for word in words], env=self.environment, cwd=self.jobs, capture_output=True,
                             text=True, check=False, timeout=60)
        if check and ran.returncode != 0:
            raise AssertionError(f"{words} returned {ran.returncode}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def submit(self, *words):
        """The new job's number."""
        return self.run("sbatch", "--parsable", *words).strip()

    def job(self, number):
        """What scontrol shows of a job or of one task, JOB_TASK, of an array."""
        return dict(re.findall(r"(\w+)=(\S*)", self.run("scontrol", "--oneliner", "show", "job", number)))

    def logs(self):
        files = [*self.directory.glob("*.log"), *self.jobs.glob("*.log")]
        return "\n".join(f"---- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-30:])
                         for file in files)

    def _start(self):
        directory = self.directory
        directory.chmod(0o755)  # munged wants its socket to be reachable by all
        self.jobs.mkdir()
        for name in ("state", *NODES):
            (directory / name).mkdir()
        key = directory / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        (directory / "slurm.conf").write_text(CONFIGURATION.format(
            directory=directory, host=socket.gethostname().partition(".")[0], user=pwd.getpwuid(os.getuid()).pw_name,
            ports=_free_ports(1 + len(NODES))), encoding="utf-8")
        version = tuple(int(number) for number in re.findall(r"\d+", self.run("sinfo", "--version"))[:2])
        # Without cgroups, which a container may lack; before 23.02 nothing of the first version is touched if unused.
        plugin = "disabled" if version >= (23, 2) else "cgroup/v1"
        (directory / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n", encoding="utf-8")
        munge = [f"--{name}={directory}/munge.{ending}" for name, ending in (
            ("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("seed-file", "seed"), ("log-file", "log"))]
        self._daemon("munged", "munged", "--foreground", *munge)
        self._await(lambda: (directory / "munge.socket").exists())
        self._daemon("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self._daemon(node, "slurmd", "-D", "-N", node)
        states = ("sinfo", "--noheader", "--Node", "--format=%T", f"--nodes={','.join(NODES)}")
        self._await(lambda: set(self.run(*states, check=False).split()) == {"idle"})

    def _daemon(self, name, *words):
        with open(self.directory / f"{name}.log", "wb") as log:
            self.daemons[name] = subprocess.Popen(
                words, env=self.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL))  # should this process be killed

    def _await(self, condition):
        end = time.monotonic() + START
        while not condition():
            for name, daemon in self.daemons.items():
                if daemon.poll() is not None:
                    raise CannotStart(f"{name} left with {daemon.returncode}\n{self.logs()}")
            if time.monotonic() > end:
                raise CannotStart(f"it is not ready after {START} seconds\n{self.logs()}")
            time.sleep(0.1)

    def _end(self):
        while children := list(_children()):  # the daemons, then what they leave, jobs too
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        shutil.rmtree(self.directory)
