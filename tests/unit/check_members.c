#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/keyset.h"
#include "core/state.h"
#include "proto/template.h"

/* Sets of keys, networks, the templates of commands, and who gets which. */

START_TEST(keys)
{
	struct keyset s = {.count = 0}, t = {.count = 0};

	ck_assert(!keyset_has(&s, 1));
	keyset_seal(&s);
	ck_assert(keyset_same(&s, &t));
	for (uint64_t i = 100; i > 0; i--)
		ck_assert_int_eq(keyset_add(&s, i * 3 % 101 + 1), 0);
	ck_assert_int_eq(keyset_add(&s, 4), 0);
	keyset_seal(&s);
	ck_assert_uint_eq(s.count, 100);
	for (uint64_t i = 2; i <= 101; i++)
		ck_assert(keyset_has(&s, i));
	ck_assert(!keyset_has(&s, 1));
	ck_assert(!keyset_has(&s, 102));
	ck_assert(!keyset_same(&s, &t));
	keyset_done(&s);
}
END_TEST

START_TEST(networks)
{
	static const uint8_t v4[4] = {10, 1, 2, 3}, other[4] = {11, 1, 2, 3};
	struct cidr net = {.bits = 96 + 8};
	uint8_t a[16], b[16], mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 1,
	    2, 3};

	cidr_address(net.addr, (const uint8_t[4]){10, 0, 0, 0}, false);
	cidr_address(a, v4, false);
	cidr_address(b, other, false);
	ck_assert(cidr_has(&net, a));
	ck_assert(!cidr_has(&net, b));
	/* The same address on a socket for both. */
	cidr_address(b, mapped, true);
	ck_assert_mem_eq(a, b, 16);
	net.bits = 96 + 31;
	cidr_address(net.addr, (const uint8_t[4]){10, 1, 2, 2}, false);
	ck_assert(cidr_has(&net, a));
	net.bits = 128;
	ck_assert(!cidr_has(&net, a));
	net.bits = 0;
	ck_assert(cidr_has(&net, a));
	ck_assert(!cidr_any_has(&net, 0, a));
}
END_TEST

static const struct start_command command = {.password = "gv620mg",
    .max_retry = 1, .timeout_min = 15, .user = "", .secret = "s3",
    .url = "http://x/a", .type = UPDATE_MCU, .serial = 0xab};

START_TEST(templates)
{
	char a[COMMAND_MAX + 1], b[COMMAND_MAX + 1];

	ck_assert_ptr_null(template_check(span_str(TEMPLATE_SPEC_START),
	    false));
	ck_assert_int_gt(encode_start(a, sizeof(a), &command), 0);
	ck_assert_int_gt(template_fill(b, sizeof(b), TEMPLATE_SPEC_START,
	    &command, 1), 0);
	ck_assert_str_eq(a, b);
	ck_assert_int_gt(template_fill(b, sizeof(b), "AT+GTUPD={password},0,"
	    "{url},{type},{serial}$", &command, 7), 0);
	ck_assert_str_eq(b, "AT+GTUPD=gv620mg,0,http://x/a,7,00AB$");
	ck_assert_int_gt(template_show(b, sizeof(b), TEMPLATE_SPEC_START,
	    &command, 1), 0);
	ck_assert_ptr_nonnull(strstr(b, "=********,"));
	ck_assert_ptr_null(strstr(b, "s3"));
}
END_TEST

START_TEST(templates_refused)
{
	static const struct { const char *text; bool stop; } t[] = {
	    {"", false}, {"$", false}, {"AT+GTRTO={password},{url},{serial}$",
		false}, {"AT+GTUPD={password},{url},{serial}", false},
	    {"AT+GTUPD={password},{url}{serial}$", false},
	    {"AT+GTUPD={password},{url},{url},{serial}$", false},
	    {"AT+GTUPD={url},{serial}$", false},
	    {"AT+GTUPD={password},{serial}$", false},
	    {"AT+GTUPD={password},{url},$,{serial}$", false},
	    {"AT+GTUPD={password},{url},\xc3,{serial}$", false},
	    {"AT+GTUPD={password},{url},{serial}$", true},
	    {"AT+GTUPD={password},{serial},{url},{serial}$", false},
	};
	struct start_command bad = command;
	char buf[COMMAND_MAX + 1], text[400];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ck_assert_msg(template_check(span_str(t[i].text),
		    t[i].stop) != NULL, "%s", t[i].text);
	/* At its longest. */
	(void)snprintf(text, sizeof(text), "AT+GTUPD={password},{url},%0119d,"
	    "{serial}$", 0);
	ck_assert_ptr_null(template_check(span_str(text), false));
	(void)snprintf(text, sizeof(text), "AT+GTUPD={password},{url},%0120d,"
	    "{serial}$", 0);
	ck_assert_ptr_nonnull(template_check(span_str(text), false));
	bad.password = "a,b,c";
	ck_assert_int_lt(template_fill(buf, sizeof(buf), TEMPLATE_SPEC_START,
	    &bad, 1), 0);
	ck_assert_str_eq(buf, "");
	bad = command;
	bad.url = "http://x/a b";
	ck_assert_int_lt(template_fill(buf, sizeof(buf), TEMPLATE_SPEC_START,
	    &bad, 1), 0);
	ck_assert_int_lt(template_fill(buf, 20, TEMPLATE_SPEC_START, &command,
	    1), 0);
	ck_assert_str_eq(buf, "");
}
END_TEST

/* Which row of `models` is a device's, by what it says of its type. */
START_TEST(models)
{
	static const struct {
		const char *protover, *code, *name;
	} rows[] = {
		{"C20100", "C2", "ours"}, {"c20100", "c2", "ours"},
		{"270302", "27", "templates"}, {"990100", "99", "ours"},
		{"80200901", "802009", "newer"},
		{"8020090100", "802009", "newer"}, {"8020", "", "ours"},
		{"", "", "ours"},
	};
	struct core_config cfg = {.time_scale = 1, .password = "gv620mg"};
	struct core *c = core_new(&cfg, 1);
	struct core_model *m = calloc(3, sizeof(*m));
	struct device d = {.key = 1};

	ck_assert(c != NULL && m != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(d.protover, sizeof(d.protover), "%s",
		    rows[i].protover);
		ck_assert(span_is(device_type_code(&d), rows[i].code));
		/* Without any row, everything is a GV620MG. */
		ck_assert_str_eq(device_model(c, &d)->name, "GV620MG");
	}
	m[0] = (struct core_model){.code = "27", .name = "templates"};
	m[1] = (struct core_model){.code = "C2", .name = "ours"};
	m[2] = (struct core_model){.code = "802009", .name = "newer"};
	c->fleet.model = m;
	c->fleet.model_count = 3;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(d.protover, sizeof(d.protover), "%s",
		    rows[i].protover);
		ck_assert_msg(strcmp(device_model(c, &d)->name,
		    rows[i].name) == 0, "%s", rows[i].protover);
	}
	core_free(c);
}
END_TEST

/* What it is told then: its own template, type and password, or SPEC's. */
START_TEST(commands_of_models)
{
	static const struct {
		const char *protover;
		enum update_type update;
		const char *start, *stop;
	} rows[] = {
		{"C20100", UPDATE_MCU, "AT+GTUPD=gv620mg,0,1,15,0,,,http://x/a,"
		    ",1,,,00AB$", "AT+GTUPD=gv620mg,1,,,,,00AB$"},
		{"C20100", UPDATE_BLE, "AT+GTUPD=gv620mg,0,1,15,0,,,http://x/a,"
		    ",2,,,00AB$", NULL},
		{"270302", UPDATE_MCU, "AT+GTUPD=seven77,0,http://x/a,7,00AB$",
		    "AT+GTUPD=seven77,1,00AB$"},
		{"270302", UPDATE_BLE, "AT+GTUPD=seven77,0,http://x/a,9,00AB$",
		    NULL},
		/* Other types alone: SPEC's fields with these. */
		{"802009", UPDATE_MCU, "AT+GTUPD=gv620mg,0,1,15,0,,,http://x/a,"
		    ",5,,,00AB$", NULL},
		{"802009", UPDATE_BLE, "AT+GTUPD=gv620mg,0,1,15,0,,,http://x/a,"
		    ",2,,,00AB$", NULL},
	};
	struct core_config cfg = {.time_scale = 1, .password = "gv620mg"};
	struct core *c = core_new(&cfg, 1);
	struct core_model *m = calloc(2, sizeof(*m));
	struct campaign_spec *s = spec_new();
	struct device d = {.key = 1};
	char buf[COMMAND_MAX + 1];

	ck_assert(c != NULL && m != NULL && s != NULL);
	s->max_download_retry = 1;
	s->download_timeout_ms = 15 * 60000;
	m[0] = (struct core_model){.code = "27", .type_mcu = 7, .type_ble = 9,
	    .password = "seven77",
	    .start = "AT+GTUPD={password},0,{url},{type},{serial}$",
	    .stop = "AT+GTUPD={password},1,{serial}$"};
	m[1] = (struct core_model){.code = "80", .type_mcu = 5, .type_ble = 2};
	c->fleet.model = m;
	c->fleet.model_count = 2;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(d.protover, sizeof(d.protover), "%s",
		    rows[i].protover);
		s->update = rows[i].update;
		ck_assert_int_gt(model_start(c, &d, s, "http://x/a", 0xab,
		    false, buf, sizeof(buf)), 0);
		ck_assert_str_eq(buf, rows[i].start);
		ck_assert_int_gt(model_start(c, &d, s, "http://x/a", 0xab,
		    true, buf, sizeof(buf)), 0);
		ck_assert_ptr_nonnull(strstr(buf, "=********,"));
		ck_assert_int_gt(model_stop(c, &d, 0xab, false, buf,
		    sizeof(buf)), 0);
		if (rows[i].stop != NULL)
			ck_assert_str_eq(buf, rows[i].stop);
		ck_assert_int_gt(model_stop(c, &d, 0xab, true, buf,
		    sizeof(buf)), 0);
		ck_assert_ptr_nonnull(strstr(buf, "=********,1,"));
		ck_assert_ptr_nonnull(strstr(buf, ",00AB$"));
	}
	spec_free(s);
	core_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("members");
	TCase *t = tcase_create("members");
	SRunner *r;
	int failed;

	tcase_add_test(t, keys);
	tcase_add_test(t, networks);
	tcase_add_test(t, templates);
	tcase_add_test(t, templates_refused);
	tcase_add_test(t, models);
	tcase_add_test(t, commands_of_models);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
