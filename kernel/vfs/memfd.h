/* memfd_create(2): files without a name, and their seals (fcntl(2), "File sealing"). */
#pragma once

struct file;

/* 0, -EINVAL (not a memfd, unknown seals), -EPERM (sealed, not writable), -EBUSY (mapped). */
long memfd_add_seals(struct file *f, unsigned seals);
long memfd_get_seals(struct file *f);
