/* Chatter for people, on stderr. Results go to stdout and never through here. Thread-safe. */
#ifndef XSG_BASE_LOG_H
#define XSG_BASE_LOG_H

#include <stdbool.h>

enum xsg_log_level { XSG_LOG_QUIET = 0, XSG_LOG_NORMAL = 1, XSG_LOG_VERBOSE = 2 };

void xsg_log_set_level(enum xsg_log_level level);
enum xsg_log_level xsg_log_level(void);

void xsg_warn(const char *format, ...) __attribute__((format(printf, 1, 2))); /* also when quiet */
void xsg_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void xsg_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * One status line that replaces itself; only on a terminal and not when quiet, otherwise nothing.
 * Log lines push it aside and it comes back below them. NULL removes it.
 */
void xsg_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void xsg_progress_clear(void);

/* Colour: "auto", "always", "never"; auto honours NO_COLOR, CLICOLOR_FORCE, TERM=dumb and isatty.
 */
void xsg_color_set(const char *when);
bool xsg_color_for(int fd);
/* Columns of the terminal behind fd; COLUMNS wins; fallback when it is none. */
int xsg_terminal_columns(int fd, int fallback);

#endif
