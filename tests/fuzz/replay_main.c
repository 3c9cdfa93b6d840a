/*
 * replay: runs a fuzz target over a folder of inputs, without libFuzzer.
 *
 * The committed corpus is replayed in every `make check`: what was found once
 * stays found. Each input also runs cut off at every length, for most readers
 * break at an end that comes too early. CORPUS is the folder, below the top of
 * the sources; arguments name others. A finding ends the process, as it does
 * under libFuzzer; its input is the last one that was named.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)
#ifndef PREFIXES_MAX /* 0: only whole ones */
#define PREFIXES_MAX 4096
#endif

static unsigned passed, failed;

/* In a block of the exact size, so that a sanitizer sees each read past it. */
static void
run_prefix(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void
run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t n, prefixes = PREFIXES_MAX;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		failed++;
		return;
	}
	printf("%s\n", path);
	fflush(stdout);
	n = fread(data, 1, sizeof(data), file);
	fclose(file);
	for (size_t i = 0; i < n && i < prefixes; i++)
		run_prefix(data, i);
	run_prefix(data, n);
	passed++;
}

static void
run_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char name[4096];

	if (dir == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		failed++;
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		int n;

		if (e->d_name[0] == '.')
			continue;
		n = snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		MUST(n > 0 && (size_t)n < sizeof(name));
		run_file(name);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	for (int i = 1; i < argc; i++)
		run_folder(argv[i]);
	if (argc == 1) {
		int n = snprintf(path, sizeof(path), "%s/%s",
		    top == NULL ? "." : top, CORPUS);

		MUST(n > 0 && (size_t)n < sizeof(path));
		run_folder(path);
	}
	if (passed == 0)
		failed++;
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
