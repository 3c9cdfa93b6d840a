/* The API: changes, their durability, and check. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api_client.h"

/* --- changes ---------------------------------------------------------------*/
START_TEST(changes)
{
	struct reply r = post("campaigns/draft/start",
	    "{\"reason\":\"go\",\"digest\":\"beef\"}");

	expect_error(r, 409, "digest");
	ck_assert_str_eq(world.last_digest, "beef");
	ck_assert_str_eq(world.last_reason, "go");
	r = post("campaigns/draft/start", "{\"reason\":\"gr\xc3\xbc\xc3\x9f\"}");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(text(r.json, "state"), "running");
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	ck_assert_str_eq(world.last_digest, "(null)");
	ck_assert_str_eq(world.last_reason, "gr\xc3\xbc\xc3\x9f");
	done(&r);
	expect_error(post("campaigns/draft/start", "{}"), 409, "wrong_state");
	/* Without a body at all. */
	r = ask(POST_HEAD "\r\n", "campaigns/draft/pause");
	ck_assert_str_eq(text(r.json, "state"), "paused");
	done(&r);
	ck_assert_str_eq(world.last_reason, "");
	expect_ok(post("campaigns/draft/resume", "{}"));
	expect_error(post("campaigns/draft/resume", "{}"), 409,
	    "wrong_state");
	expect_error(post("campaigns/nobody/pause", "{}"), 404, "not_found");

	r = post("campaigns/fleet/abort", "{\"dry_run\":true}");
	ck_assert_int_eq(number(r.json, "in_flight"), 55);
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	ck_assert_str_eq(text(r.json, "state"), "running");
	ck_assert(world.last.dry_run);
	done(&r);
	r = post("campaigns/fleet/abort", "{}");
	ck_assert_str_eq(text(r.json, "state"), "aborting");
	ck_assert(!world.last.dry_run);
	done(&r);

	expect_ok(post("devices/A000002B000000/probe", "{}"));
	ck_assert_int_eq(world.last.kind, OPER_DEVICE_PROBE);
	ck_assert_str_eq(world.last_device, "A000002B000000");
	expect_ok(post("devices/A000002B000000/cancel", "{}"));
	ck_assert_int_eq(world.last.kind, OPER_DEVICE_CANCEL);
	expect_error(post("devices/A000002BFFFFFF/cancel", "{}"), 404,
	    "not_found");

	r = post("halt", "{}");
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	done(&r);
	ck_assert(world.core.halted);
	expect_ok(post("resume-all", "{}"));
	ck_assert(!world.core.halted);
}
END_TEST

START_TEST(waves)
{
	struct reply r = post("campaigns/fleet/waves/canary/approve",
	    "{\"reason\":\"looks good\"}");

	ck_assert_int_eq(r.status, 200);
	ck_assert_int_eq(world.last.kind, OPER_WAVE_APPROVE);
	ck_assert(!world.last.force);
	ck_assert_str_eq(world.last_campaign, "fleet");
	ck_assert_str_eq(world.last_wave, "canary");
	ck_assert_str_eq(world.last_reason, "looks good");
	ck_assert_str_eq(text(r.json, "wave"), "canary");
	ck_assert_str_eq(text(r.json, "state"), "passed");
	ck_assert_str_eq(text(r.json, "campaign_state"), "running");
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	done(&r);
	expect_error(post("campaigns/fleet/waves/canary/approve", "{}"), 409,
	    "wrong_state");
	expect_ok(post("campaigns/fleet/waves/canary/approve",
	    "{\"force\":true}"));
	ck_assert(world.last.force);
	expect_error(post("campaigns/fleet/waves/gone/approve", "{}"), 404,
	    "not_found");
	expect_error(post("campaigns/nobody/waves/canary/approve", "{}"), 404,
	    "not_found");
	expect_error(post("campaigns/fleet/waves/canary/approve",
	    "{\"dry_run\":true}"), 400, "unknown_field");
}
END_TEST

START_TEST(who_asks)
{
	char want[32];

	(void)snprintf(want, sizeof want, "uid:%lu",
	    (unsigned long)getuid());
	expect_ok(post("halt", "{}"));
	ck_assert_str_eq(world.last_who, want);
	ck_assert_ptr_nonnull(strstr(world.note, want));
	ck_assert_ptr_nonnull(strstr(world.note,
	    "method=POST path=\"/api/v1/halt\" status=200"));
	expect_error(get("a%0ab\"\x01"), 404, "no_route");
	ck_assert_ptr_nonnull(strstr(world.note,
	    "/api/v1/a%0ab\\x22\\x01\" status=404"));
}
END_TEST

START_TEST(reload)
{
	struct reply r = post("reload", "{\"force\":true,\"reason\":\"r\"}");

	ck_assert_int_eq(r.status, 200);
	done(&r);
	ck_assert(world.last_force);
	ck_assert_str_eq(world.last_reason, "r");
	r = post("reload", "{\"reason\":\"break it\"}");
	ck_assert_int_eq(r.status, 409);
	ck_assert(!world.last_force);
	ck_assert_str_eq(str(&r, "error", "code"), "refused");
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "diagnostics"), 0)),
	    "trackupd.yaml:3:1: trakers: unknown key");
	done(&r);
	r = post("reload", "{\"reason\":\"busy\"}");
	ck_assert_int_eq(r.status, 409);
	ck_assert_str_eq(str(&r, "error", "code"), "busy");
	done(&r);
	ck_assert_uint_eq(world.reloaded, 2);
}
END_TEST

START_TEST(backup)
{
	struct reply r = post("backup", "{\"file\":\"/b.db\"}");

	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(text(r.json, "file"), "/b.db");
	ck_assert_int_eq(number(r.json, "bytes"), 8192);
	ck_assert_int_eq(number(r.json, "took_ms"), 3);
	done(&r);
	ck_assert(!world.last_force);
	expect_error(post("backup", "{\"file\":\"/taken\"}"), 409, "exists");
	expect_ok(post("backup", "{\"file\":\"/taken\",\"force\":true}"));
	ck_assert(world.last_force);
	/* Without a file: the daemon knows where. */
	expect_ok(post("backup", "{}"));
	ck_assert_uint_eq(world.backups, 4);
	expect_error(post("backup", "{\"file\":\"/a\\nb\"}"), 400,
	    "bad_field");
	expect_error(post("backup", "{\"file\":7}"), 400, "bad_field");
	ck_assert_uint_eq(world.backups, 4);
}
END_TEST

/* Answered when it is done; one that fails later says why. */
START_TEST(backup_takes_long)
{
	const struct api_backup_result failed = {.http = 500,
	    .code = "backup_failed", .text = "/b.db: no space"};
	const char ask_for[] = "POST /api/v1/backup HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
	    "{\"file\":\"/b.db\"}";
	int fd = dial(), turns = 0;

	world.hold_backup = true;
	puts_fd(fd, ask_for);
	while (world.backups == 0 && turns++ < 10000)
		turn();
	ck_assert(silent(fd));
	fake_world_backup(&world, &failed);
	expect_error(get_reply(fd), 500, "backup_failed");
	(void)close(fd);
	/* The API goes while one is under way. */
	fd = dial();
	puts_fd(fd, ask_for);
	while (world.backups == 1 && turns++ < 20000)
		turn();
	api_free(api);
	api = NULL;
	ck_assert_uint_eq(world.backups_forgotten, 1);
	(void)close(fd);
}
END_TEST

START_TEST(firmware)
{
	struct reply r = get("firmware");
	const json_t *items = json_object_get(r.json, "items"), *file, *use;

	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_null(json_object_get(r.json, "next")));
	ck_assert_uint_eq(json_array_size(items), 2);
	file = json_array_get(items, 0);
	ck_assert_str_eq(text(file, "file"), "broken.enc");
	ck_assert_int_eq(number(file, "bytes"), 7);
	ck_assert(json_is_null(json_object_get(file, "sha256")));
	ck_assert_str_eq(text(file, "modified_at"),
	    "2026-01-01T00:00:00.000Z");
	ck_assert_uint_eq(json_array_size(json_object_get(file, "used_by")),
	    0);
	file = json_array_get(items, 1);
	ck_assert_str_eq(text(file, "sha256"), "00ff");
	use = json_array_get(json_object_get(file, "used_by"), 0);
	ck_assert_ptr_nonnull(text(use, "campaign"));
	ck_assert_str_eq(text(use, "state"), "running");
	ck_assert_str_eq(text(use, "from"), "0A03");
	ck_assert_str_eq(text(use, "to"), "0A05");
	done(&r);
	r = get("firmware?limit=1");
	ck_assert_str_eq(text(r.json, "next"), "f1");
	done(&r);
	r = get("firmware?limit=5&after=f1");
	items = json_object_get(r.json, "items");
	ck_assert_uint_eq(json_array_size(items), 1);
	ck_assert_str_eq(text(json_array_get(items, 0), "file"), "sub/a.enc");
	ck_assert(json_is_null(json_object_get(r.json, "next")));
	done(&r);
	expect_error(get("firmware?after=x"), 400, "bad_parameter");
	world.firmware_error = ENOENT;
	expect_error(get("firmware"), 500, "files_root");
	world.firmware_refused = true;
	expect_error(get("firmware"), 503, "no_memory");
}
END_TEST

/* The API goes before the files were read. */
START_TEST(firmware_takes_long)
{
	int fd = dial(), turns = 0;

	world.hold_firmware = true;
	puts_fd(fd, "GET /api/v1/firmware HTTP/1.1\r\nHost: x\r\n\r\n");
	while (world.firmware_fn == NULL && turns++ < 10000)
		turn();
	ck_assert(silent(fd));
	api_free(api);
	api = NULL;
	ck_assert_int_eq(world.firmware_forgotten, 1);
	(void)close(fd);
}
END_TEST

/* --- durability ------------------------------------------------------------*/
static int
begin(const char *what, unsigned operated)
{
	char buf[300];
	int fd = dial();

	(void)snprintf(buf, sizeof buf, POST_HEAD "Content-Length: 0\r\n\r\n",
	    what);
	puts_fd(fd, buf);
	while (world.operated < operated)
		wait_fd(fd, POLLIN);
	return fd;
}

START_TEST(durable)
{
	struct reply r;
	int a, b;

	world.hold_durable = true;
	a = begin("campaigns/fleet/pause", 1);
	b = begin("campaigns/fleet/resume", 2);
	ck_assert(silent(a) && silent(b));
	/* More bytes on a connection that waits harm nobody. */
	puts_fd(a, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert(silent(a));
	api_durable(api, 1);
	r = get_reply(a);
	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	done(&r);
	expect_ok(get_reply(a));
	ck_assert(silent(b));
	/* A read is answered meanwhile. */
	expect_ok(get("status"));
	api_durable(api, 2);
	expect_ok(get_reply(b));
	(void)close(a);
	(void)close(b);
	/* Nothing to wait for: a dry run. */
	expect_ok(post("campaigns/fleet/abort", "{\"dry_run\":true}"));
}
END_TEST

START_TEST(client_gone)
{
	struct reply r;
	int a, b;

	world.hold_durable = true;
	a = begin("campaigns/fleet/pause", 1);
	b = begin("campaigns/fleet/resume", 2);
	(void)close(a);
	ck_assert(silent(b));
	fake_world_durable(&world);
	expect_ok(get_reply(b));
	expect_ok(get("status"));
	(void)close(b);
	/* The daemon ends while one waits. */
	a = begin("campaigns/fleet/pause", 3);
	api_free(api);
	api = NULL;
	r = get_reply(a);
	ck_assert_int_eq(r.status, 0);
	done(&r);
	(void)close(a);
}
END_TEST

/* The store fails: a halt and an abort are told with their figures, the rest
 * as it is. */
START_TEST(not_durable)
{
	struct reply r;

	world.hold_durable = true;
	world.store_state = "full";
	r = post("halt", "{}");
	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_false(json_object_get(r.json, "durable")));
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	done(&r);
	/* A file beside the database has it. */
	world.halt_kept = true;
	r = post("halt", "{}");
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	done(&r);
	expect_error(post("campaigns/fleet/pause", "{}"), 503, "not_durable");
	r = post("campaigns/fleet/abort", "{}");
	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_false(json_object_get(r.json, "durable")));
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	done(&r);
	/* Late news change nothing. */
	fake_world_durable(&world);
	expect_ok(get("status"));
	/* It looks well, and hangs. */
	world.store_state = "ok";
	expect_error(post("campaigns/fleet/pause", "{}"), 503, "not_durable");
}
END_TEST

/* A client that drips its request is cut off in spite of its bytes; one that
 * says nothing too, which no counter minds; one whose change is waited for is
 * not. */
START_TEST(slow)
{
	static const char drip[] = "GET /api/v1/status HTTP/1.1\r\nHost: x";
	int64_t start_ms = loop_mono_ms(), next_ms = 0;
	int dripping = dial(), mute = dial();
	size_t sent = 0;
	struct reply r;
	char c;

	while (recv(mute, &c, 1, MSG_PEEK) != 0 ||
	    recv(dripping, &c, 1, MSG_PEEK) != 0) {
		ck_assert_int_lt(loop_mono_ms() - start_ms, DEADLINE_MS);
		if (loop_mono_ms() >= next_ms && sent < sizeof drip - 1) {
			(void)send(dripping, drip + sent++, 1, MSG_NOSIGNAL);
			next_ms = loop_mono_ms() + 200;
		}
		wait_fd(mute, POLLIN);
	}
	ck_assert_int_ge(loop_mono_ms() - start_ms, SLOW_MS);
	(void)close(dripping);
	(void)close(mute);
	r = get("status");
	ck_assert_int_eq(number(json_object_get(json_object_get(r.json,
	    "limits"), "api_slow"), "hits"), 1);
	done(&r);
}
END_TEST

/* --- check -----------------------------------------------------------------*/
START_TEST(check_file)
{
	struct reply r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"good\"}}");

	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_true(json_object_get(r.json, "ok")));
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "warnings"), 0)),
	    "warning: a.yaml:1:1: require: not given");
	done(&r);
	r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"bad\"}}");
	ck_assert_int_eq(r.status, 422);
	ck_assert_str_eq(str(&r, "error", "code"), "invalid");
	ck_assert_uint_eq(json_array_size(json_object_get(r.json,
	    "diagnostics")), 3);
	done(&r);
	r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"list l/x.txt\"}}");
	ck_assert_int_eq(r.status, 409);
	ck_assert_str_eq(str(&r, "error", "code"), "files_missing");
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "files"), 0)), "l/x.txt");
	done(&r);
	expect_ok(post("check", "{\"file\":\"a.yaml\",\"files\":{"
	    "\"a.yaml\":\"list l/x.txt\",\"l/x.txt\":\"A\\nB\\n\"}}"));
	expect_error(post("check", "{\"files\":{\"a\":\"good\"}}"), 400,
	    "bad_field");
	expect_error(post("check", "{\"file\":\"a\"}"), 400, "bad_field");
	expect_error(post("check", "{\"file\":\"a\",\"files\":{\"b\":\"\"}}"),
	    400, "bad_field");
	expect_error(post("check", "{\"file\":\"a\",\"files\":{\"a\":1}}"),
	    400, "bad_field");
	expect_error(ask(POST_HEAD "\r\n", "check"), 400, "bad_field");
	ck_assert_uint_eq(world.checked, 4);
}
END_TEST

void
add_changes(TCase *tc)
{
	tcase_add_test(tc, changes);
	tcase_add_test(tc, waves);
	tcase_add_test(tc, who_asks);
	tcase_add_test(tc, reload);
	tcase_add_test(tc, backup);
	tcase_add_test(tc, backup_takes_long);
	tcase_add_test(tc, firmware);
	tcase_add_test(tc, firmware_takes_long);
	tcase_add_test(tc, durable);
	tcase_add_test(tc, client_gone);
	tcase_add_test(tc, not_durable);
	tcase_add_test(tc, slow);
	tcase_add_test(tc, check_file);
}
