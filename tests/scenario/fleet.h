#ifndef TRACKUP_TESTS_FLEET_H
#define TRACKUP_TESTS_FLEET_H
/*
 * fleet: the inventory, never_file, networks and models of a scenario's world,
 * and the rule that nothing may leave against them.
 */
#include "script.h"

/* ROW d1 key=value… | gone, NEVER d1 …, NETWORKS 10.0.0.0/8 …, MODEL …,
 * FLEET broken | ok. Each takes effect at once, as by a reload. */
void cmd_row(struct world *w, char *args);
void cmd_never(struct world *w, char *args);
void cmd_networks(struct world *w, char *args);
void cmd_model(struct world *w, char *args);
void cmd_fleet(struct world *w, char *args);
/* To a core that has just been made. */
void fleet_tell(struct world *w);
/* A command leaves: ends the scenario when nobody allowed it. */
void fleet_command(const struct world *w, const struct dev *d,
    const struct wconn *c, const char *frame);
void address_of_text(const char *text, uint8_t ret[16]);

#endif
