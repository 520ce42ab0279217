/* epoll(7). See epoll.c for the locks. */
#pragma once

struct file;

/* f is going away: takes it out of every epoll instance. Called once by file_put, when the
 * last reference is gone and f->epoll_items is not empty. */
void epoll_file_released(struct file *f);
