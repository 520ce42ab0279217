/* Filling the tree from cpio archives. */
#pragma once
#include <stddef.h>
#include "vfs/filedata.h"

/*
 * Unpacks the archive over what is there. File data stays where it is: backing (NULL: memory that
 * lives for ever) gets a reference from each file that uses it. 0, or -errno with *error naming
 * what is wrong with the archive; what came before is unpacked then.
 */
int unpack_cpio(const void *archive, size_t n, struct backing *backing, const char **error);
