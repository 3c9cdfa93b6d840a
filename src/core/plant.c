#include "config.h"
#include "core/plant.h"

#ifdef PLANTED_BUGS
#include <stdio.h>
#include <string.h>

static char selected[32];

bool
planted(const char *name)
{
	return strcmp(selected, name) == 0;
}

void
plant_select(const char *name)
{
	(void)snprintf(selected, sizeof(selected), "%s",
	    name == NULL ? "" : name);
}
#else
typedef int plant_nothing_to_compile;
#endif
