#include "config.h"

#include "base/errtext.h"

#include <stdarg.h>
#include <stdio.h>

/* In brackets: .ci/analysis.h has a macro of this name. */
int
(errtext_set)(struct errtext *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
	return code;
}
