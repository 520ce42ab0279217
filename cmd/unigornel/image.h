/* Images as files: is it one of ours, is it whole, what does it need. */
#pragma once
#include "util.h"

struct image_info {
	uint64_t end;  /* first byte of physical memory behind it */
	char *version; /* of the tool that made it */
	char *go_version;
	bool network; /* it has the network stack, as its program opens sockets */
};

/* Reads the headers. NULL if it is an image of ours; else what is wrong with it, as the end of a
 * sentence that begins with its name; allocated. */
char *image_check(const char *path, struct image_info *info);
/* Prints what an image supports: versions, network, how it boots, drivers, memory, packed files. 0;
 * 1 with a message if it is no image. image_report.c. */
int image_report(const char *path);
/* True if the file starts as an ELF file does. */
bool image_is_elf(const char *path);
