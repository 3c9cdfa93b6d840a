#ifndef TRACKUP_TESTS_STORE_POWER_H
#define TRACKUP_TESTS_STORE_POWER_H
/*
 * power: a VFS on a machine whose power goes off.
 *
 * It remembers, for each file, what was synced and what was written since.
 * At a chosen step the power goes: that call and all after it fail. Then
 * power_settle() makes the files what a disk may hold: of each write that was
 * not synced all, some sectors of 512 bytes, or nothing; a new file without a
 * sync of its directory may be gone, and a deleted one may be back.
 */
#include <stdbool.h>
#include "base/prng.h"

/* Makes it the default VFS. */
void power_install(void);
/* Power is on; what the files hold now is on disk. The power goes off at that
 * write, truncate, sync or delete; 0 = never. With lie, syncs do nothing. */
void power_on(long off_at, bool lie);
/* From power_on() on the log is not synced when something is committed: what
 * synchronous=NORMAL would do. */
void power_no_log_sync(void);
bool power_is_off(void);
long power_steps(void);
void power_settle(struct prng *rnd);

#endif
