#include "config.h"
#include "bare_core.h"

#include <check.h>
#include <stdio.h>

#include "quick.h"

struct devid
bare_id(unsigned i)
{
	char text[16];
	struct devid id;

	(void)snprintf(text, sizeof(text), "8600000000%04u", i + 1);
	QUICK(devid_parse(span_str(text), &id) == 0);
	return id;
}

struct core *
bare_core(int observed_max)
{
	const struct core_config cfg = {.time_scale = 1, .boot = 1,
	    .unknown = UNKNOWN_OBSERVE, .observed_max = observed_max,
	    .in_flight = 100, .start_per_hour = 3600, .read_per_hour = 3600,
	    .password = "gv620mg"};
	struct flags_rec flags = {.next_campaign = 1, .next_attempt = 1};
	struct stamp_rec stamp = {0};
	struct core *c = core_new(&cfg, 1);

	ck_assert_ptr_nonnull(c);
	core_load_flags(c, &flags, &stamp);
	return c;
}
