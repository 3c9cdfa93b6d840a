#include "config.h"
#include "io/trackers_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "io/relay_priv.h"

/* The header of PROXY protocol that a platform is told the tracker's address
 * with; to read one is another matter (proto/proxy.h). */

static size_t
proxy_v1(const struct conn *c, const struct sockaddr_storage *own, char *buf)
{
	char peer[SOCKADDR_TEXT], me[SOCKADDR_TEXT];
	char *text[2] = {peer, me}, *port[2];

	(void)trackers_peer(&c->core, peer, sizeof(peer));
	(void)sockaddr_text((const struct sockaddr *)own, me, sizeof(me));
	for (int i = 0; i < 2; i++) {
		port[i] = strrchr(text[i], ':');
		*port[i]++ = '\0';
		if (text[i][0] == '[') {
			text[i]++;
			text[i][strlen(text[i]) - 1] = '\0';
		}
	}
	return (size_t)snprintf(buf, RELAY_PROXY_MAX, "PROXY %s %s %s %s %s"
	    "\r\n", c->v6 ? "TCP6" : "TCP4", text[0], text[1], port[0],
	    port[1]);
}

static size_t
proxy_v2(const struct conn *c, const struct sockaddr_storage *own, char *buf)
{
	static const char magic[12] = "\r\n\r\n\0\r\nQUIT\n";
	size_t alen = c->v6 ? 16 : 4, n = 2 * alen + 4;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	char *p = buf + 16;
	uint16_t port;

	memcpy(buf, magic, sizeof(magic));
	buf[12] = 0x21; /* version 2, PROXY */
	buf[13] = c->v6 ? 0x21 : 0x11;
	buf[14] = 0;
	buf[15] = (char)n;
	memcpy(p, c->addr, alen);
	if (c->v6) {
		memcpy(&sin6, own, sizeof(sin6));
		memcpy(p + alen, &sin6.sin6_addr, alen);
		port = sin6.sin6_port;
	} else {
		memcpy(&sin, own, sizeof(sin));
		memcpy(p + alen, &sin.sin_addr, alen);
		port = sin.sin_port;
	}
	p += 2 * alen;
	p[0] = (char)(c->port >> 8);
	p[1] = (char)(c->port & 0xff);
	memcpy(p + 2, &port, 2);
	return 16 + n;
}

int
relay_proxy_header(const struct conn *c, char buf[RELAY_PROXY_MAX])
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	if (getsockname(c->fd, (struct sockaddr *)&own, &len) < 0)
		return -1;
	return (int)(relays_config(c->t->relays)->proxy == RELAY_PROXY_V1
	    ? proxy_v1(c, &own, buf) : proxy_v2(c, &own, buf));
}
