#include "config.h"
#include "ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include "base/span.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define WIDTH_MAX 1000

int
term_width(int fd)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return MAX_OF((int)w.ws_col, WIDTH_MIN);
	if (s != NULL && span_dec(span_str(s), WIDTH_MAX, &n) == 0 &&
	    n >= WIDTH_MIN)
		return (int)n;
	return WIDTH_DEFAULT;
}

bool
term_is_dumb(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) == 0 || term == NULL || strcmp(term, "dumb") == 0;
}

int
term_cells(const char *s)
{
	mbstate_t state;
	wchar_t wide;
	size_t n;
	int cells = 0, w;

	memset(&state, 0, sizeof state);
	while (*s != '\0') {
		n = mbrtowc(&wide, s, strlen(s), &state);
		if (n == (size_t)-1 || n == (size_t)-2) {
			/* What the locale cannot say takes a cell a byte. */
			memset(&state, 0, sizeof state);
			n = 1;
			w = 1;
		} else {
			w = wcwidth(wide);
		}
		cells += w > 0 ? w : 0;
		s += n;
	}
	return cells;
}
