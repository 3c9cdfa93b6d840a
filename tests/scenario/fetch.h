#ifndef TRACKUP_TESTS_FETCH_H
#define TRACKUP_TESTS_FETCH_H
/*
 * fetch: our own file server, as far as a scenario cares: it knows the tokens
 * that the core named, and tells what it saw.
 */
#include "world.h"

void fetch_token(struct world *w, const struct fx_item *it);
/* A new process: its tokens are those of the attempts it found. */
void fetch_start(struct world *w);
/* FETCH d1 begin | end WHY | 404 [first=N] [bytes=N] [size=N] | EXPECTs none */
void cmd_fetch(struct world *w, char *args);

#endif
