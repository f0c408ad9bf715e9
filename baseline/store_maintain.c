/* Keeping the store small and safe: prune and backup. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "baseline/store_internal.h"

/* A comparison is as old as its runs: it goes by the same two rules, per pair of commits. What
 * stays keeps both its runs, so that a report can always show where its numbers came from. */
static const char forget_comparisons[] =
    "DELETE FROM comparisons WHERE id IN (SELECT id FROM ("
    " SELECT x.id AS id, x.created AS created, row_number() OVER ("
    "  PARTITION BY b.commit_id, b.dirty, h.commit_id, h.dirty, h.environment"
    "  ORDER BY x.created DESC, x.id DESC) AS place"
    " FROM comparisons x JOIN runs b ON b.id = x.base JOIN runs h ON h.id = x.head)"
    " WHERE (?1 > 0 AND place > ?1) OR (?2 > 0 AND created < ?2))";

/* A changed work tree never takes the place of the clean commit, nor what others shared that of
 * what was measured here. */
static const char forget_runs[] =
    "DELETE FROM runs WHERE id IN (SELECT id FROM ("
    " SELECT id, created, row_number() OVER ("
    "  PARTITION BY commit_id, dirty, environment, shared IS NULL ORDER BY created DESC, id DESC) "
    "AS place"
    " FROM runs) WHERE (?1 > 0 AND place > ?1) OR (?2 > 0 AND created < ?2))"
    " AND id NOT IN (SELECT base FROM comparisons) AND id NOT IN (SELECT head FROM comparisons)";

/* What no run mentions any more; in this order, as each refers to the next. Measures stay: they are
 * a handful. */
static const char *const forget_names[] = {
    "DELETE FROM sites WHERE id NOT IN (SELECT site FROM series)",
    "DELETE FROM functions WHERE id NOT IN (SELECT function FROM sites)",
    "DELETE FROM commits WHERE id NOT IN (SELECT commit_id FROM runs)",
    "DELETE FROM environments WHERE id NOT IN (SELECT environment FROM runs)",
    "DELETE FROM strings WHERE id NOT IN (SELECT name FROM functions WHERE name IS NOT NULL"
    " UNION ALL SELECT file FROM functions WHERE file IS NOT NULL"
    " UNION ALL SELECT module FROM sites WHERE module IS NOT NULL"
    " UNION ALL SELECT name FROM targets"
    " UNION ALL SELECT command FROM targets WHERE command IS NOT NULL"
    " UNION ALL SELECT profile FROM targets WHERE profile IS NOT NULL"
    " UNION ALL SELECT target FROM measures UNION ALL SELECT metric FROM measures"
    " UNION ALL SELECT unit FROM measures WHERE unit IS NOT NULL)",
};

static int forget(struct xsg_store *store, const struct xsg_store_prune *what, size_t *removed,
                  struct xsg_err *err)
{
    const struct xsg_bind limits[] = {xsg__int(what->keep), xsg__int(what->older_than)};
    int rc = xsg__store_exec(store, err, forget_comparisons, limits, 2);
    if (rc == XSG_OK)
        rc = xsg__store_exec(store, err, "DELETE FROM unjudged WHERE created < ?1", &limits[1], 1);
    if (rc == XSG_OK)
        rc = xsg__store_exec(store, err, forget_runs, limits, 2);
    if (rc != XSG_OK)
        return rc;
    *removed = (size_t)sqlite3_changes64(store->db);
    if (*removed == 0)
        return XSG_OK;
    rc = xsg__store_forget_trends(store, err);
    for (size_t i = 0; rc == XSG_OK && i < sizeof forget_names / sizeof *forget_names; i++)
        rc = xsg__store_exec(store, err, forget_names[i], NULL, 0);
    return rc == XSG_OK ? xsg__store_make_trends(store, err) : rc;
}

int xsg_store_prune(struct xsg_store *store, const struct xsg_store_prune *what, size_t *removed,
                    struct xsg_err *err)
{
    *removed = 0;
    int rc = xsg__store_begin(store, "BEGIN IMMEDIATE", err);
    if (rc != XSG_OK)
        return rc;
    rc = forget(store, what, removed, err);
    if (what->dry_run && rc == XSG_OK) { /* counted exactly by doing it, then taken back */
        xsg__store_end(store, XSG_EINTR, NULL);
        return XSG_OK;
    }
    rc = xsg__store_end(store, rc, err);
    if (rc != XSG_OK) {
        *removed = 0;
        return rc;
    }
    /* The space goes back to the disk where nobody is in the way; if somebody is, the pages are
     * used again by later runs. */
    sqlite3_exec(store->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return XSG_OK;
}

static int copy_database(struct xsg_store *store, const char *path, struct xsg_err *err)
{
    sqlite3 *to = NULL;
    int code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int number = 0;
    if (code == SQLITE_OK) {
        sqlite3_exec(to, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", store->db, "main");
        /* All pages in one step: one read transaction, so one state, whoever writes meanwhile. */
        while (backup &&
               ((code = sqlite3_backup_step(backup, -1)) == SQLITE_BUSY || code == SQLITE_LOCKED))
            sqlite3_sleep(5);
        code = backup ? sqlite3_backup_finish(backup) : sqlite3_errcode(to);
        number = sqlite3_system_errno(to);
    }
    sqlite3_close_v2(to);
    if (code == SQLITE_OK)
        return XSG_OK;
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        return xsg__store_fail(store, code, err);
    return xsg_fail(err, XSG_EFAILED, "cannot write the backup '%s': %s", path,
                    (code & 0xff) == SQLITE_FULL ? "the disk is full"
                    : number                     ? xsg_system_reason(number)
                                                 : sqlite3_errstr(code));
}

static int refuse_existing(const char *path, const char *suffix, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct stat st;
    const char *name = xsg_printf(&arena, "%s%s", path, suffix);
    int rc = XSG_OK;
    if (lstat(name, &st) == 0) {
        rc = xsg_fail(err, XSG_EINVAL, "'%s' exists already and is not overwritten", name);
        xsg_fail_hint(err, rc, "name another file, or remove this one");
    }
    xsg_arena_release(&arena);
    return rc;
}

/* What a copy that failed leaves: the file and what SQLite keeps beside it. */
static void remove_part(struct xsg_buf *part)
{
    size_t n = part->len;
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    for (int i = 0; i < 4; i++) {
        part->len = n;
        xsg_buf_puts(part, suffixes[i]);
        unlink(part->data);
    }
}

int xsg_store_backup(struct xsg_store *store, const char *path, struct xsg_err *err)
{
    /* A log left beside the name would be replayed into the copy. */
    int rc = refuse_existing(path, "", err);
    if (rc == XSG_OK)
        rc = refuse_existing(path, "-wal", err);
    if (rc != XSG_OK)
        return rc;
    struct xsg_buf part = XSG_BUF_INIT;
    xsg_buf_printf(&part, "%s.XXXXXX", path);
    int fd = mkstemp(part.data);
    if (fd < 0) {
        rc = xsg_fail(err, XSG_EFAILED, "cannot write the backup '%s': %s", path,
                      xsg_system_reason(errno));
    } else {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(fd, 0666 & ~mask);
        close(fd);
        rc = copy_database(store, part.data, err);
        /* Whole or not at all, and a name that somebody took meanwhile stays his. */
        if (rc == XSG_OK && renameat2(AT_FDCWD, part.data, AT_FDCWD, path, RENAME_NOREPLACE) != 0 &&
            ((errno != EINVAL && errno != ENOSYS) || rename(part.data, path) != 0))
            rc = xsg_fail(err, XSG_EFAILED, "cannot write the backup '%s': %s", path,
                          xsg_system_reason(errno));
        if (rc != XSG_OK)
            remove_part(&part);
    }
    xsg_buf_release(&part);
    return rc;
}
