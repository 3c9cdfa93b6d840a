#ifndef TRACKUP_TESTS_HEXTALK_H
#define TRACKUP_TESTS_HEXTALK_H
/*
 * hextalk: what a tracker says in text, as one in HEX mode says it.
 *
 * So that every scenario is also the story of a binary unit. What has no binary
 * form that the specification tells stays text: false.
 */
#include <stdbool.h>
#include "../unit/hexgram.h"

bool hextalk(const char *text, struct hexgram *ret);

#endif
