#include "harness/machine.h"

#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "harness/machine_parts.h"

#define SMALL_FILE ((size_t)1 << 20)
#define N(array) (sizeof(array) / sizeof(array)[0])

/* ---- files ------------------------------------------------------------------------------------
 */

static char *read_small(const struct xsg_machine *m, const char *path)
{
    char *text = NULL;
    size_t n = 0;

    return xsg_read_file(m->arena, xsg_printf(m->arena, "%s%s", m->root, path), SMALL_FILE, &text,
                         &n, NULL) == 0
               ? text
               : NULL;
}

const char *xsg_machine_line(const struct xsg_machine *m, const char *path)
{
    char *text = read_small(m, path);

    if (text)
        text[strcspn(text, "\n")] = '\0';
    return text;
}

const char *xsg_machine_field(const struct xsg_machine *m, const char *path, const char *key,
                              char sep)
{
    size_t n = strlen(key);

    for (const char *line = read_small(m, path); line; line = strchr(line, '\n')) {
        const char *value;
        line += *line == '\n';
        if (strncmp(line, key, n) != 0)
            continue;
        value = line + n + strspn(line + n, " \t");
        if (*value != sep)
            continue; /* a longer key */
        value += 1 + strspn(value + 1, " \t\"");
        return xsg_strndup(m->arena, value, strcspn(value, "\"\n"));
    }
    return NULL;
}

/* ---- processor --------------------------------------------------------------------------------
 */

static const char *cpu_model(const struct xsg_machine *m)
{
    const char *model = xsg_machine_field(m, "/proc/cpuinfo", "model name", ':');
    const char *implementer, *part;

    if (model)
        return model;
    /* aarch64 gives numbers; the device tree sometimes a name */
    implementer = xsg_machine_field(m, "/proc/cpuinfo", "CPU implementer", ':');
    part = xsg_machine_field(m, "/proc/cpuinfo", "CPU part", ':');
    if (implementer && part)
        return xsg_printf(m->arena, "implementer %s part %s", implementer, part);
    return xsg_machine_line(m, "/proc/device-tree/model");
}

static bool has_flag(const struct xsg_machine *m, const char *flag)
{
    const char *flags = xsg_machine_field(m, "/proc/cpuinfo", "flags", ':');
    size_t n = strlen(flag);

    for (const char *p = flags; p && (p = strstr(p, flag)); p += n) {
        if ((p == flags || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    }
    return false;
}

bool xsg_machine_has_steady_counter(const struct xsg_machine *m)
{
#if defined(__x86_64__)
    return has_flag(m, "constant_tsc") && has_flag(m, "nonstop_tsc");
#else
    (void)m;
    return true; /* aarch64: the generic timer runs at one rate by definition */
#endif
}

static int usable_cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return (int)sysconf(_SC_NPROCESSORS_ONLN);
    return CPU_COUNT(&set);
}

/* ---- around it --------------------------------------------------------------------------------
 */

static const char *hypervisor(const struct xsg_machine *m)
{
    static const struct {
        const char *signature, *name;
    } known[] = {{"KVMKVMKVM", "kvm"},           {"VMwareVMware", "vmware"},
                 {"Microsoft Hv", "hyper-v"},    {"XenVMMXenVMM", "xen"},
                 {"TCGTCGTCGTCG", "qemu"},       {"prl hyperv", "parallels"},
                 {"VBoxVBoxVBox", "virtualbox"}, {"bhyve bhyve ", "bhyve"}};

    if (!has_flag(m, "hypervisor"))
        return "";
#if defined(__x86_64__)
    unsigned eax, words[3];
    char signature[13] = "";
    __cpuid(0x40000000u, eax, words[0], words[1], words[2]);
    memcpy(signature, words, 12);
    for (size_t i = 0; i < N(known); i++) {
        if (strncmp(signature, known[i].signature, strlen(known[i].signature)) == 0)
            return known[i].name;
    }
#else
    (void)known;
#endif
    return "virtual machine";
}

static const char *container(const struct xsg_machine *m)
{
    const char *systemd = xsg_machine_line(m, "/run/systemd/container");

    if (access(xsg_printf(m->arena, "%s/.dockerenv", m->root), F_OK) == 0)
        return "docker";
    if (access(xsg_printf(m->arena, "%s/run/.containerenv", m->root), F_OK) == 0)
        return "podman";
    return systemd ? systemd : "";
}

const char *xsg_machine_virtualization(const struct xsg_machine *m)
{
    const char *outer = hypervisor(m), *inner = container(m);

    return xsg_printf(m->arena, "%s%s%s", outer, *outer && *inner ? ", " : "", inner);
}

/* The smallest limit on the way from this process's group up to the root, version 2. */
static double quota_v2(const struct xsg_machine *m, char *group)
{
    double least = 0;

    for (;;) {
        const char *line =
            xsg_machine_line(m, xsg_printf(m->arena, "/sys/fs/cgroup%s/cpu.max", group));
        double quota, period;
        if (line && sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 &&
            (least == 0 || quota / period < least))
            least = quota / period;
        if (!*group)
            return least;
        *strrchr(group, '/') = '\0';
    }
}

static double quota_v1(const struct xsg_machine *m, const char *group)
{
    const char *folder = xsg_printf(m->arena, "/sys/fs/cgroup/cpu%s", group);
    const char *quota = xsg_machine_line(m, xsg_printf(m->arena, "%s/cpu.cfs_quota_us", folder));
    const char *period = xsg_machine_line(m, xsg_printf(m->arena, "%s/cpu.cfs_period_us", folder));
    double q = quota ? strtod(quota, NULL) : -1, p = period ? strtod(period, NULL) : 0;

    return q > 0 && p > 0 ? q / p : 0;
}

/* Is "cpu" one of a line's comma-separated controllers? */
static bool controls_cpu(const char *list, size_t n)
{
    while (n > 0) {
        size_t part = strcspn(list, ",:");
        if (part == 3 && memcmp(list, "cpu", 3) == 0)
            return true;
        if (part >= n)
            return false;
        list += part + 1;
        n -= part + 1;
    }
    return false;
}

double xsg_machine_quota(const struct xsg_machine *m)
{
    double least = 0;

    /* "ID:CONTROLLERS:/GROUP"; version 2 has no controllers */
    for (const char *line = read_small(m, "/proc/self/cgroup"); line && *line;) {
        size_t n = strcspn(line, "\n");
        const char *list = memchr(line, ':', n);
        const char *group = list ? memchr(list + 1, ':', (size_t)(line + n - list - 1)) : NULL;
        if (group && group[1] == '/') {
            size_t length = (size_t)(line + n - group - 1);
            char *name = xsg_strndup(m->arena, group + 1, length);
            double quota = 0;
            name[name[1] ? length : 0] = '\0'; /* the root group is "" */
            if (group == list + 1)
                quota = quota_v2(m, name);
            else if (controls_cpu(list + 1, (size_t)(group - list - 1)))
                quota = quota_v1(m, name);
            if (quota > 0 && (least == 0 || quota < least))
                least = quota;
        }
        line += n + (line[n] == '\n');
    }
    return least;
}

const char *xsg_machine_gpu(const struct xsg_machine *m)
{
    const char *folder = xsg_printf(m->arena, "%s/proc/driver/nvidia/gpus", m->root);
    const char *driver = xsg_machine_line(m, "/proc/driver/nvidia/version");
    const char *model = NULL;
    char **names;
    size_t n = 0;

    if (xsg_list_dir(m->arena, folder, &names, &n, NULL) != 0 || n == 0)
        return NULL;
    model = xsg_machine_field(
        m, xsg_printf(m->arena, "/proc/driver/nvidia/gpus/%s/information", names[0]), "Model", ':');
    /* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  ...": the first word of numbers
     */
    for (; driver && *driver; driver += strcspn(driver, " \t"), driver += strspn(driver, " \t")) {
        size_t length = strspn(driver, "0123456789.");
        if (length >= 3 && (driver[length] == ' ' || driver[length] == '\0')) {
            driver = xsg_strndup(m->arena, driver, length);
            break;
        }
    }
    return xsg_printf(m->arena, "%s%s%s", model ? model : "NVIDIA GPU",
                      driver && *driver ? ", driver " : "", driver ? driver : "");
}

/* ---- the environment --------------------------------------------------------------------------
 */

static const char *compiler(struct xsg_arena *arena)
{
    const char *argv[] = {"/bin/sh", "-c", "exec ${CC:-cc} --version", NULL};
    struct xsg_proc_spec spec = {.argv = argv, .timeout_s = 10, .pin_cpu = -1, .keep_output = 512};
    struct xsg_proc_result result = {0};

    if (xsg_proc_run(arena, &spec, &result, NULL) != 0 || result.exit_status != 0)
        return NULL;
    return xsg_strndup(arena, result.output_head, strcspn(result.output_head, "\n"));
}

static const char *known(const char *text)
{
    return text ? text : "";
}

static const char *fingerprint(struct xsg_arena *arena, const struct xsg_environment *e)
{
    const char *text = xsg_printf(arena, "%s\n%d\n%s\n%s\n%s\n%s\n%s\n%s", known(e->cpu_model),
                                  e->cores, known(e->kernel), known(e->libc), known(e->compiler),
                                  known(e->governor), known(e->gpu), known(e->xsgate));

    return xsg_printf(arena, "%016llx", (unsigned long long)xsg_hash(text, strlen(text)));
}

void xsg_machine_environment_at(const struct xsg_machine *m, struct xsg_environment *environment)
{
    const char *governor =
        xsg_machine_line(m, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    struct utsname name;

    *environment = (struct xsg_environment){
        .cpu_model = cpu_model(m),
        .cores = usable_cores(),
        .memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
        .kernel = uname(&name) == 0 ? xsg_strdup(m->arena, name.release) : NULL,
        .os = xsg_machine_field(m, "/etc/os-release", "PRETTY_NAME", '='),
        .libc = xsg_printf(m->arena, "glibc %s", gnu_get_libc_version()),
        .compiler = compiler(m->arena),
        .virtualization = xsg_machine_virtualization(m),
        .governor = known(governor),
        .gpu = xsg_machine_gpu(m),
        .xsgate = XSG_VERSION,
    };
    environment->fingerprint = fingerprint(m->arena, environment);
}

void xsg_machine_environment(struct xsg_arena *arena, struct xsg_environment *environment)
{
    struct xsg_machine m = {arena, ""};

    xsg_machine_environment_at(&m, environment);
}

/* Do two CPUs share a core? The list of siblings is written like "0,4" or "0-1", the same for
 * each of them. */
static bool share_core(const struct xsg_machine *m, int a, int b)
{
    static const char format[] = "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list";
    const char *x = xsg_machine_line(m, xsg_printf(m->arena, format, a));
    const char *y = xsg_machine_line(m, xsg_printf(m->arena, format, b));

    return x && y && strcmp(x, y) == 0;
}

int xsg_machine_pick_cpus(int cpus[2])
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_machine m = {&arena, ""};
    double quota = xsg_machine_quota(&m);
    int sibling = -1;
    cpu_set_t set;

    cpus[0] = -1;
    cpus[1] = quota > 0 && quota < 2 ? -1 : xsg_machine_pick_cpu();
    if (cpus[1] >= 0 && sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int cpu = cpus[1] - 1; cpu >= 0 && cpus[0] < 0; cpu--) {
            if (CPU_ISSET((size_t)cpu, &set) && share_core(&m, cpu, cpus[1]))
                sibling = cpu;
            else if (CPU_ISSET((size_t)cpu, &set))
                cpus[0] = cpu;
        }
    }
    xsg_arena_release(&arena);
    if (cpus[0] >= 0)
        return 2;
    cpus[0] = sibling;
    return sibling >= 0;
}

int xsg_machine_pick_cpu(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2)
        return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET((size_t)cpu, &set))
            return cpu;
    }
    return -1;
}
