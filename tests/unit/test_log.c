#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"

static int saved_stderr = -1, reader = -1;
static char seen[20000];

/* stderr into a pipe. */
static void to_pipe(void)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    reader = fds[0];
}

/* stderr onto a terminal of this width. Skips the test where there are no pseudo-terminals. */
static void to_terminal(unsigned short columns)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    int slave = -1;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
        slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (slave < 0) {
        print_message("skipped: no pseudo-terminal can be had here\n");
        skip();
    }
    struct termios mode;
    tcgetattr(slave, &mode);
    cfmakeraw(&mode);
    tcsetattr(slave, TCSANOW, &mode);
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    ioctl(slave, TIOCSWINSZ, &size);
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    dup2(slave, STDERR_FILENO);
    close(slave);
    reader = master;
}

/* What was written; stderr is itself again. */
static const char *back(void)
{
    size_t n = 0;
    ssize_t got;
    fflush(stderr);
    while ((got = read(reader, seen + n, sizeof seen - 1 - n)) > 0)
        n += (size_t)got;
    seen[n] = '\0';
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(reader);
    return seen;
}

static int setup(void **state)
{
    (void)state;
    xsg_log_set_level(XSG_LOG_NORMAL);
    xsg_color_set("never");
    unsetenv("COLUMNS");
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    setenv("TERM", "xterm", 1);
    return 0;
}

static void test_levels(void **state)
{
    (void)state;
    static const char *const expected[] = {"warning: w 1\n", "warning: w 1\ni 2\n",
                                           "warning: w 1\ni 2\nv 3\n"};
    for (int level = XSG_LOG_QUIET; level <= XSG_LOG_VERBOSE; level++) {
        xsg_log_set_level((enum xsg_log_level)level);
        assert_int_equal(xsg_log_level(), level);
        to_pipe();
        xsg_warn("w %d", 1);
        xsg_info("i %d", 2);
        xsg_verbose("v %d", 3);
        assert_string_equal(back(), expected[level]);
    }
}

static void test_foreign_text_cannot_move_the_cursor(void **state)
{
    (void)state;
    to_pipe();
    xsg_info("two\n\tlines %s", "\x1b[2J\r\xff");
    assert_string_equal(back(), "two\n\tlines \\x1b[2J\\x0d\\xff\n");
}

static void test_no_status_line_without_a_terminal(void **state)
{
    (void)state;
    to_pipe();
    xsg_progress("working %d", 1);
    xsg_info("line");
    xsg_progress_clear();
    assert_string_equal(back(), "line\n");
}

static void test_status_line(void **state)
{
    (void)state;
    to_terminal(40);
    xsg_progress("round %d", 1);
    xsg_progress("round %d", 2);
    xsg_info("a line");
    xsg_progress_clear();
    xsg_info("the end");
    assert_string_equal(back(),
                        "\r\033[Kround 1\r\033[Kround 2\r\033[Ka line\nround 2\r\033[Kthe end\n");
}

static void test_status_line_fits_the_terminal(void **state)
{
    (void)state;
    to_terminal(10);
    xsg_progress("%s", "0123456789abcdef");
    xsg_progress("%s", "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"); /* wide */
    xsg_progress("a\nb%s", "\x1b");
    xsg_progress(NULL);
    assert_string_equal(back(), "\r\033[K012345678"
                                "\r\033[K\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
                                "\r\033[Ka\\x0ab\\x1"
                                "\r\033[K");
}

static void test_status_line_is_silent_when_asked(void **state)
{
    (void)state;
    to_terminal(80);
    xsg_log_set_level(XSG_LOG_QUIET);
    xsg_progress("x");
    xsg_log_set_level(XSG_LOG_NORMAL);
    setenv("TERM", "dumb", 1);
    xsg_progress("y");
    xsg_progress_clear();
    assert_string_equal(back(), "");
}

static void test_a_very_long_status_line(void **state)
{
    (void)state;
    to_terminal(80);
    setenv("COLUMNS", "100000", 1);
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    xsg_progress("%s", text);
    xsg_progress_clear();
    assert_int_equal(strlen(back()), 4 + 511 + 4);
}

static void test_color(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_WRONLY);
    xsg_color_set("auto");
    assert_false(xsg_color_for(fd));
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_true(xsg_color_for(fd));
    setenv("CLICOLOR_FORCE", "0", 1);
    assert_false(xsg_color_for(fd));
    setenv("CLICOLOR_FORCE", "1", 1);
    setenv("NO_COLOR", "1", 1); /* the stronger of the two */
    assert_false(xsg_color_for(fd));
    setenv("NO_COLOR", "", 1); /* empty is unset, says no-color.org */
    assert_true(xsg_color_for(fd));
    xsg_color_set("never");
    assert_false(xsg_color_for(fd));
    xsg_color_set("always");
    setenv("NO_COLOR", "1", 1);
    assert_true(xsg_color_for(fd));
    close(fd);
    to_pipe();
    xsg_warn("x");
    assert_string_equal(back(), "\033[33mwarning:\033[0m x\n");

    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    xsg_color_set("auto");
    to_terminal(80);
    bool on_terminal = xsg_color_for(STDERR_FILENO);
    setenv("TERM", "dumb", 1);
    bool on_dumb = xsg_color_for(STDERR_FILENO);
    back();
    assert_true(on_terminal);
    assert_false(on_dumb);
}

static void test_columns(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_WRONLY);
    assert_int_equal(xsg_terminal_columns(fd, 77), 77);
    setenv("COLUMNS", "120", 1);
    assert_int_equal(xsg_terminal_columns(fd, 77), 120);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(xsg_terminal_columns(fd, 77), 77);
    setenv("COLUMNS", "0", 1);
    assert_int_equal(xsg_terminal_columns(fd, 77), 77);
    close(fd);
    unsetenv("COLUMNS");
    to_terminal(63);
    int columns = xsg_terminal_columns(STDERR_FILENO, 77);
    back();
    assert_int_equal(columns, 63);
}

static void *chatter(void *arg)
{
    for (int i = 0; i < 50; i++)
        xsg_info("%s", (const char *)arg);
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaa", b[] = "bbbbbbbbbbbbbbbbbbbbbbbbb";
    pthread_t thread;
    to_pipe();
    pthread_create(&thread, NULL, chatter, a);
    chatter(b);
    pthread_join(thread, NULL);
    const char *text = back();
    assert_int_equal(strlen(text), 100 * 26);
    for (int i = 0; i < 100; i++, text += 26) {
        assert_true(memcmp(text, a, 25) == 0 || memcmp(text, b, 25) == 0);
        assert_int_equal(text[25], '\n');
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_levels),
        TEST(test_foreign_text_cannot_move_the_cursor),
        TEST(test_no_status_line_without_a_terminal),
        TEST(test_status_line),
        TEST(test_status_line_fits_the_terminal),
        TEST(test_status_line_is_silent_when_asked),
        TEST(test_a_very_long_status_line),
        TEST(test_color),
        TEST(test_columns),
        TEST(test_lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
