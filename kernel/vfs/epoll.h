/* epoll(7). See epoll.c for the locks. */
#pragma once
#include <stdbool.h>

struct file;

/*
 * An epoll_wait has reported several events and no other has been called since: the program is busy
 * with them, and will ask again before it waits for anything else. What would only add to its work,
 * or be seen by peers a little later, may be held back meanwhile. Also set by drivers that
 * have more to do once there is time.
 */
extern bool epoll_busy;
/* Called when epoll_busy is set and the program asks again, or has nothing to run: clears
 * epoll_busy. Set once, by the network; NULL before. No lock is held. */
extern void (*epoll_back)(void);

/* f is going away: takes it out of every epoll instance. Called once by file_put, when the
 * last reference is gone and f->epoll_items is not empty. */
void epoll_file_released(struct file *f);
