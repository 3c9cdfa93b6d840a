#ifndef TRACKUP_BASE_LIST_H
#define TRACKUP_BASE_LIST_H
/*
 * list: intrusive doubly linked list with a sentinel head.
 *
 * A node that is in no list points at itself or is zeroed (list_in).
 */
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l || l->next == NULL;
}

/* Node side: true when it is in some list. */
static inline bool
list_in(const struct list *n)
{
	return n->next != NULL && n->next != n;
}

static inline void
list_remove(struct list *n)
{
	if (n->next == NULL)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

static inline void
list_push_back(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void
list_push_front(struct list *head, struct list *n)
{
	list_push_back(head->next, n);
}

/* All of from to the end of head; from is empty then. */
static inline void
list_splice_back(struct list *head, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

/* n may be removed inside the loop; its successor may not. */
#define LIST_EACH_SAFE(n, tmp, head) \
	for ((n) = (head)->next; (n) != (head) && ((tmp) = (n)->next, 1); \
	    (n) = (tmp))

#endif
