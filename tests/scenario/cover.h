#ifndef TRACKUP_TESTS_COVER_H
#define TRACKUP_TESTS_COVER_H
/*
 * cover: which cells of the attempt machine each scenario went through.
 *
 * The table is looked up through one function, which this program wraps
 * (--wrap=attempt_cell). The counts lie in memory that the scenarios' processes
 * share with ours.
 */
#include <stdbool.h>

void cover_init(void);
/* Which scenario runs now; the name is kept for the table. */
void cover_scenario(int number, const char *name);
/* Prints every cell that moves, each with a scenario that took it. */
void cover_print(void);
/* True when each cell that moves was taken, but for those that are listed as
 * out of reach; else says which was not, or was although it is listed. */
bool cover_complete(void);

#endif
