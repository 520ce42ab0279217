/* What the configuration protocols reach beyond the network, faked: the files that they write. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

extern char config_resolv[2048]; /* /etc/resolv.conf */
extern unsigned config_progress; /* calls of netconfig_progress */
