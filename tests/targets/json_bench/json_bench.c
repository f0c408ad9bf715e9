/*
 * A JSON benchmark: parses a document with cJSON, checks it, and writes it again with a writer of
 * its own, compact and indented, a number of times. json_bench FILE [ROUNDS]
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xsgate/profile.h>

/* Each function that a profile is to name stays one: the benchmark is about them. */
#define NOINLINE __attribute__((noinline))

enum { COPIES = 4 }; /* written per document read, each both compact and indented */

struct text {
    char *data;
    size_t n, cap;
};

static void text_reserve(struct text *text, size_t more)
{
    if (text->n + more <= text->cap)
        return;
    text->cap = (text->n + more) * 2;
    text->data = realloc(text->data, text->cap);
    if (!text->data) {
        perror("json_bench");
        exit(1);
    }
}

static void text_add(struct text *text, const char *data, size_t n)
{
    text_reserve(text, n);
    memcpy(text->data + text->n, data, n);
    text->n += n;
}

/* Length of the UTF-8 sequence that starts with this byte; 1 for what cannot start one. */
static const uint8_t sequence_length[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};

/* A string in quotes; what is not ASCII becomes \uXXXX, with surrogates beyond the first plane. */
NOINLINE static void escape_string(struct text *out, const char *string)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = (const uint8_t *)string;
    size_t n = 0, room = 2;
    char *to;

    XSG_FUNC();
    for (; p[n]; n++)
        room += p[n] >= 0x80 || p[n] < ' ' ? 6 : 2;
    text_reserve(out, room);
    to = out->data + out->n;
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        uint32_t c = p[i];

        if (c >= 0x80) {
            size_t more = sequence_length[c >> 4] - 1u;

            c &= 0x7fu >> (more + 1);
            while (more-- > 0 && i + 1 < n)
                c = c << 6 | (p[++i] & 0x3fu);
            if (c > 0xffff) {
                uint32_t high = 0xd7c0 + (c >> 10);

                memcpy(to, "\\u", 2);
                for (int k = 0; k < 4; k++)
                    to[2 + k] = hex[high >> (12 - 4 * k) & 15];
                to += 6;
                c = 0xdc00 | (c & 0x3ff);
            }
        }
        if (c >= 0x80 || c < ' ') {
            memcpy(to, "\\u", 2);
            for (int k = 0; k < 4; k++)
                to[2 + k] = hex[c >> (12 - 4 * k) & 15];
            to += 6;
        } else {
            if (c == '"' || c == '\\')
                *to++ = '\\';
            *to++ = (char)c;
        }
    }
    *to++ = '"';
    out->n = (size_t)(to - out->data);
}

/* Numbers as the document has them: at most five decimals, below 2^53. */
NOINLINE static void format_number(struct text *out, double value)
{
    char number[32];
    char *p = number + sizeof number;
    uint64_t scaled = (uint64_t)(fabs(value) * 1e5 + 0.5);
    bool fraction = false;

    XSG_FUNC();
    for (int digit = 0; digit < 5; digit++, scaled /= 10) {
        fraction = fraction || scaled % 10 != 0;
        if (fraction)
            *--p = (char)('0' + scaled % 10);
    }
    if (fraction)
        *--p = '.';
    do {
        *--p = (char)('0' + scaled % 10);
        scaled /= 10;
    } while (scaled > 0);
    if (value < 0)
        *--p = '-';
    text_add(out, p, (size_t)(number + sizeof number - p));
}

static void new_line(struct text *out, int depth)
{
    text_reserve(out, 1 + 2 * (size_t)depth);
    out->data[out->n++] = '\n';
    memset(out->data + out->n, ' ', 2 * (size_t)depth);
    out->n += 2 * (size_t)depth;
}

/* depth < 0: compact. */
NOINLINE static void write_value(struct text *out, const cJSON *value, int depth)
{
    bool object = cJSON_IsObject(value);
    int inner = depth < 0 ? -1 : depth + 1;
    const cJSON *child;

    XSG_FUNC();
    if (cJSON_IsString(value)) {
        escape_string(out, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        format_number(out, value->valuedouble);
    } else if (!object && !cJSON_IsArray(value)) {
        const char *word = cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null";
        text_add(out, word, strlen(word));
    } else {
        text_add(out, object ? "{" : "[", 1);
        cJSON_ArrayForEach(child, value)
        {
            if (child != value->child)
                text_add(out, ",", 1);
            if (depth >= 0)
                new_line(out, inner);
            if (object) {
                escape_string(out, child->string);
                text_add(out, ": ", depth >= 0 ? 2 : 1);
            }
            write_value(out, child, inner);
        }
        if (depth >= 0 && value->child)
            new_line(out, depth);
        text_add(out, object ? "}" : "]", 1);
    }
}

/* How many values there are, 0 if a number or a name is not what a station may have. */
NOINLINE static size_t check_value(const cJSON *value)
{
    size_t n = 1;
    const cJSON *child;

    XSG_FUNC();
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return 0;
    cJSON_ArrayForEach(child, value)
    {
        size_t below = check_value(child);

        if (below == 0 || (cJSON_IsObject(value) && (!child->string || !*child->string)))
            return 0;
        n += below;
    }
    return n;
}

NOINLINE static uint64_t hash_text(const struct text *text)
{
    uint64_t hash = 0xcbf29ce484222325u, word;

    XSG_FUNC();
    for (size_t i = 0; i + sizeof word <= text->n; i += sizeof word) {
        memcpy(&word, text->data + i, sizeof word);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

static char *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long size;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        perror(path);
        exit(1);
    }
    rewind(file);
    data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    data[size] = '\0';
    *n = (size_t)size;
    return data;
}

NOINLINE static cJSON *parse(const char *data, size_t n)
{
    XSG_FUNC();
    return cJSON_ParseWithLength(data, n + 1);
}

int main(int argc, char **argv)
{
    size_t n, values = 0, rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 60;
    struct text out = {NULL, 0, 0};
    uint64_t hash = 0;
    char *data;

    if (argc < 2) {
        fprintf(stderr, "usage: json_bench FILE [ROUNDS]\n");
        return 2;
    }
    data = read_file(argv[1], &n);
    for (size_t i = 0; i < rounds; i++) {
        cJSON *document = parse(data, n);

        values = document ? check_value(document) : 0;
        if (values == 0) {
            fprintf(stderr, "json_bench: %s is not a valid document\n", argv[1]);
            return 1;
        }
        out.n = 0;
        for (int copy = 0; copy < COPIES; copy++) {
            write_value(&out, document, -1);
            write_value(&out, document, 0);
        }
        hash = hash * 31 + hash_text(&out);
        cJSON_Delete(document);
    }
    printf("%zu values, %zu bytes written, %016llx\n", values, out.n, (unsigned long long)hash);
    free(out.data);
    free(data);
    return 0;
}
