/* mm/vma.h. The tree is a treap (Seidel and Aragon, "Randomized Search Trees", 1996) built of the
 * two operations split and join. */
#include "mm/vma.h"
#include <asm/errno.h>
#include "lib/printk.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "vfs/file.h"

static uint32_t next_priority(void)
{
	static uint32_t x = 0x9e3779b9;

	x ^= x << 13; /* Marsaglia's xorshift */
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static uintptr_t max3(uintptr_t a, uintptr_t b, uintptr_t c)
{
	a = a > b ? a : b;
	return a > c ? a : c;
}

/* Recomputes what v knows about its subtree. */
static void pull(struct vma *v)
{
	uintptr_t left = 0, right = 0;

	v->low = v->start;
	v->high = v->end;
	v->gap = 0;
	if (v->left) {
		v->low = v->left->low;
		left = max3(v->left->gap, v->start - v->left->high, 0);
	}
	if (v->right) {
		v->high = v->right->high;
		right = max3(v->right->gap, v->right->low - v->end, 0);
	}
	v->gap = left > right ? left : right;
}

/* a lies wholly below b. */
static struct vma *join(struct vma *a, struct vma *b)
{
	if (!a || !b)
		return a ? a : b;
	if (a->priority > b->priority) {
		a->right = join(a->right, b);
		pull(a);
		return a;
	}
	b->left = join(a, b->left);
	pull(b);
	return b;
}

/* *below: regions that start below addr, *above: the others. */
static void cut(struct vma *t, uintptr_t addr, struct vma **below, struct vma **above)
{
	if (!t) {
		*below = *above = NULL;
	} else if (t->start < addr) {
		cut(t->right, addr, &t->right, above);
		pull(t);
		*below = t;
	} else {
		cut(t->left, addr, below, &t->left);
		pull(t);
		*above = t;
	}
}

static void tree_insert(struct vma_map *m, struct vma *v)
{
	struct vma *below, *above;

	v->left = v->right = NULL;
	pull(v);
	cut(m->root, v->start, &below, &above);
	m->root = join(join(below, v), above);
	m->count++;
	m->file_count += v->file != NULL;
	m->bytes += v->end - v->start;
}

static void tree_remove(struct vma_map *m, struct vma *v)
{
	struct vma *below, *middle, *above;

	cut(m->root, v->start, &below, &above);
	cut(above, v->start + 1, &middle, &above);
	assert(middle == v && !v->left && !v->right);
	m->root = join(below, above);
	m->count--;
	m->file_count -= v->file != NULL;
	m->bytes -= v->end - v->start;
}

struct vma *vma_find(const struct vma_map *m, uintptr_t addr)
{
	struct vma *best = NULL;

	for (struct vma *v = m->root; v;) {
		if (v->end > addr) {
			best = v;
			if (v->start <= addr)
				break;
			v = v->left;
		} else {
			v = v->right;
		}
	}
	return best;
}

struct vma *vma_find_below(const struct vma_map *m, uintptr_t addr)
{
	struct vma *best = NULL;

	for (struct vma *v = m->root; v;) {
		if (v->start < addr) {
			best = v;
			v = v->right;
		} else {
			v = v->left;
		}
	}
	return best;
}

struct vma *vma_next(const struct vma_map *m, const struct vma *v)
{
	return vma_find(m, v->end);
}

static uint64_t pages(uintptr_t bytes)
{
	return bytes >> PAGE_SHIFT;
}

/* May a, which ends where the other thing starts, be one region with it? */
static bool alike(const struct vma *a, uint32_t prot, uint32_t flags, const struct file *file,
		  uint64_t pgoff)
{
	return a->prot == prot && a->flags == flags && a->file == file &&
	       !(flags & (VMA_IMAGE | VMA_GROWSDOWN)) &&
	       (!file || a->pgoff + pages(a->end - a->start) == pgoff);
}

static void destroy(struct vma *v)
{
	if (v->file)
		file_put(v->file);
	kfree(v);
}

/* Makes v and its successor one if they are alike. Returns what v has become. */
static struct vma *merge_next(struct vma_map *m, struct vma *v)
{
	struct vma *next = vma_next(m, v);

	if (!next || next->start != v->end ||
	    !alike(v, next->prot, next->flags, next->file, next->pgoff))
		return v;
	tree_remove(m, next);
	tree_remove(m, v);
	v->end = next->end;
	tree_insert(m, v);
	destroy(next);
	return v;
}

int vma_add(struct vma_map *m, uintptr_t start, uintptr_t end, uint32_t prot, uint32_t flags,
	    struct file *file, uint64_t pgoff)
{
	struct vma *v = vma_find_below(m, end);

	assert(start < end && (!v || v->end <= start));
	if (v && v->end == start && alike(v, prot, flags, file, pgoff)) {
		tree_remove(m, v);
		v->end = end;
		tree_insert(m, v);
		merge_next(m, v);
		return 0;
	}
	if (m->count >= VMA_MAX)
		return -ENOMEM;
	v = kzalloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->start = start;
	v->end = end;
	v->prot = prot;
	v->flags = flags;
	v->file = file ? file_get(file) : NULL;
	v->pgoff = pgoff;
	v->priority = next_priority();
	tree_insert(m, v);
	merge_next(m, v);
	return 0;
}

int vma_split(struct vma_map *m, uintptr_t addr)
{
	struct vma *v = vma_find(m, addr), *upper;

	if (!v || v->start >= addr)
		return 0;
	if (m->count >= VMA_MAX)
		return -ENOMEM;
	upper = kmalloc(sizeof(*upper));
	if (!upper)
		return -ENOMEM;
	tree_remove(m, v);
	*upper = *v;
	upper->priority = next_priority();
	upper->start = addr;
	if (upper->file) {
		upper->pgoff += pages(addr - v->start);
		file_get(upper->file);
	}
	v->end = addr;
	tree_insert(m, v);
	tree_insert(m, upper);
	return 0;
}

int vma_cut(struct vma_map *m, uintptr_t start, uintptr_t end)
{
	int err = vma_split(m, start);

	if (err)
		return err;
	err = vma_split(m, end);
	if (err) { /* undo the first */
		struct vma *v = vma_find_below(m, start);

		if (v && v->end == start)
			merge_next(m, v);
	}
	return err;
}

int vma_remove(struct vma_map *m, uintptr_t start, uintptr_t end)
{
	int err = vma_cut(m, start, end);

	if (err)
		return err;
	for (struct vma *v; (v = vma_find(m, start)) && v->start < end;) {
		tree_remove(m, v);
		destroy(v);
	}
	return 0;
}

void vma_change(struct vma_map *m, uintptr_t start, uintptr_t end, bool set_prot, uint32_t prot,
		uint32_t set, uint32_t clear)
{
	struct vma *v;

	for (v = vma_find(m, start); v && v->start < end; v = vma_next(m, v)) {
		assert(v->start >= start && v->end <= end);
		if (set_prot)
			v->prot = prot;
		v->flags = (v->flags & ~clear) | set;
	}
	v = vma_find_below(m, start);
	if (!v)
		v = vma_find(m, start);
	while (v && v->start <= end) {
		size_t before = m->count;

		v = merge_next(m, v);
		if (m->count == before)
			v = vma_next(m, v);
	}
}

void vma_resize(struct vma_map *m, struct vma *v, uintptr_t start, uintptr_t end)
{
	tree_remove(m, v);
	v->start = start;
	v->end = end;
	tree_insert(m, v);
}

/* The highest place in [lo, hi) for len bytes, 0 if they do not fit. */
static uintptr_t fit(uintptr_t lo, uintptr_t hi, size_t len, size_t align)
{
	uintptr_t p;

	if (hi <= lo || hi - lo < len)
		return 0;
	p = (hi - len) & ~(align - 1);
	return p >= lo ? p : 0;
}

/* Searches the holes of [lo, hi), of which t has every region. */
static uintptr_t gap_search(const struct vma *t, uintptr_t lo, uintptr_t hi, size_t len,
			    size_t align)
{
	uintptr_t p;

	if (!t)
		return fit(lo, hi, len, align);
	if (t->gap < len && (t->low <= lo || t->low - lo < len) &&
	    (hi <= t->high || hi - t->high < len))
		return 0;
	if (t->end < hi) {
		p = gap_search(t->right, t->end > lo ? t->end : lo, hi, len, align);
		if (p)
			return p;
	}
	if (t->start > lo)
		return gap_search(t->left, lo, t->start < hi ? t->start : hi, len, align);
	return 0;
}

uintptr_t vma_find_gap(const struct vma_map *m, size_t len, size_t align, uintptr_t min,
		       uintptr_t max)
{
	return gap_search(m->root, min, max, len, align);
}

bool vma_range_free(const struct vma_map *m, uintptr_t start, uintptr_t end)
{
	struct vma *v = vma_find(m, start);

	return !v || v->start >= end;
}

bool vma_range_mapped(const struct vma_map *m, uintptr_t start, uintptr_t end)
{
	for (struct vma *v = vma_find(m, start); v; v = vma_next(m, v)) {
		if (v->start > start)
			return false;
		start = v->end;
		if (start >= end)
			return true;
	}
	return start >= end;
}
