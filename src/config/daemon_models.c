#include "config.h"
#include "config/daemon_models.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/daemon_options.h"
#include "proto/template.h"

/* --- models ----------------------------------------------------------------*/

static bool
is_type_code(struct span s)
{
	uint64_t v;

	return (s.n == 2 || s.n == 6) && span_hex(s, UINT64_MAX, &v) == 0;
}

static const struct opt_value *
model_value(const struct opt_value *v, const char *key)
{
	return &v[opt_find(&model_options, key)];
}

static void
load_template(struct yw *w, const struct opt_value *v, const char *path,
    const char *key, bool stop, char ret[COMMAND_MAX + 1])
{
	char where[TEXT_QUOTE + 24];
	const char *why;

	if (v->bad || v->text.n == 0)
		return;
	if ((why = template_check(v->text, stop)) != NULL) {
		(void)snprintf(where, sizeof(where), "%s.%s", path, key);
		yw_error(w, v->pos, where, "%s; allowed is the whole command, "
		    "such as %s", why, stop
			? "AT+GTUPD={password},1,,,,,{serial}$"
			: TEMPLATE_SPEC_START);
		return;
	}
	(void)span_copy(ret, COMMAND_MAX + 1, v->text);
}

static void
load_model(struct yw *w, int node, struct span code, const char *path,
    struct core_model *m)
{
	struct opt_value v[16];
	const struct opt_value *name, *password;
	char where[TEXT_QUOTE + 24];

	assert(model_options.count <= ARRAY_LEN(v));
	opt_walk(w, node, &model_options, path, v);
	(void)span_copy(m->code, sizeof(m->code), code);
	for (char *p = m->code; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	name = model_value(v, "name");
	/* The default is the name of C2 alone. */
	if (name->node == 0 && strcmp(m->code, "C2") != 0)
		(void)span_copy(m->name, sizeof(m->name), span_str(m->code));
	else if (!name->bad)
		(void)span_copy(m->name, sizeof(m->name), name->text);
	m->type_mcu = (int)model_value(v, "update_type.mcu")->num;
	m->type_ble = (int)model_value(v, "update_type.ble")->num;
	password = model_value(v, "password");
	if (!password->bad)
		(void)span_copy(m->password, sizeof(m->password),
		    password->text);
	if (m->password[0] != '\0' && strlen(m->password) < PASSWORD_MIN) {
		(void)snprintf(where, sizeof(where), "%s.password", path);
		yw_error(w, password->pos, where, "the value is too short, "
		    "allowed %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
	}
	load_template(w, model_value(v, "start"), path, "start", false,
	    m->start);
	load_template(w, model_value(v, "stop"), path, "stop", true, m->stop);
}

static void
put_model(const struct core_model *m, struct sbuf *out)
{
	opt_put_text(out, span_str(m->code));
	sbuf_adds(out, ": {name: ");
	opt_put_text(out, span_str(m->name));
	sbuf_addf(out, ", update_type: {mcu: %d, ble: %d}, password: ",
	    m->type_mcu, m->type_ble);
	opt_put_text(out, span_str(m->password[0] == '\0' ? "" : OPT_MASK));
	sbuf_adds(out, ", start: ");
	opt_put_text(out, span_str(m->start));
	sbuf_adds(out, ", stop: ");
	opt_put_text(out, span_str(m->stop));
	sbuf_adds(out, "}");
}

static bool
model_known(const struct daemon_conf *c, const char *code)
{
	for (size_t i = 0; i + 1 < c->model_count; i++)
		if (strcmp(c->models[i].code, code) == 0)
			return true;
	return false;
}

bool
daemon_load_models(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c)
{
	size_t n = v->node == 0 || v->bad ? 0 : yw_count(w, v->node);
	static const struct core_model gv620mg = {.code = "C2",
	    .name = "GV620MG", .type_mcu = UPDATE_MCU,
	    .type_ble = UPDATE_BLE};
	struct sbuf yaml;

	if (n > MODELS_MAX)
		yw_error(w, v->pos, "models", "allowed are at most %d",
		    MODELS_MAX);
	n = MIN_OF(n, (size_t)MODELS_MAX);
	if ((c->models = calloc(n + 1, sizeof(*c->models))) == NULL)
		return false;
	sbuf_init(&yaml, 0);
	for (size_t i = 0; i < n && !yw_full(w); i++) {
		char path[TEXT_QUOTE + 8], quote[TEXT_QUOTE];
		struct core_model *m = &c->models[c->model_count];
		struct span code;
		int key, value;

		yw_pair(w, v->node, i, &key, &value);
		code = yw_kind(w, key) == YW_SCALAR ? yw_text(w, key)
						    : SPAN_LIT("");
		if (!is_type_code(code)) {
			yw_error(w, yw_at(w, key), "models", "%s is no "
			    "device-type code, allowed 2 or 6 hex digits",
			    text_quote(code, quote));
			continue;
		}
		(void)snprintf(path, sizeof(path), "models.%.*s", (int)code.n,
		    code.p);
		load_model(w, value, code, path, m);
		c->model_count++;
		if (model_known(c, m->code))
			yw_error(w, yw_at(w, key), path, "given twice");
		sbuf_adds(&yaml, c->model_count == 1 ? "{" : ", ");
		put_model(m, &yaml);
	}
	if (c->model_count == 0) {
		sbuf_adds(&yaml, "{");
		put_model(&gv620mg, &yaml);
	}
	sbuf_adds(&yaml, "}");
	return (c->models_yaml = sbuf_take(&yaml)) != NULL;
}
