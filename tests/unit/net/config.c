#include "config.h"
#include <string.h>
#include "cmdline.h"
#include "net/netconfig.h"
#include "net/networds.h"
#include "vfs/etcfiles.h"

char config_resolv[2048];
unsigned config_progress;
struct cmdline cmdline = {.hostname = "unigornel"};
__attribute__((weak)) struct networds networds;

bool etcfiles_replace(const char *path, const char *text, size_t n)
{
	if (strcmp(path, "/etc/resolv.conf") == 0) {
		memcpy(config_resolv, text, n);
		config_resolv[n] = '\0';
	}
	return true;
}

void etcfiles_hostname(void)
{
}

void netconfig_progress(void)
{
	config_progress++;
}
