/* /proc and /sys, as far as programs on one machine for one program read them. */
#pragma once

/* Makes the trees. Ends the machine when memory is out. */
void procfs_init(void);
