"""An independent reader of session files: written from the layout in profiler/format.h with
struct.unpack, sharing no code with the host side, so that the two can disagree.

    python3 xseg.py FILE...     prints the trees
"""

import glob
import os
import struct
import sys

HEADER = struct.Struct("<8s12IQ4Q10Q4I1024s1024sQ")
EXTENT = struct.Struct("<QQII")
TABLE = struct.Struct("<IIII")
SITE = struct.Struct("<IIIIII")
MODULE = struct.Struct("<QQQII32s")
NODE = struct.Struct("<6Q4I")
HIST = struct.Struct("<QQQII248I")
THREAD = struct.Struct("<8I2Q12Q16s")

SCOPE, BENCH, COUNTER, ATTR = range(4)
SITES, STRINGS, MODULES, THREADS = 1, 2, 3, 4
KEY_SITE, KEY_FUNCTION, KEY_RETURN, KEY_LEAF = 1, 2, 3, 4
RUNNING, EXITED, EXECED = range(3)


def check(condition, what):
    if not condition:
        raise ValueError(what)


class Node:
    def __init__(self, index, fields):
        self.index = index
        (self.key, self.calls, self.timed, self.ticks, _, credit, _, _, self.parent, self.hist) = fields
        if credit <= self.timed:
            self.timed -= credit
        self.kind = self.key >> 56
        self.value = self.key & 0xFFFFFFFFFFFFFF
        self.children = []
        self.name = None
        self.bounds = None  # (min, max, first, n, buckets)

    def signed(self):
        return self.ticks - (1 << 64) if self.ticks >> 63 else self.ticks

    def child(self, *path):
        node = self
        for name in path:
            found = [c for c in node.children if c.name == name]
            check(len(found) == 1, f"{node.name} has {len(found)} children {name}: "
                  f"{[c.name for c in node.children]}")
            node = found[0]
        return node

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


class Thread:
    def __init__(self, data, offset, size):
        names = ("tid in_use threads node_capacity nodes hist_capacity hists reserved nodes_offset "
                 "hists_offset lost_nodes lost_hists reentries unmatched too_deep negative samples "
                 "sample_ns overruns samples_lost samples_cut cpu_ns name")
        for name, value in zip(names.split(), THREAD.unpack_from(data, offset)):
            setattr(self, name, value)
        self.name = self.name.split(b"\0")[0].decode()
        check(2 <= self.nodes <= self.node_capacity, "nodes")
        check(self.hists <= self.hist_capacity, "hists")
        check(self.nodes_offset % 64 == 0, "alignment of nodes")
        check(self.nodes_offset + self.node_capacity * NODE.size <= self.hists_offset, "node room")
        check(self.hists_offset + self.hist_capacity * HIST.size <= size, "histogram room")
        self.node = []
        for i in range(self.nodes):
            node = Node(i, NODE.unpack_from(data, offset + self.nodes_offset + i * NODE.size))
            self.node.append(node)
            check(node.parent < max(i, 1) if i != 1 else node.parent == 1, "parent before child")
            if i > 1:
                self.node[node.parent].children.append(node)
            check(node.hist <= self.hists, "histogram index")
            if node.hist:
                raw = HIST.unpack_from(data, offset + self.hists_offset + (node.hist - 1) * HIST.size)
                node.bounds = (raw[0], raw[1], raw[2], raw[3], raw[5:])
        self.root = self.node[0]
        self.overflow = self.node[1]
        check(self.root.kind == 0 and self.overflow.key == 1, "root nodes")


class Segment:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        names = ("magic version header_size node_size hist_size site_size module_size pid ppid clock "
                 "modes state rate_hz start_realtime_ns start_ticks start_ns last_ticks last_ns "
                 "cost_timed cost_inner cost_counted function_timed function_inner "
                 "function_counted lost_threads lost_sites lost_strings lost_modules unwinder sample_notes "
                 "directory_offset n_extents exe command phase_ns")
        check(len(data) >= HEADER.size, "header")
        for name, value in zip(names.split(), HEADER.unpack_from(data, 0)):
            setattr(self, name, value)
        check(self.magic == b"XSGSEG\r\n" and self.version == 1, "magic")
        check((self.node_size, self.hist_size, self.site_size, self.module_size) ==
              (NODE.size, HIST.size, SITE.size, MODULE.size), "structure sizes")
        self.path = path
        self.exe = self.exe.split(b"\0")[0].decode()
        self.command = self.command.split(b"\0\0")[0].split(b"\0")
        self.text, self.sites, self.modules, self.threads = {}, [], [], []
        tables = {SITES: [], MODULES: []}
        for i in range(self.n_extents):
            offset, size, kind, _ = EXTENT.unpack_from(data, self.directory_offset + i * EXTENT.size)
            if kind == 0:
                continue
            check(offset + size <= len(data) and offset >= 4096, "extent within the file")
            if kind == THREADS:
                self.threads.append(Thread(data, offset, size))
                continue
            capacity, n, first, _ = TABLE.unpack_from(data, offset)
            check(n <= capacity, "table count")
            body = data[offset + TABLE.size:offset + size]
            if kind == STRINGS:
                self.text[first] = body[:n]
            else:
                tables[kind].append((first, n, body))
        for first, n, body in sorted(tables[SITES]):
            for i in range(n):
                name, file, function, line, kind, _ = SITE.unpack_from(body, i * SITE.size)
                check(first + i == len(self.sites), "sites are dense")
                self.sites.append((self.string(name), self.string(file), self.string(function),
                                   line, kind))
        for _, n, body in sorted(tables[MODULES]):
            for i in range(n):
                start, end, bias, path, m, build_id = MODULE.unpack_from(body, i * MODULE.size)
                self.modules.append((start, end, bias, self.string(path), build_id[:m].hex()))
        for thread in self.threads:
            for node in thread.node[2:]:
                node.name = self.name_of(node)
            thread.root.name, thread.overflow.name = "<root>", "<overflow>"

    def string(self, index):
        for first, body in self.text.items():
            if first <= index < first + len(body):
                end = body.index(b"\0", index - first)
                return body[index - first:end].decode(errors="replace")
        check(index == 0, f"string {index}")
        return ""

    def name_of(self, node):
        if node.kind == KEY_SITE:
            check(node.value < len(self.sites), "site index")
            return self.sites[node.value][0]
        for start, end, bias, path, _ in self.modules:
            if start <= node.value < end:
                return f"{os.path.basename(path)}+{node.value - bias:#x}"
        return f"{node.value:#x}"

    def ns_per_tick(self):
        if self.clock == 1 or self.last_ticks == self.start_ticks:
            return 1.0
        return (self.last_ns - self.start_ns) / (self.last_ticks - self.start_ticks)

    def name_functions(self):
        """Gives FUNCTION nodes the names of the files' symbol tables (nm)."""
        import subprocess
        symbols = {}
        for start, end, bias, path, _ in self.modules:
            if not os.path.isfile(path):
                continue
            out = subprocess.run(["nm", "-C", "--defined-only", path], capture_output=True,
                                 text=True).stdout
            for line in out.splitlines():
                parts = line.split(" ", 2)
                if len(parts) == 3 and parts[1] in "tTwW":
                    symbols.setdefault(int(parts[0], 16) + bias, parts[2])
        for thread in self.threads:
            for node in thread.node[2:]:
                if node.kind == KEY_FUNCTION:
                    node.name = symbols.get(node.value, node.name)
        return self

    def total(self, name):
        """Calls of all nodes of this name, in all threads."""
        return sum(n.calls for t in self.threads for n in t.node[2:] if n.name == name)

    def lost(self):
        return (self.lost_threads, self.lost_sites, self.lost_strings,
                sum(t.lost_nodes for t in self.threads))


def load(folder):
    return [Segment(p) for p in sorted(glob.glob(os.path.join(folder, "*.xseg")))]


def dump(segment, out=sys.stdout):
    rate = segment.ns_per_tick()
    print(f"{segment.path}: pid {segment.pid} {segment.exe} state {segment.state} modes "
          f"{segment.modes} clock {segment.clock} sites {len(segment.sites)} modules "
          f"{len(segment.modules)} lost {segment.lost()}\n  cost in ticks: timed "
          f"{segment.cost_timed} inner {segment.cost_inner} counted {segment.cost_counted / 256:.2f};"
          f" functions: {segment.function_timed} {segment.function_inner} "
          f"{segment.function_counted / 256:.2f}", file=out)
    for thread in segment.threads:
        print(f"  thread {thread.tid} '{thread.name}' in use {thread.in_use} threads "
              f"{thread.threads} nodes {thread.nodes}/{thread.node_capacity} hists {thread.hists} "
              f"reentries {thread.reentries} unmatched {thread.unmatched} too deep "
              f"{thread.too_deep} cpu {thread.cpu_ns} samples {thread.samples}", file=out)

        def show(node, depth):
            per = node.ticks * rate / node.timed if node.timed else float("nan")
            print(f"    {'  ' * depth}{node.name}: calls {node.calls} timed {node.timed} "
                  f"mean {per:.1f} ns" + (f" n {node.bounds[3]}" if node.bounds else ""), file=out)
            for child in node.children:
                show(child, depth + 1)

        show(thread.root, 0)
        if thread.overflow.calls:
            show(thread.overflow, 0)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        dump(Segment(name))
