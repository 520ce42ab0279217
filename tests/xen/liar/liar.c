/*
 * liar DOMAIN REF SECONDS WORD VALUE ...: what a backend that lies does to a ring in use. Maps the
 * page that DOMAIN has granted to dom0 as REF, which the real backend has mapped as well, and for
 * so many seconds writes VALUE again and again into WORD, a number of 32 bits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntdev.h>

int main(int argc, char **argv)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	int fd = open("/dev/xen/gntdev", O_RDWR);

	if (argc < 6 || fd < 0) {
		fprintf(stderr, "usage: liar DOMAIN REF SECONDS WORD VALUE ...\n");
		return 2;
	}
	map.refs[0].domid = (uint32_t)atoi(argv[1]);
	map.refs[0].ref = (uint32_t)atoi(argv[2]);
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map)) {
		perror("liar: map");
		return 1;
	}
	volatile uint32_t *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.index);
	if (page == MAP_FAILED) {
		perror("liar: mmap");
		return 1;
	}
	time_t end = time(NULL) + atoi(argv[3]);
	do {
		for (int i = 4; i + 1 < argc; i += 2)
			page[atoi(argv[i]) % 1024] = (uint32_t)atol(argv[i + 1]);
		usleep(200);
	} while (time(NULL) < end);
	puts("lied");
	return 0;
}
