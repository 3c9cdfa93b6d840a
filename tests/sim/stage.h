#ifndef TRACKUP_TESTS_SIM_STAGE_H
#define TRACKUP_TESTS_SIM_STAGE_H
/*
 * stage: the program tracksim, a scripted server of trackers and a small file
 * server for it, all on free ports of the loopback.
 *
 * The server answers heartbeats and reports as the protocol says, keeps every
 * frame, and sends what the test says. Nothing sleeps: stage_until() runs the
 * sockets until its condition holds, or fails the test at a deadline.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STAGE_CLIENTS_MAX 1024
#define STAGE_FRAMES_MAX 16384
#define STAGE_ID_MAX 17

struct stage_frame {
	char text[600];
	char id[STAGE_ID_MAX];
	unsigned link; /* number of the connection, from 1 */
};

struct stage_client {
	int fd; /* -1: free */
	bool http;
	unsigned link;
	char id[STAGE_ID_MAX]; /* of its last frame */
	char in[8192];
	size_t len;
};

struct stage {
	int tracker_fd;
	int http_fd;
	uint16_t tracker_port;
	uint16_t http_port;
	bool mute; /* no SACK of reports */
	unsigned links; /* connections accepted so far */
	unsigned closed; /* connections the trackers closed */
	size_t junk; /* bytes between frames */
	struct stage_client clients[STAGE_CLIENTS_MAX];
	struct stage_frame frames[STAGE_FRAMES_MAX];
	size_t frame_count;
	char request[2048]; /* the newest HTTP request */
	unsigned requests;
	pid_t pid; /* of tracksim; 0: none */
	char folder[64];
	char *out; /* what it printed; set by stage_end() */
};

typedef bool stage_condition(struct stage *s, const void *arg);

struct stage *stage_new(void);
void stage_free(struct stage *s); /* ends tracksim too */
/* Starts tracksim --connect … with these further words, NULL at the end. The
 * word TRUTH stands for the path of the truth file. */
void stage_play(struct stage *s, const char *const *words);
#define PLAY(s, ...) stage_play(s, (const char *const[]){__VA_ARGS__, NULL})
/* Runs tracksim with these words alone to its end, and returns its status. */
int stage_run(struct stage *s, const char *const *words);
#define RUN(s, ...) stage_run(s, (const char *const[]){__VA_ARGS__, NULL})
void stage_until(struct stage *s, stage_condition *holds, const void *arg,
    int timeout_ms);
/* Until a frame of id (NULL: of any) that holds text is there. */
const struct stage_frame *stage_frame(struct stage *s, const char *id,
    const char *text);
size_t stage_count(const struct stage *s, const char *id, const char *text);
/* To the newest connection of id, which must be open. */
void stage_say(struct stage *s, const char *id, const char *text);
/* Closes all connections and the listener; stage_open() listens again on the
 * same port. */
void stage_shut(struct stage *s);
void stage_open(struct stage *s);
/* SIGTERM or another, 0 for none; waits for the end and returns the exit
 * status. */
int stage_end(struct stage *s, int signal_number);
/* The truth file as it is now. Caller frees. */
char *stage_truth(const struct stage *s);
/* The codes of GTUPD reports of id, copies left out: "100 200/1 …". */
const char *stage_codes(const struct stage *s, const char *id);

#endif
