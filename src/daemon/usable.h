#ifndef TRACKUP_DAEMON_USABLE_H
#define TRACKUP_DAEMON_USABLE_H
/*
 * usable: what trackupd.yaml names and only this machine can tell: the tokens
 * of the API and the groups of the control socket. For trackupd -t, the start
 * and each reload alike, so that none of them lets pass what another refuses.
 */
#include "config/daemon_conf.h"

/* 0, or -1 with every error in diag, as "file:line:col: key: what". */
MUST_CHECK int usable_check(const struct daemon_conf *c, struct sbuf *diag);

#endif
