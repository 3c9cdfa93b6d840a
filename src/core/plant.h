#ifndef TRACKUP_CORE_PLANT_H
#define TRACKUP_CORE_PLANT_H
/*
 * plant: deliberate bugs, so that the tests prove that they can fail.
 *
 * planted("x") is a constant false but in a build with --enable-planted-bugs,
 * where plant_select() (tests and the daemon's main) turns one of them on.
 */
#include <stdbool.h>

#ifdef PLANTED_BUGS
bool planted(const char *name);
void plant_select(const char *name);
#else
#define planted(name) false
#endif

#endif
