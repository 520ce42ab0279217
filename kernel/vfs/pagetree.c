#include "vfs/pagetree.h"
#include <asm/errno.h>
#include <stdbool.h>
#include "mm/kmalloc.h"

#define SLOT_BITS 6
#define SLOTS	  (1u << SLOT_BITS)

/* Level 0 nodes hold pages, others hold nodes. */
struct radix_node {
	void *slot[SLOTS];
};

static uint64_t capacity(const struct pagetree *t)
{
	unsigned bits = t->levels * SLOT_BITS;
	return !t->root ? 0 : bits >= 64 ? UINT64_MAX : 1ull << bits;
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return (unsigned)(index >> (level * SLOT_BITS)) & (SLOTS - 1);
}

void *pagetree_lookup(const struct pagetree *t, uint64_t index)
{
	if (index >= capacity(t))
		return NULL;
	struct radix_node *n = t->root;
	for (unsigned level = t->levels; n && level-- > 0;)
		n = n->slot[slot_of(index, level)];
	return n;
}

static unsigned levels_for(uint64_t index)
{
	unsigned levels = 1;
	while (levels * SLOT_BITS < 64 && index >> (levels * SLOT_BITS))
		levels++;
	return levels;
}

int pagetree_insert(struct pagetree *t, uint64_t index, void *page)
{
	if (!t->root) {
		t->root = kzalloc(sizeof *t->root);
		t->levels = levels_for(index);
		if (!t->root)
			return -ENOMEM;
	}
	while (index >= capacity(t)) {
		struct radix_node *top = kzalloc(sizeof *top);
		if (!top)
			return -ENOMEM;
		top->slot[0] = t->root;
		t->root = top;
		t->levels++;
	}
	struct radix_node *n = t->root;
	for (unsigned level = t->levels - 1; level > 0; level--) {
		void **slot = &n->slot[slot_of(index, level)];
		if (!*slot)
			*slot = kzalloc(sizeof *n);
		if (!*slot)
			return -ENOMEM;
		n = *slot;
	}
	n->slot[slot_of(index, 0)] = page;
	t->count++;
	return 0;
}

static bool node_empty(const struct radix_node *n)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (n->slot[i])
			return false;
	return true;
}

void pagetree_remove(struct pagetree *t, uint64_t index)
{
	struct radix_node *path[64 / SLOT_BITS + 1];
	struct radix_node *n = t->root;
	for (unsigned level = t->levels; level-- > 0;) {
		path[level] = n;
		n = n->slot[slot_of(index, level)];
	}
	t->count--;
	for (unsigned level = 0; level < t->levels; level++) {
		path[level]->slot[slot_of(index, level)] = NULL;
		if (!node_empty(path[level]))
			return;
		kfree(path[level]);
	}
	t->root = NULL;
	t->levels = 0;
}

void *pagetree_next(const struct pagetree *t, uint64_t *index)
{
	uint64_t end = capacity(t);
	while (*index < end) {
		void *n = t->root;
		unsigned level = t->levels;
		while (level > 0 && n) {
			level--;
			n = ((struct radix_node *)n)->slot[slot_of(*index, level)];
		}
		if (n)
			return n;
		unsigned shift = level * SLOT_BITS;
		uint64_t next = ((*index >> shift) + 1) << shift;
		if (next <= *index)
			return NULL;
		*index = next;
	}
	return NULL;
}

static void free_nodes(struct radix_node *n, unsigned level, void (*free_page)(void *page))
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (n->slot[i] && level)
			free_nodes(n->slot[i], level - 1, free_page);
		else if (n->slot[i])
			free_page(n->slot[i]);
	}
	kfree(n);
}

void pagetree_free(struct pagetree *t, void (*free_page)(void *page))
{
	if (t->root)
		free_nodes(t->root, t->levels - 1, free_page);
	*t = (struct pagetree){.root = NULL};
}
