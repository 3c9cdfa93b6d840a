#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

/* "spring 0A03 -> 0A05 (running), ..." */
static const char *
uses_text(const json_t *file, char *buf, size_t size)
{
	const json_t *list = json_object_get(file, "used_by"), *use;
	char name[80], from[40], to[40], state[20];
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(list, i, use) {
		int r = snprintf(buf + n, size - n, "%s%s %s -> %s (%s)",
		    i > 0 ? ", " : "",
		    jtext(use, "campaign", name, sizeof name),
		    jtext(use, "from", from, sizeof from),
		    jtext(use, "to", to, sizeof to),
		    jtext(use, "state", state, sizeof state));

		if (r < 0 || (size_t)r >= size - n)
			break;
		n += (size_t)r;
	}
	return buf;
}

int
cmd_firmware_list(struct ctl *c, char *const *args)
{
	static const struct list_column columns[] = {
		{"FILE", "file", 0, NULL},
		{"BYTES", "bytes", COL_RIGHT, NULL},
		{"SHA256", "sha256", COL_WIDE, NULL},
		{"MODIFIED", "modified_at", COL_SPARE, NULL},
		{"USED BY", "used_by", COL_WIDE, uses_text},
	};

	(void)args;
	return print_list(c, "firmware", columns, ARRAY_LEN(columns),
	    "no files");
}
