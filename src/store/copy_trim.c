#include "config.h"
#include "store/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "trackupd-20261123T103648Z.db" */
static const char pattern[] = "trackupd-########T######Z.db";
#define NAME_LEN (sizeof(pattern) - 1)
#define SUFFIX_LEN (sizeof(".XXXXXX") - 1)

static bool
matches(const char *name)
{
	for (size_t i = 0; i < NAME_LEN; i++)
		if (pattern[i] == '#' ? name[i] < '0' || name[i] > '9' :
		    name[i] != pattern[i])
			return false;
	return true;
}

static bool
is_leftover(const char *name)
{
	const char *rest = name + NAME_LEN;

	if (rest[0] != '.' || strlen(rest) < SUFFIX_LEN)
		return false;
	rest += SUFFIX_LEN;
	return rest[0] == '\0' || strcmp(rest, "-wal") == 0 ||
	    strcmp(rest, "-journal") == 0;
}

static int
newest_first(const void *a, const void *b)
{
	/* The names sort as their times do. */
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

void
copy_trim(const char *directory, unsigned keep)
{
	DIR *d = opendir(directory);
	char **names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (!matches(e->d_name))
			continue;
		if (is_leftover(e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
		if (e->d_name[NAME_LEN] != '\0')
			continue;
		if (n == cap) {
			size_t more = cap == 0 ? 64 : cap * 2;
			char **p = reallocarray(names, more, sizeof(*p));

			if (p == NULL)
				break;
			names = p;
			cap = more;
		}
		if ((names[n] = strdup(e->d_name)) == NULL)
			break;
		n++;
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), newest_first);
	for (size_t i = 0; i < n; i++) {
		if (i >= keep)
			(void)unlinkat(dirfd(d), names[i], 0);
		free(names[i]);
	}
	free(names);
	(void)closedir(d);
}

int64_t
copy_newest_wall_ms(const char *directory)
{
	DIR *d = opendir(directory);
	int64_t newest = -1;
	struct dirent *e;
	struct stat st;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (matches(e->d_name) && e->d_name[NAME_LEN] == '\0' &&
		    fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			newest = MAX_OF(newest, (int64_t)st.st_mtim.tv_sec *
			    1000 + st.st_mtim.tv_nsec / 1000000);
	(void)closedir(d);
	return newest;
}
