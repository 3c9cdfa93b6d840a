#include "config.h"
#include "sim/history.h"

#include <assert.h>
#include <stdlib.h>

struct serial_row {
	char text[5];
};

struct version_row {
	char text[VERSION_MAX + 1];
};

void
history_done(struct history *h)
{
	free(h->received.v);
	free(h->acked.v);
	free(h->flashed.v);
	free(h->attempts.v);
	free(h->reports.v);
	*h = (struct history){0};
}

static uint32_t
add(struct history *h, struct history_rows *rows, const void *row, size_t size)
{
	void *v;

	if (rows->len == HISTORY_MAX) {
		h->truncated++;
		return 0;
	}
	if (rows->len == rows->cap) {
		size_t cap = rows->cap == 0 ? 2 : rows->cap * 2;

		v = realloc(rows->v, cap * size);
		if (v == NULL) {
			h->truncated++;
			return 0;
		}
		rows->v = v;
		rows->cap = cap;
	}
	memcpy((char *)rows->v + rows->len * size, row, size);
	return (uint32_t)++rows->len;
}

static void
add_serial(struct history *h, struct history_rows *rows, const char serial[5])
{
	struct serial_row row = {""};

	(void)span_copy(row.text, sizeof(row.text), span_str(serial));
	(void)add(h, rows, &row, sizeof(row));
}

void
history_add_received(struct history *h, const char serial[5])
{
	add_serial(h, &h->received, serial);
}

void
history_add_acked(struct history *h, const char serial[5])
{
	add_serial(h, &h->acked, serial);
}

void
history_add_flashed(struct history *h, const char *version)
{
	struct version_row row = {""};

	(void)span_copy(row.text, sizeof(row.text), span_str(version));
	(void)add(h, &h->flashed, &row, sizeof(row));
}

uint32_t
history_add_attempt(struct history *h, const struct history_attempt *a)
{
	return add(h, &h->attempts, a, sizeof(*a));
}

uint32_t
history_add_report(struct history *h, const struct history_report *r)
{
	return add(h, &h->reports, r, sizeof(*r));
}

struct history_attempt *
history_attempt(const struct history *h, uint32_t place)
{
	assert(place <= h->attempts.len);
	return place == 0 ? NULL
	                  : (struct history_attempt *)h->attempts.v + place - 1;
}

struct history_report *
history_report(const struct history *h, uint32_t place)
{
	assert(place <= h->reports.len);
	return place == 0 ? NULL
	                  : (struct history_report *)h->reports.v + place - 1;
}

const char *
history_serial(const struct history_rows *rows, size_t i)
{
	assert(i < rows->len);
	return ((const struct serial_row *)rows->v)[i].text;
}

const char *
history_version(const struct history_rows *rows, size_t i)
{
	assert(i < rows->len);
	return ((const struct version_row *)rows->v)[i].text;
}
