#ifndef TRACKUP_PROTO_PROXY_H
#define TRACKUP_PROTO_PROXY_H
/*
 * proxy: the header by which a load balancer says whom it speaks for (PROXY
 * protocol, versions 1 and 2, section 2 of its specification).
 *
 * Pure. Strict: what is not exactly a header is none, for whoever may send one
 * may claim any address. Nothing behind the header is looked at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_V1_MAX 107  /* bytes of a line, CR LF included */
#define PROXY_V2_MAX 2048 /* with its extensions: our limit */
#define PROXY_MAX PROXY_V2_MAX

enum proxy_status {
	PROXY_OK,
	PROXY_MORE, /* so far it may become one; asks again with more */
	PROXY_BAD,
};

struct proxy_peer {
	bool local;       /* the balancer itself, as a health check: the
	                   * connection's own addresses hold */
	bool v6;
	uint8_t addr[16]; /* the first 4 of IPv4 */
	uint16_t port;
};

/* Borrows p. *ret_used: bytes of the header, with PROXY_OK. */
enum proxy_status proxy_read(const char *p, size_t n, struct proxy_peer *ret,
    size_t *ret_used);

#endif
