/* Intrusive doubly linked list. The owner of the head states which lock guards it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define list_entry(ptr, type, member)	container_of(ptr, type, member)

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_after(struct list *at, struct list *n)
{
	n->next = at->next;
	n->prev = at;
	at->next->prev = n;
	at->next = n;
}

/* Adds at the tail (just before the head). */
static inline void list_add_tail(struct list *head, struct list *n)
{
	list_insert_after(head->prev, n);
}

static inline void list_add_head(struct list *head, struct list *n)
{
	list_insert_after(head, n);
}

/* Unlinks and leaves the node pointing at itself, so removing twice is harmless. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_for_each_entry(pos, head, type, member)                                               \
	for (type *pos = list_entry((head)->next, type, member); &pos->member != (head);           \
	     pos = list_entry(pos->member.next, type, member))

/* As above; the body may remove and free pos. */
#define list_for_each_entry_safe(pos, head, type, member)                                          \
	for (type *pos = list_entry((head)->next, type, member),                                   \
		  *pos##_next = list_entry(pos->member.next, type, member);                        \
	     &pos->member != (head);                                                               \
	     pos = pos##_next, pos##_next = list_entry(pos->member.next, type, member))
