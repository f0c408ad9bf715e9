#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/change.h"

static void assert_change(double ratio, const char *expected)
{
    char text[XSG_CHANGE_SIZE];
    xsg_format_change(text, ratio);
    assert_string_equal(text, expected);
}

static void test_change(void **state)
{
    (void)state;
    assert_change(1.213, "+21 %");
    assert_change(0.966, "-3.4 %");
    assert_change(1, "0.0 %");
    assert_change(0.9999, "0.0 %");
    assert_change(1.0996, "+10 %");
    assert_change(2.999, "+200 %");
    assert_change(3.24, "3.2x");
    assert_change(123.4, "123x");
    assert_change(123456789, "1.2e+08x");
    assert_change(NAN, "-");
    assert_change(INFINITY, "inf");
    assert_change(0, "-100 %");
}

static void test_size(void **state)
{
    (void)state;
    char text[XSG_CHANGE_SIZE];
    xsg_format_size(text, 0.787);
    assert_string_equal(text, "21 %");
    xsg_format_size(text, 1.05);
    assert_string_equal(text, "5.0 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_change), cmocka_unit_test(test_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
