/*
 * A SQL benchmark: fills an in-memory SQLite database with invented place names, then asks for the
 * names nearest to misspelt ones by an SQL function of its own, and for totals by an aggregation of
 * its own.
 *     sql_bench [ROWS [QUERIES]]
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))

enum { MAX_NAME = 32, REGIONS = 64 };

static uint64_t random_state = 88172645463325252u;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % below;
}

static void check(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return;
    fprintf(stderr, "sql_bench: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static size_t invent_name(char name[MAX_NAME])
{
    static const char *const syllables[] = {"al",  "ber", "dorf", "eich", "feld", "grun", "heim",
                                            "kir", "lin", "mar",  "nau",  "ober", "ried", "stet"};
    size_t n = 0;

    for (uint32_t i = 3 + next_random(3); i > 0; i--) {
        const char *syllable = syllables[next_random(14)];

        memcpy(name + n, syllable, strlen(syllable));
        n += strlen(syllable);
    }
    return n;
}

/* How many letters must be inserted, deleted or replaced to make one name of the other. */
NOINLINE static int edit_distance(const unsigned char *a, int na, const unsigned char *b, int nb)
{
    int row[MAX_NAME + 1];

    XSG_FUNC();
    for (int j = 0; j <= nb; j++)
        row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diagonal = row[0];

        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

            diagonal = row[j];
            row[j] = replace < least ? replace : least;
        }
    }
    return row[nb];
}

/* SQL: distance(a, b) */
NOINLINE static void sql_distance(sqlite3_context *context, int n, sqlite3_value **values)
{
    const unsigned char *a = sqlite3_value_text(values[0]), *b = sqlite3_value_text(values[1]);
    int na = sqlite3_value_bytes(values[0]), nb = sqlite3_value_bytes(values[1]);

    XSG_FUNC();
    if (n != 2 || !a || !b || na > MAX_NAME || nb > MAX_NAME)
        sqlite3_result_error(context, "distance() takes two short names", -1);
    else
        sqlite3_result_int(context, edit_distance(a, na, b, nb));
}

NOINLINE static void load_rows(sqlite3 *db, size_t rows)
{
    sqlite3_stmt *insert;
    char name[MAX_NAME];

    XSG_FUNC();
    check(db, sqlite3_exec(db,
                           "CREATE TABLE place(id INTEGER PRIMARY KEY, name TEXT, region INT,"
                           " height REAL); BEGIN",
                           NULL, NULL, NULL));
    check(db, sqlite3_prepare_v2(db, "INSERT INTO place(name, region, height) VALUES(?, ?, ?)", -1,
                                 &insert, NULL));
    for (size_t i = 0; i < rows; i++) {
        size_t n = invent_name(name);

        sqlite3_bind_text(insert, 1, name, (int)n, SQLITE_TRANSIENT);
        sqlite3_bind_int(insert, 2, (int)next_random(REGIONS));
        sqlite3_bind_double(insert, 3, next_random(30000) / 10.0);
        check(db, sqlite3_step(insert));
        check(db, sqlite3_reset(insert));
    }
    check(db, sqlite3_finalize(insert));
    check(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
}

NOINLINE static int nearest(sqlite3 *db, sqlite3_stmt *query)
{
    char name[MAX_NAME];
    size_t n = invent_name(name);
    int distance;

    XSG_FUNC();
    sqlite3_bind_text(query, 1, name, (int)n, SQLITE_TRANSIENT);
    check(db, sqlite3_step(query));
    distance = sqlite3_column_int(query, 0);
    check(db, sqlite3_reset(query));
    return distance;
}

struct region {
    size_t n, letters[26];
    double sum, squares;
};

/* One row into its region: sums, and a census of the letters in the names. */
NOINLINE static int add_row(void *regions, int n, char **values, char **names)
{
    struct region *region;

    XSG_FUNC();
    (void)names;
    if (n != 3)
        return 1;
    region = (struct region *)regions + strtoul(values[1], NULL, 10) % REGIONS;
    region->n++;
    for (const char *p = values[0]; *p; p++)
        region->letters[(*p - 'a') % 26]++;
    region->sum += strtod(values[2], NULL);
    region->squares += region->sum * region->sum;
    return 0;
}

NOINLINE static double aggregate(sqlite3 *db)
{
    static struct region regions[REGIONS];
    double sum = 0;

    XSG_FUNC();
    check(db, sqlite3_exec(db, "SELECT name, region, height FROM place", add_row, regions, NULL));
    for (size_t i = 0; i < REGIONS; i++)
        sum += regions[i].n ? regions[i].sum / (double)regions[i].n : 0;
    return sum;
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t queries = argc > 2 ? strtoul(argv[2], NULL, 10) : 45;
    int distances = 0;
    sqlite3_stmt *query;
    sqlite3 *db;
    double mean;

    if (sqlite3_open(":memory:", &db) != SQLITE_OK) {
        fprintf(stderr, "sql_bench: no database\n");
        return 1;
    }
    check(db, sqlite3_create_function(db, "distance", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                      sql_distance, NULL, NULL));
    load_rows(db, rows);
    check(db, sqlite3_prepare_v2(db, "SELECT min(distance(name, ?1)) FROM place WHERE id % 2 = 0",
                                 -1, &query, NULL));
    for (size_t i = 0; i < queries; i++)
        distances += nearest(db, query);
    mean = aggregate(db);
    check(db, sqlite3_finalize(query));
    sqlite3_close(db);
    printf("%zu rows, distances %d, heights %.3f\n", rows, distances, mean);
    return 0;
}
