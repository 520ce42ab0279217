/* Events of the network's configuration (net/netif.h): told to whoever has asked, in that order. */
#include "net/netif.h"

static struct list notifiers = LIST_INIT(notifiers);

void net_notifier_add(struct net_notifier *n)
{
	list_add_tail(&notifiers, &n->link);
}

void net_notify(enum net_event event, void *object)
{
	list_for_each_entry (n, &notifiers, struct net_notifier, link) {
		n->func(event, object);
	}
}
