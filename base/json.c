#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_check.h"
#include "base/map.h"
#include "base/str.h"

static void locate(const char *text, size_t offset, int *line, int *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            ++*column; /* characters, not bytes */
        }
    }
}

/* The first key that an object has twice, or NULL. Recursion is bounded by the checked depth. */
static const char *find_duplicate(const cJSON *value)
{
    const char *duplicate = NULL;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_map seen;
    xsg_map_init(&seen, &arena);
    for (const cJSON *child = value->child; child && !duplicate; child = child->next) {
        bool is_new = true;
        if (cJSON_IsObject(value))
            xsg_map_put(&seen, child->string, strlen(child->string), &is_new);
        if (!is_new)
            duplicate = child->string;
        else if (child->child)
            duplicate = find_duplicate(child);
    }
    xsg_arena_release(&arena);
    return duplicate;
}

int xsg_json_parse(const char *text, size_t n, cJSON **root, struct xsg_err *err)
{
    *root = NULL;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* a byte order mark: RFC 8259 lets readers ignore it */
        n -= 3;
    }
    size_t offset;
    const char *problem = xsg_json_check(text, n, &offset);
    if (problem) {
        int line, column;
        locate(text, offset, &line, &column);
        return xsg_fail(err, XSG_EINVAL, "%d:%d: %s", line, column, problem);
    }
    char *copy = malloc(n + 1); /* cJSON wants a NUL behind the end */
    if (!copy)
        xsg_out_of_memory(n + 1);
    memcpy(copy, text, n);
    copy[n] = '\0';
    cJSON *parsed = cJSON_ParseWithLengthOpts(copy, n + 1, NULL, 1);
    free(copy);
    if (!parsed)
        xsg_out_of_memory(n);
    const char *duplicate = find_duplicate(parsed);
    if (duplicate) {
        struct xsg_buf key = XSG_BUF_INIT;
        xsg_put_printable(&key, duplicate, strlen(duplicate));
        int rc =
            xsg_fail(err, XSG_EINVAL, "the key '%s' stands twice in one object", xsg_buf_str(&key));
        xsg_buf_release(&key);
        cJSON_Delete(parsed);
        return rc;
    }
    *root = parsed;
    return XSG_OK;
}

/* The value of a key, or NULL when it is absent or null. */
static const cJSON *find(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return !value || cJSON_IsNull(value) ? NULL : value;
}

int xsg_json_get_string(const cJSON *object, const char *key, const char **value)
{
    const cJSON *found = find(object, key);
    if (!found)
        return XSG_ENOTFOUND;
    if (!cJSON_IsString(found))
        return XSG_EINVAL;
    *value = found->valuestring;
    return XSG_OK;
}

int xsg_json_get_double(const cJSON *object, const char *key, double *value)
{
    const cJSON *found = find(object, key);
    if (!found)
        return XSG_ENOTFOUND;
    if (!cJSON_IsNumber(found) || !isfinite(found->valuedouble))
        return XSG_EINVAL;
    *value = found->valuedouble;
    return XSG_OK;
}

int xsg_json_get_int(const cJSON *object, const char *key, int64_t *value)
{
    double number;
    int rc = xsg_json_get_double(object, key, &number);
    if (rc)
        return rc;
    /* 2^53 itself may be 2^53 + 1, rounded when it was parsed. */
    if (fabs(number) >= 0x1p53 || number != floor(number))
        return XSG_EINVAL;
    *value = (int64_t)number;
    return XSG_OK;
}

int xsg_json_get_bool(const cJSON *object, const char *key, bool *value)
{
    const cJSON *found = find(object, key);
    if (!found)
        return XSG_ENOTFOUND;
    if (!cJSON_IsBool(found))
        return XSG_EINVAL;
    *value = cJSON_IsTrue(found);
    return XSG_OK;
}
