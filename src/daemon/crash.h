#ifndef TRACKUP_DAEMON_CRASH_H
#define TRACKUP_DAEMON_CRASH_H
/*
 * crash: named points at which a test build dies, as SIGKILL would have it.
 *
 * TRACKUPD_CRASHPOINT=NAME:COUNT ends the process at the COUNT-th passing of
 * that point. Compiled away without --enable-crashpoints.
 */
#ifdef CRASHPOINTS
void crashpoint(const char *name);
#else
#define crashpoint(name) ((void)0)
#endif

#endif
