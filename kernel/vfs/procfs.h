/*
 * /proc and /sys, as far as programs on a machine for one program read them. Texts are made when a
 * file is opened, from what mm, sched and the others tell of themselves; nothing here has a lock.
 */
#pragma once
#include <stdint.h>

struct textbuf;
struct textfile;
struct inode;

/* Makes the trees. Ends the machine when memory is out. */
void procfs_init(void);

/* The parts, called by procfs_init. */
void proc_self_init(void);   /* /proc/self, /proc/1: proc_self.c */
void proc_fd_init(void);     /* /proc/1/fd, /proc/1/task: proc_fd.c */
void proc_system_init(void); /* meminfo and the like: proc_system.c */
void proc_sysctl_init(void); /* /proc/sys, /sys: proc_sysctl.c */

/* Texts of one thread (arg: its id; the process's are thread PROCESS_ID's). -ESRCH when it ended.
 */
extern const struct textfile proc_status_text, proc_stat_text, proc_comm_text;
