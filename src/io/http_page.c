#include "config.h"
#include "io/http_page.h"

#include <string.h>
#include "base/attr.h"
#include "io/webassets.h"

static const struct http_asset assets[] = {
	{"/", "text/html; charset=utf-8", WEB_INDEX_HTML},
	{"/app.js", "text/javascript; charset=utf-8", WEB_APP_JS},
	{"/views.js", "text/javascript; charset=utf-8", WEB_VIEWS_JS},
	{"/style.css", "text/css; charset=utf-8", WEB_STYLE_CSS},
	{"/chart.js", "text/javascript; charset=utf-8", WEB_CHART_JS},
	{"/icon.svg", "image/svg+xml", WEB_ICON_SVG},
};

const struct http_asset *
http_page_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(assets); i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}
