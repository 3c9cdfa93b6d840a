/* The API: how its socket comes and goes. */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "api_client.h"

static int
try_new(const char *socket_path, const char *group, struct errtext *err)
{
	struct api_config cfg = {.socket = socket_path, .group = group};
	struct api_ops ops = fake_world_ops(&world);
	struct api *other = NULL;
	int r = api_new(&other, loop, &cfg, &ops, err);

	if (r == 0)
		api_free(other);
	else
		ck_assert_ptr_null(other);
	return r;
}

START_TEST(socket_live)
{
	struct errtext err;
	struct stat st;
	char p[96];

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_lt(try_new(path, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "another trackupd answers"));
	expect_ok(get("status"));

	(void)snprintf(p, sizeof p, "%s/no/such/dir.sock", dir);
	ck_assert_int_lt(try_new(p, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, p));
	ck_assert_int_lt(try_new("/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
	ck_assert_int_lt(try_new(path, "no-such-group-here", &err), 0);
}
END_TEST

START_TEST(socket_stale)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct errtext err;
	struct stat st;
	char p[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(p, sizeof p, "%s/stale.sock", dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", p);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	(void)close(fd);
	ck_assert_msg(try_new(p, "", &err) == 0, "%s", err.text);
	ck_assert_int_lt(lstat(p, &st), 0);
	/* What is no socket is not ours to replace. */
	fd = open(p, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_lt(try_new(p, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "not a socket"));
	ck_assert_int_eq(unlink(p), 0);
	/* A group that does not exist leaves nothing behind. */
	ck_assert_int_lt(try_new(p, "no-such-group-here", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "no such group"));
}
END_TEST

START_TEST(socket_group)
{
	struct group *g = getgrgid(getegid());
	struct api_config cfg = {.socket = NULL};
	struct api_ops ops = fake_world_ops(&world);
	struct api *other = NULL;
	struct errtext err;
	struct stat st;
	char p[96];

	(void)snprintf(p, sizeof p, "%s/group.sock", dir);
	ck_assert_ptr_nonnull(g);
	cfg.socket = p;
	cfg.group = g->gr_name;
	ck_assert_msg(api_new(&other, loop, &cfg, &ops, &err) == 0, "%s",
	    err.text);
	ck_assert_int_eq(lstat(p, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
	api_free(other);
}
END_TEST

/* A successor took the path over: its socket is not removed. */
START_TEST(socket_taken_over)
{
	char aside[100];
	int fd;

	(void)snprintf(aside, sizeof aside, "%s.old", path);
	ck_assert_int_eq(rename(path, aside), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	api_free(api);
	api = NULL;
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(aside), 0);
}
END_TEST

void
add_socket(TCase *tc)
{
	tcase_add_test(tc, socket_live);
	tcase_add_test(tc, socket_stale);
	tcase_add_test(tc, socket_group);
	tcase_add_test(tc, socket_taken_over);
}
