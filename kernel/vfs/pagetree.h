/*
 * A radix tree from page numbers to pages, as high as the highest number needs. Sparse: what is not
 * there costs nothing. No lock: the owner's. The zeroed struct is the empty tree.
 */
#pragma once
#include <stdint.h>

struct radix_node;

struct pagetree {
	struct radix_node *root;
	unsigned levels;
	uint64_t count; /* pages in it */
};

/* The page at index, NULL if there is none. */
void *pagetree_lookup(const struct pagetree *t, uint64_t index);
/* Enters a page where there is none. -ENOMEM; empty nodes may stay then until pagetree_free. */
int pagetree_insert(struct pagetree *t, uint64_t index, void *page);
/* Takes the page at index out, which is there, and the nodes that thereby become empty. */
void pagetree_remove(struct pagetree *t, uint64_t index);
/* The first page at or after *index, which is moved to it; NULL if there is none. */
void *pagetree_next(const struct pagetree *t, uint64_t *index);
/* Empties the tree, giving each page to free_page. */
void pagetree_free(struct pagetree *t, void (*free_page)(void *page));
