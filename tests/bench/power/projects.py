"""The repositories that power.py's gates work on: main, and a branch per condition."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = os.path.join(HERE, "../../targets")
SHARES = {"large": 0.30, "middle": 0.05, "small": 0.01}


class Condition:
    """What is planted where, and the gate's threshold."""

    def __init__(self, project, function=None, slowdown=0.0, threshold=0.02):
        self.project, self.function, self.slowdown = project, function, slowdown
        self.threshold = threshold

    def expected(self):
        """Head / base of the target."""
        return 1 + self.slowdown * SHARES[self.function] if self.function else 1


# Each of the real targets in one mode, so that five cover the three.
REAL = {"json": "scopes", "sql": "sample", "compress": "functions", "cpp": "scopes",
        "threads": "sample"}
# Arguments with which a process takes a tenth of a second or two, so that gates can be many; "full" is
# with the targets' own.
SMALL = {"json": "data/stations.json 12", "sql": "14000 30", "compress": "512 3", "cpp": "20000 10",
         "threads": "3000"}

CONDITIONS = {
    "same": Condition("work"),
    "target+3%": Condition("work", "large", 0.10),
    "target+2%": Condition("work", "large", 0.0667, 0.015),
    "200 functions": Condition("wide"),
}
REAL_NAMES = ["%s, %s" % pair for pair in REAL.items()]
CONDITIONS.update({name: Condition(name.split(",")[0]) for name in REAL_NAMES})
FULL_NAMES = ["%s, full" % name for name in REAL]
CONDITIONS.update({name: Condition(name) for name in FULL_NAMES})
PLANTED = []
for _function in SHARES:
    for _percent in (0.5, 1, 2, 5, 10, 20):
        PLANTED.append("%s+%g%%" % (_function, _percent))
        CONDITIONS[PLANTED[-1]] = Condition("work", _function, _percent / 100)

SUITE = """build: {cc} -O2 -g -I{include} -o work work.c
threshold: 2%
targets:
  - name: work
    command: ./work
    profile: [scopes]
"""


class Project:
    """A repository in a folder of its own; subclasses fill main and make the branches."""

    peers = False # can the peers' rules be applied to it?

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.root = os.path.join(folder, "repo")
        self.suite = os.path.join(folder, "xsgate.yml")
        self.branches = set()
        os.makedirs(folder)
        self.fill()
        self.git("init", "-q", "-b", "main")
        self.commit("main")

    def git(self, *words):
        settings = ["-c", "user.name=power", "-c", "user.email=power@localhost",
                    "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", self.root, *settings, *words], check=True,
                       stdout=subprocess.PIPE)

    def commit(self, subject):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def write_suite(self, text):
        with open(self.suite, "w", encoding="utf-8") as file:
            file.write(text.format(cc=self.options.cc, include=self.options.include))

    def branch(self, name):
        """The branch of a condition, made on first use."""
        branch = name.translate(str.maketrans(", ", "--", "%"))
        if name not in self.branches:
            self.git("checkout", "-q", "-B", branch, "main")
            self.plant(name)
            self.commit("planted")
            self.git("checkout", "-q", "main")
            self.branches.add(name)
        return branch

    def fill(self):
        raise NotImplementedError

    def plant(self, name):
        raise NotImplementedError


class Work(Project):
    """work.c: 50 ms; with binaries for the peers."""

    peers = True

    def fill(self):
        os.mkdir(self.root)
        shutil.copy(os.path.join(HERE, "work.c"), self.root)
        self.write_suite(SUITE)
        self.write_planted(1, None, 0)
        self.binaries = {"main": self.build("main")}

    def write_planted(self, salt, function, slowdown):
        with open(os.path.join(self.root, "planted.h"), "w", encoding="utf-8") as file:
            file.write("#define SALT %d\n" % salt)
            for name in SHARES:
                factor = 1 + slowdown if name == function else 1
                file.write("#define SLOW_%s %.6f\n" % (name.upper(), factor))

    def plant(self, name):
        condition = CONDITIONS[name]
        self.write_planted(2, condition.function, condition.slowdown)
        self.binaries[name] = self.build(name)

    def build(self, name):
        """What the peers run: the work alone, and as a Google Benchmark."""
        out = os.path.join(self.folder, "bin-" + name.replace("%", ""))
        os.mkdir(out)
        source = os.path.join(self.root, "work.c")
        flags = ["-O2", "-g", "-DXSG_DISABLE", "-I" + self.options.include]
        subprocess.run([self.options.cc, *flags, "-o", out + "/work", source], check=True)
        if self.options.gbench:
            subprocess.run([self.options.cc, *flags, "-DNO_MAIN", "-c", "-o", out + "/work.o",
                            source], check=True)
            subprocess.run([self.options.cxx, "-O2", "-o", out + "/gbench",
                            os.path.join(HERE, "work_gbench.cc"), out + "/work.o", "-lbenchmark",
                            "-lpthread"], check=True)
        return out


class Wide(Project):
    """wide.c: 200 functions, all judged; the same work in different machine code."""

    def fill(self):
        os.mkdir(self.root)
        shutil.copy(os.path.join(HERE, "wide.c"), self.root)
        self.write_suite(SUITE.replace("work", "wide") + "min_share: 0.1%\n")
        self.write_salt(1)

    def write_salt(self, salt):
        with open(os.path.join(self.root, "planted.h"), "w", encoding="utf-8") as file:
            file.write("#define SALT %d\n" % salt)

    def plant(self, name):
        self.write_salt(2)


class Real(Project):
    """A program of tests/targets; the branch's is the same build."""

    def __init__(self, options, folder, name):
        self.name, self.full = name.split(",")[0], name in FULL_NAMES
        self.target = self.name + "_bench"
        super().__init__(options, folder)

    def fill(self):
        shutil.copytree(os.path.join(TARGETS, self.target), self.root,
                        ignore=shutil.ignore_patterns("build", ".xsgate", "slower.patch"))
        mode = REAL[self.name]
        with open(os.path.join(self.root, "xsgate.yml"), encoding="utf-8") as file:
            text = file.read()
        command = next(line for line in text.splitlines() if "command:" in line)
        small = command.split(self.target)[0] + self.target + " " + SMALL[self.name]
        with open(self.suite, "w", encoding="utf-8") as file:
            file.write(text.replace("-DPROFILE=sample", "-DPROFILE=" + mode)
                       .replace("profile: [sample]", "profile: [%s]" % mode)
                       .replace(command, command if self.full else small))

    def plant(self, name):
        with open(os.path.join(self.root, "NOTES"), "w", encoding="utf-8") as file:
            file.write("Nothing that is built.\n")


def make(options, folder, name):
    """The project called name, in a folder of its own below folder."""
    folder = os.path.join(folder, name)
    if name == "work":
        return Work(options, folder)
    if name == "wide":
        return Wide(options, folder)
    return Real(options, folder, name)
