/*
 * Resource limits of the process, getrlimit(2). Those that the kernel enforces are read through
 * rlimit_get where they apply; reading needs no lock.
 */
#pragma once
#include <stdint.h>
#include <linux/resource.h>

/* The soft limit of resource (RLIMIT_NOFILE...); RLIM_INFINITY (all ones) for none. */
uint64_t rlimit_get(unsigned resource);
/* The hard limit. */
uint64_t rlimit_get_max(unsigned resource);
