#include "config.h"
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OUTCOMES_MAX 80

static struct outcome outcomes[OUTCOMES_MAX];
static size_t outcome_count;

struct figure {
	double median, min, max;
};

struct outcome *
outcome_new(const char *key, const char *title, const char *unit)
{
	struct outcome *r = &outcomes[outcome_count++];

	if (outcome_count > OUTCOMES_MAX)
		die("more results than places");
	*r = (struct outcome){.key = key, .title = title, .unit = unit,
		.beside = -1};
	return r;
}

struct series *
outcome_row(struct outcome *r, const char *name)
{
	struct series *s = &r->row[r->rows++];

	if (r->rows > ROWS_MAX)
		die("more rows than places");
	s->name = name;
	return s;
}

void
series_add(struct series *s, double v)
{
	if (s->n < RUNS_MAX)
		s->v[s->n++] = v;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void
sort_ascending(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
}

static struct figure
figure_of(const double *v, size_t n)
{
	double sorted[RUNS_MAX];

	memcpy(sorted, v, n * sizeof(*v));
	sort_ascending(sorted, n);
	return (struct figure){
	    .median = n % 2 == 1 ? sorted[n / 2]
		: (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
	    .min = sorted[0],
	    .max = sorted[n - 1],
	};
}

/* Turn by turn, so that what slowed both does not count. */
static bool
ratio_of(const struct outcome *r, size_t row, struct figure *ret)
{
	const struct series *s = &r->row[row], *b;
	double v[RUNS_MAX];
	size_t n;

	if (r->beside < 0 || s->n == 0)
		return false;
	b = &r->row[r->beside];
	n = MIN_OF(s->n, b->n);
	for (size_t i = 0; i < n; i++)
		v[i] = s->v[i] / b->v[i];
	if (n == 0)
		return false;
	*ret = figure_of(v, n);
	return true;
}

enum verdict { VERDICT_NONE, VERDICT_MET, VERDICT_MISSED, VERDICT_UNKNOWN };

static enum verdict
verdict_of(const struct outcome *r)
{
	const struct series *s = &r->row[r->subject];
	struct figure f;

	if (r->goal == GOAL_NONE)
		return VERDICT_NONE;
	if (s->n == 0 || (r->beside >= 0 &&
	    !ratio_of(r, (size_t)r->subject, &f)))
		return VERDICT_UNKNOWN;
	if (r->beside < 0)
		f = figure_of(s->v, s->n);
	if (r->goal == GOAL_AT_MOST)
		return f.median <= r->limit ? VERDICT_MET : VERDICT_MISSED;
	return f.median >= r->limit ? VERDICT_MET : VERDICT_MISSED;
}

static const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "none",
		[VERDICT_MET] = "met",
		[VERDICT_MISSED] = "missed",
		[VERDICT_UNKNOWN] = "not measured",
	};

	return names[v];
}

static const char *
number(char *buf, size_t size, double v)
{
	(void)snprintf(buf, size, "%.*f",
	    fabs(v) >= 100 ? 0 : fabs(v) >= 10 ? 1 : fabs(v) >= 1 ? 2 : 3, v);
	return buf;
}

static void
row_print(const struct outcome *r, size_t i)
{
	const struct series *s = &r->row[i];
	char a[32], b[32], c[32];
	struct figure f;

	if (s->n == 0) {
		(void)printf("  %-26s %s\n", s->name, s->missing);
		return;
	}
	f = figure_of(s->v, s->n);
	(void)printf("  %-26s %9s %-9s", s->name,
	    number(a, sizeof(a), f.median), r->unit);
	(void)printf(" (%s to %s)", number(b, sizeof(b), f.min),
	    number(c, sizeof(c), f.max));
	if (r->beside >= 0 && (int)i != r->beside && ratio_of(r, i, &f))
		(void)printf("   x %.2f (%.2f to %.2f)", f.median, f.min,
		    f.max);
	(void)printf("\n");
}

static void
outcome_print(const struct outcome *r)
{
	enum verdict v = verdict_of(r);
	char limit[32];

	(void)printf("\n%s\n", r->title);
	for (size_t i = 0; i < r->rows; i++)
		row_print(r, i);
	if (v == VERDICT_NONE)
		return;
	(void)printf("  goal: %s %s %s %s: %s\n", r->row[r->subject].name,
	    r->goal == GOAL_AT_MOST ? "at most" : "at least",
	    number(limit, sizeof(limit), r->limit),
	    r->beside < 0 ? r->unit : "x the other", verdict_name(v));
}

static void
figure_json(FILE *f, const char *name, const struct figure *v)
{
	(void)fprintf(f, "\"%s\": {\"median\": %.6g, \"min\": %.6g, "
	    "\"max\": %.6g}", name, v->median, v->min, v->max);
}

static void
row_json(FILE *f, const struct outcome *r, size_t i)
{
	const struct series *s = &r->row[i];
	struct figure v;

	(void)fprintf(f, "      {\"name\": \"%s\", \"runs\": %zu, ", s->name,
	    s->n);
	if (s->n == 0) {
		(void)fprintf(f, "\"value\": null, \"ratio\": null, "
		    "\"missing\": \"%s\"}", s->missing);
		return;
	}
	v = figure_of(s->v, s->n);
	figure_json(f, "value", &v);
	(void)fprintf(f, ", ");
	if (ratio_of(r, i, &v))
		figure_json(f, "ratio", &v);
	else
		(void)fprintf(f, "\"ratio\": null");
	(void)fprintf(f, ", \"missing\": null}");
}

static void
outcome_json(FILE *f, const struct outcome *r)
{
	(void)fprintf(f, "    {\"key\": \"%s\", \"title\": \"%s\", "
	    "\"unit\": \"%s\",\n     \"rows\": [\n", r->key, r->title,
	    r->unit);
	for (size_t i = 0; i < r->rows; i++) {
		row_json(f, r, i);
		(void)fprintf(f, "%s\n", i + 1 < r->rows ? "," : "");
	}
	(void)fprintf(f, "     ],\n     \"subject\": \"%s\", \"beside\": ",
	    r->row[r->subject].name);
	if (r->beside >= 0)
		(void)fprintf(f, "\"%s\"", r->row[r->beside].name);
	else
		(void)fprintf(f, "null");
	(void)fprintf(f, ", \"goal\": ");
	if (r->goal == GOAL_NONE)
		(void)fprintf(f, "null");
	else
		(void)fprintf(f, "{\"%s\": %g}", r->goal == GOAL_AT_MOST ?
		    "at_most" : "at_least", r->limit);
	(void)fprintf(f, ", \"verdict\": \"%s\"}",
	    verdict_name(verdict_of(r)));
}

int
outcomes_print(const char *json_path)
{
	FILE *f = fopen(json_path, "w");
	int missed = 0;

	for (size_t i = 0; i < outcome_count; i++) {
		outcome_print(&outcomes[i]);
		missed += verdict_of(&outcomes[i]) == VERDICT_MISSED;
	}
	if (f == NULL)
		die("cannot write %s", json_path);
	(void)fprintf(f, "{\n  \"version\": \"%s\",\n  \"results\": [\n",
	    PACKAGE_VERSION);
	for (size_t i = 0; i < outcome_count; i++) {
		outcome_json(f, &outcomes[i]);
		(void)fprintf(f, "%s\n", i + 1 < outcome_count ? "," : "");
	}
	(void)fprintf(f, "  ]\n}\n");
	if (fclose(f) != 0)
		die("cannot write %s", json_path);
	return missed;
}
