/*
 * A compression benchmark: an LZ77 compressor with hash chains, its decompressor, and a CRC-32 over
 * what comes out.
 *     compress_bench [KILOBYTES [ROUNDS]]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))

enum {
    HASH_BITS = 14,
    WINDOW = 1 << 15,
    MIN_MATCH = 4,
    MAX_MATCH = 130, /* a length byte of 0x80..0xff */
    MAX_CHAIN = 16   /* candidates looked at */
};

struct compressor {
    const uint8_t *data;
    size_t n;
    int32_t head[1 << HASH_BITS]; /* newest position of a hash, -1: none */
    int32_t previous[WINDOW];     /* older position of the same hash */
};

struct match {
    size_t length, distance;
};

static uint32_t hash_at(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof word);
    return word * 2654435761u >> (32 - HASH_BITS);
}

static void insert(struct compressor *c, size_t at)
{
    uint32_t hash = hash_at(c->data + at);

    c->previous[at % WINDOW] = c->head[hash];
    c->head[hash] = (int32_t)at;
}

/* The longest earlier occurrence of what stands at `at`, within the window; length 0 without one.
 */
NOINLINE static struct match find_match(const struct compressor *c, size_t at)
{
    struct match best = {0, 0};
    size_t limit = c->n - at < MAX_MATCH ? c->n - at : MAX_MATCH;
    int32_t candidate = c->head[hash_at(c->data + at)];

    XSG_FUNC();
    for (int chain = 0; chain < MAX_CHAIN && candidate >= 0; chain++) {
        const uint8_t *old = c->data + candidate, *now = c->data + at;
        size_t distance = at - (size_t)candidate, length = 0;

        if (distance >= WINDOW)
            break;
        while (length < limit && old[length] == now[length])
            length++;
        if (length > best.length) {
            best.length = length;
            best.distance = distance;
        }
        candidate = c->previous[(size_t)candidate % WINDOW];
    }
    if (best.length < MIN_MATCH)
        best.length = 0;
    return best;
}

/* Literals come in runs of a count byte below 0x80; a match is a length byte and two of distance.
 */
NOINLINE static size_t write_literals(uint8_t *out, const uint8_t *from, size_t n)
{
    size_t used = 0;

    XSG_FUNC();
    while (n > 0) {
        size_t run = n < 0x80 ? n : 0x80;

        out[used++] = (uint8_t)(run - 1);
        memcpy(out + used, from, run);
        used += run;
        from += run;
        n -= run;
    }
    return used;
}

NOINLINE static size_t compress(struct compressor *c, uint8_t *out)
{
    size_t at = 0, literal = 0, used = 0;

    XSG_FUNC();
    memset(c->head, 0xff, sizeof c->head);
    while (at + MIN_MATCH <= c->n) {
        struct match match = find_match(c, at);

        if (match.length == 0) {
            insert(c, at++);
            continue;
        }
        used += write_literals(out + used, c->data + literal, at - literal);
        out[used++] = (uint8_t)(0x80 + match.length - 3);
        out[used++] = (uint8_t)match.distance;
        out[used++] = (uint8_t)(match.distance >> 8);
        for (size_t end = at + match.length; at < end; at++) {
            if (at + MIN_MATCH <= c->n)
                insert(c, at);
        }
        literal = at;
    }
    return used + write_literals(out + used, c->data + literal, c->n - literal);
}

NOINLINE static size_t decompress(const uint8_t *in, size_t n, uint8_t *out)
{
    size_t used = 0;

    XSG_FUNC();
    for (size_t at = 0; at < n;) {
        size_t code = in[at++];

        if (code < 0x80) {
            memcpy(out + used, in + at, code + 1);
            at += code + 1;
            used += code + 1;
        } else {
            size_t length = code - 0x80 + 3, distance = in[at] | (size_t)in[at + 1] << 8;

            at += 2;
            for (; length > 0; length--, used++)
                out[used] = out[used - distance];
        }
    }
    return used;
}

NOINLINE static uint32_t crc32_of(const uint8_t *data, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffffu;

    XSG_FUNC();
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;

            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
            table[i] = value;
        }
    }
    for (size_t i = 0; i < n; i++)
        crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

/* Something like text: words of a small vocabulary, with a typo now and then. */
NOINLINE static void make_text(uint8_t *data, size_t n)
{
    static const char *const words[] = {
        "the",     "measurement", "of",     "function", "was",      "slower",  "than",   "before",
        "because", "branch",      "loads",  "a",        "second",   "table",   "twice",  "and",
        "memory",  "is",          "cached", "by",       "compiler", "version", "within", "noise"};
    uint64_t state = 88172645463325252u;
    size_t at = 0;

    XSG_FUNC();
    while (at < n) {
        const char *word;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word = words[state % (sizeof words / sizeof words[0])];
        while (*word && at < n)
            data[at++] = (uint8_t)*word++;
        if (at < n)
            data[at++] = state >> 40 & 7 ? ' ' : (uint8_t)('a' + state % 26);
    }
}

int main(int argc, char **argv)
{
    size_t n = (argc > 1 ? strtoul(argv[1], NULL, 10) : 512) * 1024, packed = 0;
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 16;
    uint8_t *text = malloc(n), *out = malloc(n + n / 64 + 16), *back = malloc(n);
    struct compressor *compressor = malloc(sizeof *compressor);
    uint32_t crc = 0;

    if (!text || !out || !back || !compressor || n == 0) {
        fprintf(stderr, "compress_bench: no memory for %zu bytes\n", n);
        return 1;
    }
    make_text(text, n);
    compressor->data = text;
    compressor->n = n;
    for (size_t i = 0; i < rounds; i++) {
        packed = compress(compressor, out);
        if (decompress(out, packed, back) != n || memcmp(text, back, n) != 0) {
            fprintf(stderr, "compress_bench: what came back differs\n");
            return 1;
        }
        for (int pass = 0; pass < 3; pass++)
            crc = crc * 31 + crc32_of(back, n - (size_t)pass);
    }
    printf("%zu bytes in %zu, crc %08x\n", n, packed, crc);
    free(compressor);
    free(back);
    free(out);
    free(text);
    return 0;
}
