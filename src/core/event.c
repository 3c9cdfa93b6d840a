#include "config.h"
#include "core/event.h"

#include <stdlib.h>
#include <string.h>

void
fx_init(struct fx *fx)
{
	memset(fx, 0, sizeof(*fx));
	opbuf_init(&fx->ops);
}

void
fx_done(struct fx *fx)
{
	free(fx->item);
	opbuf_done(&fx->ops);
	fx_init(fx);
}

void
fx_clear(struct fx *fx)
{
	assert(fx->ops.count == 0);
	fx->count = 0;
	fx->ticket = 0;
}
