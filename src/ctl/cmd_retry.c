#include "config.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
cmd_campaign_retry(struct ctl *c, char *const *args)
{
	char *s = client_encode(c, args[0]), path[CTL_PATH_MAX];
	json_t *body = client_body(c);
	struct answer a;
	char buf[40];
	int r = CTL_OK;

	if ((c->given & OPT_BIT(OPT_CAUSE)) != 0 &&
	    json_object_set_new(body, "cause",
	    json_string(c->value[OPT_CAUSE])) < 0)
		die("--cause: not UTF-8");
	(void)snprintf(path, sizeof path, "campaigns/%s/retry-failed", s);
	free(s);
	a = client_ask(c, path, body);
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else
		(void)printf("campaign %s: %s to be tried again\n", args[0],
		    jtext(a.json, "retried", buf, sizeof buf));
	answer_done(&a);
	return r;
}
