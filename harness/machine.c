#include "harness/machine.h"

#include <gnu/libc-version.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

#define SMALL_FILE ((size_t)1 << 20)

/* The first line of a small file without its line break, or NULL. */
static const char *first_line(struct xsg_arena *arena, const char *path)
{
    char *text = NULL;
    size_t n = 0;

    if (xsg_read_file(arena, path, SMALL_FILE, &text, &n, NULL) != 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* The value behind "key<sep>" in a file of such lines, unquoted, or NULL. */
static const char *field(struct xsg_arena *arena, const char *path, const char *key, char sep)
{
    char *text = NULL;
    size_t n = 0, m = strlen(key);

    if (xsg_read_file(arena, path, SMALL_FILE, &text, &n, NULL) != 0)
        return NULL;
    for (char *line = text; line; line = strchr(line, '\n')) {
        char *value;
        line += *line == '\n';
        if (strncmp(line, key, m) != 0)
            continue;
        value = strchr(line + m, sep);
        if (!value)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        return xsg_strndup(arena, value, strcspn(value, "\"\n"));
    }
    return NULL;
}

static const char *compiler(struct xsg_arena *arena)
{
    const char *argv[] = {"/bin/sh", "-c", "exec ${CC:-cc} --version", NULL};
    struct xsg_proc_spec spec = {.argv = argv, .timeout_s = 10, .pin_cpu = -1, .keep_output = 512};
    struct xsg_proc_result result = {0};

    if (xsg_proc_run(arena, &spec, &result, NULL) != 0 || result.exit_status != 0)
        return NULL;
    return xsg_strndup(arena, result.output_head, strcspn(result.output_head, "\n"));
}

static const char *virtualization(struct xsg_arena *arena)
{
    const char *flags = field(arena, "/proc/cpuinfo", "flags", ':');
    const char *product = first_line(arena, "/sys/class/dmi/id/product_name");

    if (access("/.dockerenv", F_OK) == 0)
        return "docker";
    if (access("/run/.containerenv", F_OK) == 0)
        return "podman";
    if (flags && strstr(flags, " hypervisor"))
        return product && *product ? product : "virtual machine";
    return "";
}

static int usable_cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return (int)sysconf(_SC_NPROCESSORS_ONLN);
    return CPU_COUNT(&set);
}

/* Memory and virtualisation inform only; a kernel, a compiler or a libc of another version makes
 * other numbers. */
static const char *fingerprint(struct xsg_arena *arena, const struct xsg_environment *e)
{
    const char *text = xsg_printf(
        arena, "%s\n%d\n%s\n%s\n%s\n%s\n%s\n%s", e->cpu_model ? e->cpu_model : "", e->cores,
        e->kernel ? e->kernel : "", e->libc ? e->libc : "", e->compiler ? e->compiler : "",
        e->governor ? e->governor : "", e->gpu ? e->gpu : "", e->xsgate);

    return xsg_printf(arena, "%016llx", (unsigned long long)xsg_hash(text, strlen(text)));
}

void xsg_machine_environment(struct xsg_arena *arena, struct xsg_environment *environment)
{
    struct utsname name;
    struct xsg_environment e = {
        .cpu_model = field(arena, "/proc/cpuinfo", "model name", ':'),
        .cores = usable_cores(),
        .memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
        .kernel = uname(&name) == 0 ? xsg_strdup(arena, name.release) : NULL,
        .os = field(arena, "/etc/os-release", "PRETTY_NAME", '='),
        .libc = xsg_printf(arena, "glibc %s", gnu_get_libc_version()),
        .compiler = compiler(arena),
        .virtualization = virtualization(arena),
        .governor = first_line(arena, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        .xsgate = XSG_VERSION,
    };

    if (!e.governor)
        e.governor = "";
    e.fingerprint = fingerprint(arena, &e);
    *environment = e;
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
