#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/shield.h"
#include "base/str.h"

/* One lock for the level, the status line and the order of lines on stderr. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum xsg_log_level current_level = XSG_LOG_NORMAL;
static enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_choice;
static char status[512]; /* the status line that stands on the terminal, or "" */

void xsg_log_set_level(enum xsg_log_level level)
{
    pthread_mutex_lock(&lock);
    current_level = level;
    pthread_mutex_unlock(&lock);
}

enum xsg_log_level xsg_log_level(void)
{
    pthread_mutex_lock(&lock);
    enum xsg_log_level level = current_level;
    pthread_mutex_unlock(&lock);
    return level;
}

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return !term || strcmp(term, "dumb") == 0;
}

void xsg_color_set(const char *when)
{
    color_choice = strcmp(when, "always") == 0  ? COLOR_ALWAYS
                   : strcmp(when, "never") == 0 ? COLOR_NEVER
                                                : COLOR_AUTO;
}

bool xsg_color_for(int fd)
{
    if (color_choice != COLOR_AUTO)
        return color_choice == COLOR_ALWAYS;
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
    if (no && *no)
        return false;
    if (force && *force && strcmp(force, "0") != 0)
        return true;
    return isatty(fd) && !is_dumb();
}

int xsg_terminal_columns(int fd, int fallback)
{
    int64_t columns;
    const char *wanted = getenv("COLUMNS");
    if (wanted && xsg_parse_int(wanted, 1, 100000, &columns) == 0)
        return (int)columns;
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return fallback;
}

static void put_stderr(const struct xsg_buf *text)
{
    /* One write, so that lines of several processes do not mix. Nobody is told when stderr fails.
     */
    fwrite(xsg_buf_str(text), 1, text->len, stderr);
    fflush(stderr);
}

/* Text for the terminal: what came from elsewhere cannot move the cursor. */
static void put_lines(struct xsg_buf *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n\t");
        xsg_put_printable(out, text, n);
        if (text[n])
            xsg_buf_putc(out, text[n++]);
        text += n;
    }
}

__attribute__((format(printf, 2, 0))) static void put_line(const char *prefix, const char *format,
                                                           va_list args)
{
    struct xsg_buf raw = XSG_BUF_INIT, text = XSG_BUF_INIT, line = XSG_BUF_INIT;
    xsg_buf_vprintf(&raw, format, args);
    xsg_buf_puts(&text, prefix);
    put_lines(&text, xsg_buf_str(&raw));
    xsg_buf_putc(&text, '\n');
    pthread_mutex_lock(&lock);
    if (status[0])
        xsg_buf_puts(&line, "\r\033[K");
    xsg_put_shielded(&line, xsg_buf_str(&text), text.len);
    xsg_buf_puts(&line, status);
    put_stderr(&line);
    pthread_mutex_unlock(&lock);
    xsg_buf_release(&line);
    xsg_buf_release(&text);
    xsg_buf_release(&raw);
}

void xsg_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(xsg_color_for(STDERR_FILENO) ? "\033[33mwarning:\033[0m " : "warning: ", format, args);
    va_end(args);
}

void xsg_info(const char *format, ...)
{
    if (xsg_log_level() < XSG_LOG_NORMAL)
        return;
    va_list args;
    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

void xsg_verbose(const char *format, ...)
{
    if (xsg_log_level() < XSG_LOG_VERBOSE)
        return;
    va_list args;
    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

/* Cuts text so that it takes at most columns, and fits the status line. */
static void cut_to_columns(char *text, int columns)
{
    size_t n = strlen(text);
    while (n > 0 && (xsg_display_width(text) > (size_t)columns || n >= sizeof status)) {
        do
            n--;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80);
        text[n] = '\0';
    }
}

void xsg_progress(const char *format, ...)
{
    if (!format) {
        xsg_progress_clear();
        return;
    }
    if (xsg_log_level() < XSG_LOG_NORMAL || !isatty(STDERR_FILENO) || is_dumb())
        return;
    struct xsg_buf raw = XSG_BUF_INIT, text = XSG_BUF_INIT, line = XSG_BUF_INIT;
    va_list args;
    va_start(args, format);
    xsg_buf_vprintf(&raw, format, args);
    va_end(args);
    xsg_buf_puts(&text, ""); /* so that there is text to cut even when the line is empty */
    xsg_put_printable(&text, xsg_buf_str(&raw), raw.len);
    /* The last column stays free: some terminals wrap as soon as it is written. */
    cut_to_columns(text.data, xsg_terminal_columns(STDERR_FILENO, 80) - 1);

    pthread_mutex_lock(&lock);
    memcpy(status, text.data, strlen(text.data) + 1);
    xsg_buf_printf(&line, "\r\033[K%s", status);
    put_stderr(&line);
    pthread_mutex_unlock(&lock);
    xsg_buf_release(&line);
    xsg_buf_release(&text);
    xsg_buf_release(&raw);
}

void xsg_progress_clear(void)
{
    pthread_mutex_lock(&lock);
    if (status[0]) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    status[0] = '\0';
    pthread_mutex_unlock(&lock);
}
