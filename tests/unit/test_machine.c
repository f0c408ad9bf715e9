/* The machine: this one, and planted ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fs.h"
#include "harness/machine_parts.h"

static struct xsg_arena arena;
static struct xsg_err err;
static char *root;
static struct xsg_machine m;
static struct xsg_check *checks;
static size_t n_checks;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    if (xsg_temp_dir(&arena, NULL, &root, &err) != 0)
        return -1;
    m = (struct xsg_machine){&arena, root};
    n_checks = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xsg_remove_tree(root, NULL);
    xsg_arena_release(&arena);
    return 0;
}

static void put(const char *path, const char *text)
{
    path = xsg_printf(&arena, "%s%s", root, path);
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&arena, path), &err), 0);
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
}

#define CPU "/sys/devices/system/cpu/"
#define CPUINFO "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nflags\t\t: fpu tsc constant_tsc"

/* ---- the environment ---- */

static void test_this_machine(void **state)
{
    (void)state;
    struct xsg_environment a, b;
    xsg_machine_environment(&arena, &a);
    xsg_machine_environment(&arena, &b);
    assert_true(a.cores >= 1);
    assert_true(a.memory > 1 << 20);
    assert_non_null(a.kernel);
    assert_non_null(a.virtualization);
    assert_non_null(a.governor);
    assert_ptr_equal(strstr(a.libc, "glibc 2."), a.libc);
    assert_non_null(a.compiler); /* this test was built by one */
    assert_int_equal(strlen(a.fingerprint), 16);
    assert_string_equal(a.fingerprint, b.fingerprint);
}

static void test_the_fingerprint_follows_what_decides(void **state)
{
    (void)state;
    struct xsg_environment e, other;
    put("/proc/cpuinfo", CPUINFO "\n");
    put("/etc/os-release", "NAME=x\nPRETTY_NAME=\"Some System 12\"\n");
    xsg_machine_environment_at(&m, &e);
    assert_string_equal(e.cpu_model, "Fast CPU @ 3 GHz");
    assert_string_equal(e.os, "Some System 12");
    assert_string_equal(e.governor, "");
    assert_null(e.gpu);
    put("/etc/os-release", "PRETTY_NAME=Other\n");
    put("/.dockerenv", "");
    xsg_machine_environment_at(&m, &other);
    assert_string_equal(other.os, "Other");
    assert_string_equal(other.virtualization, "docker");
    assert_string_equal(other.fingerprint, e.fingerprint);
    put(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
    xsg_machine_environment_at(&m, &other);
    assert_string_equal(other.governor, "powersave");
    assert_string_not_equal(other.fingerprint, e.fingerprint);
    put("/proc/cpuinfo", "model name : Slow CPU\n");
    xsg_machine_environment_at(&m, &e);
    assert_string_not_equal(other.fingerprint, e.fingerprint);
    setenv("CC", "echo compiler of", 1);
    xsg_machine_environment_at(&m, &other);
    unsetenv("CC");
    assert_string_equal(other.compiler, "compiler of --version");
    assert_string_not_equal(other.fingerprint, e.fingerprint);
}

static void test_an_unknown_machine(void **state)
{
    (void)state;
    struct xsg_environment e;
    setenv("CC", "/no/such/compiler", 1);
    xsg_machine_environment_at(&m, &e); /* an empty root */
    unsetenv("CC");
    assert_null(e.cpu_model);
    assert_null(e.os);
    assert_null(e.compiler);
    assert_string_equal(e.virtualization, "");
    assert_int_equal(strlen(e.fingerprint), 16);
    put("/proc/cpuinfo", "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");
    xsg_machine_environment_at(&m, &e);
    assert_string_equal(e.cpu_model, "implementer 0x41 part 0xd0c");
}

static void test_gpu(void **state)
{
    (void)state;
    assert_null(xsg_machine_gpu(&m));
    put("/proc/driver/nvidia/gpus/0000:19:00.0/information",
        "Model: \t\t NVIDIA H200\nIRQ:   \t\t 1\n");
    assert_string_equal(xsg_machine_gpu(&m), "NVIDIA H200");
    put("/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC\n");
    assert_string_equal(xsg_machine_gpu(&m), "NVIDIA H200, driver 550.54.15");
    put("/proc/driver/nvidia/version", "no numbers here\n");
    assert_string_equal(xsg_machine_gpu(&m), "NVIDIA H200");
}

static void test_virtualization(void **state)
{
    (void)state;
    assert_string_equal(xsg_machine_virtualization(&m), "");
    put("/proc/cpuinfo", "flags : fpu hypervisors\n");
    assert_string_equal(xsg_machine_virtualization(&m), ""); /* another flag */
    put("/proc/cpuinfo", "flags : fpu hypervisor\n");
    const char *outer = xsg_machine_virtualization(&m);
    assert_true(strlen(outer) > 0);
    put("/run/.containerenv", "");
    assert_string_equal(xsg_machine_virtualization(&m), xsg_printf(&arena, "%s, podman", outer));
}

static void test_quota(void **state)
{
    (void)state;
    assert_true(xsg_machine_quota(&m) == 0);
    put("/proc/self/cgroup", "0::/\n");
    assert_true(xsg_machine_quota(&m) == 0);
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_true(xsg_machine_quota(&m) == 0);
    put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    assert_true(fabs(xsg_machine_quota(&m) - 1.5) < 1e-9);
    /* The narrowest on the way up counts. */
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "90000 100000\n");
    assert_true(fabs(xsg_machine_quota(&m) - 0.5) < 1e-9);
    /* Version 1, mounted together with cpuacct. */
    put("/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/j\n3:cpuset:/y\n0::/none\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "25000\n");
    put("/sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
    assert_true(fabs(xsg_machine_quota(&m) - 0.25) < 1e-9);
    put("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "-1\n");
    assert_true(xsg_machine_quota(&m) == 0);
    static const char *const odd[] = {"",    "\n",     "0",      "0:",       "0:cpu",
                                      "0::", "0::x\n", ":::/\n", "1:cpu:\n", "1:,,cpu:/\n"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        put("/proc/self/cgroup", odd[i]);
        assert_true(xsg_machine_quota(&m) == 0);
    }
}

static void test_pick_cpu(void **state)
{
    (void)state;
    struct xsg_environment e;
    xsg_machine_environment(&arena, &e);
    int cpu = xsg_machine_pick_cpu();
    assert_int_equal(cpu >= 0, e.cores >= 2);
}

/* ---- the checks ---- */

static void examine(void)
{
    n_checks = xsg_machine_checks_at(&m, root, NULL, &checks);
    assert_true(n_checks >= 15);
    for (size_t i = 0; i < n_checks; i++) {
        assert_non_null(checks[i].name);
        assert_non_null(checks[i].finding);
        /* What is not ok says what to do about it. */
        assert_int_equal(checks[i].remedy != NULL, checks[i].state != XSG_CHECK_OK);
    }
}

static const struct xsg_check *check(const char *name)
{
    for (size_t i = 0; i < n_checks; i++) {
        if (strcmp(checks[i].name, name) == 0)
            return &checks[i];
    }
    fail_msg("there is no check '%s'", name);
    return NULL;
}

static void test_a_quiet_machine(void **state)
{
    (void)state;
    put("/proc/cpuinfo", CPUINFO " nonstop_tsc\n");
    put("/proc/loadavg", "0.01 0.02 0.03 1/100 1234\n");
    put(CPU "cpu0/cpufreq/scaling_governor", "performance\n");
    put(CPU "intel_pstate/no_turbo", "1\n");
    put(CPU "smt/active", "0\n");
    put("/proc/sys/kernel/perf_event_paranoid", "3\n");
    put("/proc/sys/kernel/randomize_va_space", "2\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    examine();
    static const char *const names[] = {
        "frequency governor", "turbo",       "hyper-threads",         "load", "CPU quota",
        "virtualisation",     "perf events", "address randomisation", "clock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(check(names[i])->state, XSG_CHECK_OK);
    assert_string_equal(check("clock")->finding, "steady counter, clock source tsc");
}

static void test_a_noisy_machine(void **state)
{
    (void)state;
    put("/proc/cpuinfo", CPUINFO " hypervisor\n");
    put("/proc/loadavg", "99.5 0 0 1/1 1\n");
    put("/proc/stat", "cpu  100 0 100 700 0 0 0 100 0 0\n");
    put(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
    put(CPU "cpufreq/boost", "1\n");
    put(CPU "smt/active", "1\n");
    put("/proc/sys/kernel/randomize_va_space", "0\n");
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    examine();
    static const char *const names[] = {"frequency governor", "turbo",
                                        "hyper-threads",      "load",
                                        "virtualisation",     "address randomisation"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(check(names[i])->state, XSG_CHECK_NOTE);
    assert_int_equal(check("CPU quota")->state, XSG_CHECK_PROBLEM);
    assert_string_equal(check("CPU quota")->finding, "0.5 CPUs");
    assert_non_null(strstr(check("virtualisation")->finding, "10.0 %"));
#if defined(__x86_64__)
    assert_int_equal(check("clock")->state, XSG_CHECK_NOTE); /* nonstop_tsc is missing */
#endif
}

static void test_the_slow_clock(void **state)
{
    (void)state;
    put("/proc/cpuinfo", CPUINFO " nonstop_tsc\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "acpi_pm\n");
    examine();
    assert_int_equal(check("clock")->state, XSG_CHECK_NOTE);
    assert_non_null(strstr(check("clock")->finding, "acpi_pm"));
}

static void test_the_runtime_library(void **state)
{
    (void)state;
    examine();
    assert_int_equal(check("runtime library")->state, XSG_CHECK_PROBLEM); /* NULL */
    xsg_machine_checks(&arena, root, "/no/such/libxsgate-runtime.so", &checks);
    assert_int_equal(checks[0].state, XSG_CHECK_PROBLEM);
    assert_non_null(strstr(checks[0].finding, "cannot be read"));
    put("/broken.so", "not a library");
    xsg_machine_checks(&arena, root, xsg_path_join(&arena, root, "broken.so"), &checks);
    assert_int_equal(checks[0].state, XSG_CHECK_PROBLEM);
    assert_non_null(strstr(checks[0].finding, "cannot be preloaded"));
    xsg_machine_checks(&arena, root, "libm.so.6", &checks);
    assert_int_equal(checks[0].state, XSG_CHECK_PROBLEM);
}

static void test_the_sampling_rate_is_measured(void **state)
{
    (void)state;
    examine();
    const struct xsg_check *c = check("sampling rate");
    long rate = strtol(strpbrk(c->finding, "0123456789"), NULL, 10);
    assert_in_range(rate, 10, 1100); /* of 1000 asked for */
}

static void test_a_missing_folder(void **state)
{
    (void)state;
    size_t n = xsg_machine_checks(&arena, "/no/such/folder", NULL, &checks);
    assert_string_equal(checks[n - 1].name, "disk space");
    assert_int_equal(checks[n - 1].state, XSG_CHECK_NOTE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_this_machine),
        TEST(test_the_fingerprint_follows_what_decides),
        TEST(test_an_unknown_machine),
        TEST(test_gpu),
        TEST(test_virtualization),
        TEST(test_quota),
        TEST(test_pick_cpu),
        TEST(test_a_quiet_machine),
        TEST(test_a_noisy_machine),
        TEST(test_the_slow_clock),
        TEST(test_the_runtime_library),
        TEST(test_the_sampling_rate_is_measured),
        TEST(test_a_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
