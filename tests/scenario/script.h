#ifndef TRACKUP_TESTS_SCRIPT_H
#define TRACKUP_TESTS_SCRIPT_H
/*
 * script: the language of the scenarios (its words stand at the top of run.c).
 *
 * Everything ends the scenario through scn_fail() when it is not as the script
 * says, and so does a script that cannot be read.
 */
#include "world.h"

/* Runs the file in w from its first line to its last. */
void script_run(struct world *w, const char *path);
/* Commands that no EXPECT names are let pass: for stories (story.h). */
extern bool script_lenient;
/* One line of it, which is cut up. */
void script_line(struct world *w, char *text);
/* True when the file has a line that begins with word. */
bool script_has(const char *path, const char *word);

/* The next word of *at, cut off and ended; "" at the end. */
char *script_word(char **at);
/* d1, or d1.2 for the second connection that it opened. */
struct dev *script_dev(struct world *w, const char *name,
    struct wconn **ret_conn);
long script_number(const char *text);

/* say.c: what trackers say. */
void say(struct world *w, struct dev *d, struct wconn *c, char *what);
void say_bring(struct world *w, struct dev *d, char *args);
/* Takes the oldest command to d that was not looked at; NULL = none. */
bool say_take(struct dev *d, struct sent *ret);
/* pattern: start, stop, read, or a glob of the whole frame. */
bool say_matches(const struct dev *d, const char *frame,
    const char *pattern);

/* expect.c */
void expect(struct world *w, char *args);

#endif
