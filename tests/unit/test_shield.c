/* Text of others in a CI log: what would command the runner is shielded, the rest is untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/shield.h"

static const char *const harmless[] = {"",
                                       "\n\n",
                                       "plain",
                                       "std::vector<int>::push_back\nns::f",
                                       "a ::error::",
                                       "  | ::error::x",
                                       "# #[x]",
                                       ":",
                                       " :",
                                       "\n:\n:"};
static const char *const commands[] = {"::error::x",
                                       "a\n::set-output name=x::y\n",
                                       " \t::debug::",
                                       "\xc2\xa0::error::",
                                       "\xe3\x80\x80::warning::",
                                       "x ##[add-mask]y",
                                       "a\r::error::b",
                                       "::"};

static void test_what_is_a_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        assert_false(xsg_has_commands(harmless[i], strlen(harmless[i])));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        assert_true(xsg_has_commands(commands[i], strlen(commands[i])));
}

/* Between the lines, the text as it was; and another token each time. */
static void test_shielded(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    char last[40] = "";

    (void)state;
    setenv("GITHUB_ACTIONS", "true", 1);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct xsg_buf out = XSG_BUF_INIT;
        const char *text = commands[i];
        char token[40];
        size_t n = strlen(text);
        xsg_put_shielded(&out, text, n);
        assert_memory_equal(out.data, "::stop-commands::", 17);
        memcpy(token, out.data + 17, 32);
        token[32] = '\0';
        assert_int_equal(strspn(token, "0123456789abcdef"), 32);
        assert_string_not_equal(token, last);
        assert_string_equal(out.data + 49, xsg_printf(&arena, "\n%s%s::%s::\n", text,
                                                      text[n - 1] == '\n' ? "" : "\n", token));
        memcpy(last, token, sizeof last);
        xsg_buf_release(&out);
    }
    xsg_arena_release(&arena);
}

static void test_untouched(void **state)
{
    (void)state;
    for (int in_ci = 0; in_ci < 2; in_ci++) {
        struct xsg_buf out = XSG_BUF_INIT;
        const char *text = in_ci ? "std::sort" : "::error::x";
        setenv("GITHUB_ACTIONS", in_ci ? "true" : "false", 1);
        xsg_put_shielded(&out, text, strlen(text));
        assert_string_equal(xsg_buf_str(&out), text);
        xsg_buf_release(&out);
    }
    unsetenv("GITHUB_ACTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_a_command),
                                       cmocka_unit_test(test_shielded),
                                       cmocka_unit_test(test_untouched)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
