#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/template.h"

/*
 * How a device is commanded: by its row of `models`, and by the password of
 * the inventory, the model or the fleet, in this order.
 */

/* protocol.md 2: 6 characters of which 2 are the type, or 8 and 10 of which 6
 * are; what is neither has no code. */
struct span
device_type_code(const struct device *d)
{
	size_t n = strlen(d->protover);

	if (n == 6)
		return span_of(d->protover, 2);
	if (n == 8 || n == 10)
		return span_of(d->protover, 6);
	return SPAN_LIT("");
}

const struct core_model *
model_of_code(const struct core *c, struct span code)
{
	static const struct core_model gv620mg = {.code = "C2",
	    .name = "GV620MG", .type_mcu = UPDATE_MCU,
	    .type_ble = UPDATE_BLE};

	for (size_t i = 0; i < c->fleet.model_count; i++) {
		const struct core_model *m = &c->fleet.model[i];

		if (strlen(m->code) == code.n &&
		    strncasecmp(m->code, code.p, code.n) == 0)
			return m;
	}
	return code.n == 2 && strncasecmp(gv620mg.code, code.p, 2) == 0
	    ? &gv620mg : NULL;
}

const struct core_model *
device_model(const struct core *c, const struct device *d)
{
	const struct core_model *m = model_of_code(c, device_type_code(d));

	if (m == NULL)
		m = model_of_code(c, SPAN_LIT("C2"));
	assert(m != NULL && "that one is always known");
	return m;
}

const char *
device_password(const struct core *c, const struct device *d)
{
	const struct core_model *m = device_model(c, d);
	struct inventory_row r;

	if (device_row(c, d, &r) && r.password[0] != '\0')
		return r.password;
	return m->password[0] != '\0' ? m->password : c->cfg.password;
}

int
model_start(const struct core *c, const struct device *d,
    const struct campaign_spec *s, const char *url, uint16_t serial,
    bool masked, char *buf, size_t size)
{
	const struct core_model *m = device_model(c, d);
	int type = s->update == UPDATE_BLE ? m->type_ble : m->type_mcu;
	const struct start_command cmd = {
	    .password = device_password(c, d),
	    .max_retry = s->max_download_retry,
	    .timeout_min = (int)(s->download_timeout_ms / 60000),
	    .user = c->cfg.file_user,
	    .secret = c->cfg.file_secret,
	    .url = url,
	    .type = s->update,
	    .serial = serial,
	};
	const char *text = m->start[0] != '\0' ? m->start
					       : TEMPLATE_SPEC_START;

	if (masked)
		return template_show(buf, size, text, &cmd, type);
	if (m->start[0] == '\0' && type == (int)s->update)
		return encode_start(buf, size, &cmd);
	return template_fill(buf, size, text, &cmd, type);
}

int
model_stop(const struct core *c, const struct device *d, uint16_t serial,
    bool masked, char *buf, size_t size)
{
	const struct core_model *m = device_model(c, d);
	const struct start_command cmd = {
	    .password = device_password(c, d),
	    .timeout_min = 15,
	    .user = "",
	    .secret = "",
	    .serial = serial,
	};

	if (masked)
		return template_show(buf, size, m->stop[0] != '\0' ? m->stop
		    : TEMPLATE_SPEC_STOP, &cmd, 0);
	if (m->stop[0] == '\0')
		return encode_stop(buf, size, cmd.password, serial);
	return template_fill(buf, size, m->stop, &cmd, 0);
}
