#include "tests/fault/fault_vfs.h"

#include <string.h>

#include <sqlite3.h>

static long countdown;
static int failure;
static bool for_ever, failed;

static sqlite3_vfs *real;

struct file {
    sqlite3_file base;
    sqlite3_io_methods methods; /* ours, of the version of the real ones */
    sqlite3_file *under;        /* lies behind this struct */
};

void fault_vfs_fail_at(long n, int code, bool forever)
{
    countdown = n;
    failure = code;
    for_ever = forever;
    failed = false;
}

bool fault_vfs_has_failed(void)
{
    return failed;
}

static bool fails_now(void)
{
    if (failed && for_ever)
        return true;
    if (countdown == 0 || --countdown > 0)
        return false;
    return failed = true;
}

static sqlite3_file *under(sqlite3_file *file)
{
    return ((struct file *)file)->under;
}

static int f_close(sqlite3_file *file)
{
    return under(file)->pMethods->xClose(under(file));
}

static int f_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    return under(file)->pMethods->xRead(under(file), to, n, at);
}

/* Half of the bytes get through: a torn write. */
static int f_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
    if (!fails_now())
        return under(file)->pMethods->xWrite(under(file), from, n, at);
    if (n > 1)
        under(file)->pMethods->xWrite(under(file), from, n / 2, at);
    return failure;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fails_now() ? failure : under(file)->pMethods->xTruncate(under(file), size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    return fails_now() ? failure : under(file)->pMethods->xSync(under(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return under(file)->pMethods->xFileSize(under(file), size);
}

static int f_lock(sqlite3_file *file, int level)
{
    return under(file)->pMethods->xLock(under(file), level);
}

static int f_unlock(sqlite3_file *file, int level)
{
    return under(file)->pMethods->xUnlock(under(file), level);
}

static int f_reserved(sqlite3_file *file, int *out)
{
    return under(file)->pMethods->xCheckReservedLock(under(file), out);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    return under(file)->pMethods->xFileControl(under(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
    return under(file)->pMethods->xSectorSize(under(file));
}

static int f_device(sqlite3_file *file)
{
    return under(file)->pMethods->xDeviceCharacteristics(under(file));
}

static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    if (extend && fails_now())
        return failure;
    return under(file)->pMethods->xShmMap(under(file), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return under(file)->pMethods->xShmLock(under(file), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *file)
{
    under(file)->pMethods->xShmBarrier(under(file));
}

static int f_shm_unmap(sqlite3_file *file, int delete)
{
    return under(file)->pMethods->xShmUnmap(under(file), delete);
}

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    static const sqlite3_io_methods ours = {
        2,          f_close,       f_read,      f_write,   f_truncate, f_sync,   f_size,
        f_lock,     f_unlock,      f_reserved,  f_control, f_sector,   f_device, f_shm_map,
        f_shm_lock, f_shm_barrier, f_shm_unmap, NULL,      NULL};
    struct file *mine = (struct file *)file;
    (void)vfs;
    mine->base.pMethods = NULL;
    if (fails_now())
        return failure;
    mine->under = (sqlite3_file *)(mine + 1);
    int code = real->xOpen(real, name, mine->under, flags, out);
    if (mine->under->pMethods) {
        mine->methods = ours;
        if (mine->under->pMethods->iVersion < 2)
            mine->methods.iVersion = 1;
        mine->base.pMethods = &mine->methods;
    }
    return code;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return fails_now() ? failure : real->xDelete(real, name, sync);
}

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;
    real = sqlite3_vfs_find(NULL);
    vfs = *real; /* what is not about files is the real one's business */
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct file) + real->szOsFile;
    vfs.xOpen = v_open;
    vfs.xDelete = v_delete;
    sqlite3_vfs_register(&vfs, 1);
}
