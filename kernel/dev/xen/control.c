#include "dev/xen/control.h"
#include <asm/errno.h>
#include "dev/xen/xenstore.h"
#include "hyper/xen/suspend.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "sched/worker.h"
#include "sys/power.h"

static struct work suspend_work;

/*
 * Takes the request out of control/NODE: its text, owned by the caller, with the node emptied,
 * which is how the toolstack learns that we know. NULL: there is none (any more).
 */
static char *take_request(const char *node)
{
	xs_transaction t;
	char *value = NULL;
	int err;

	do {
		kfree(value);
		value = NULL;
		err = xs_transaction_start(&t);
		if (err)
			break;
		err = xs_read(t, "control", node, &value, NULL);
		if (err)
			value = NULL;
		else if (*value)
			err = xs_write(t, "control", node, "");
		if (err || !*value) {
			xs_transaction_end(t, true);
			break;
		}
		err = xs_transaction_end(t, false);
	} while (err == -EAGAIN);
	if (value && (err || !*value)) {
		kfree(value);
		value = NULL;
	}
	if (err && err != -ENOENT)
		printk("unigornel: xenstore: control/%s cannot be taken (%d)\n", node, err);
	return value;
}

static void suspend(struct work *w)
{
	int err = xen_suspend();

	(void)w;
	if (err)
		printk("unigornel: Xen does not suspend this domain (%d)\n", err);
}

static void shutdown_changed(struct xs_watch *w, const char *changed)
{
	static const struct {
		const char *text;
		enum power_request request;
	} requests[] = {{"poweroff", POWER_OFF}, {"reboot", POWER_REBOOT}, {"halt", POWER_HALT}};
	char *text = take_request("shutdown");

	(void)w;
	(void)changed;
	if (!text)
		return;
	for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
		if (!strcmp(text, requests[i].text)) {
			power_request(requests[i].request);
			goto out;
		}
	}
	/* Not from in here: watches are set anew in the course of it. */
	if (!strcmp(text, "suspend"))
		work_queue(&suspend_work);
	else
		printk("unigornel: xenstore: control/shutdown: \"%.20s\" is not supported\n", text);
out:
	kfree(text);
}

static void sysrq_changed(struct xs_watch *w, const char *changed)
{
	char *text = take_request("sysrq");

	(void)w;
	(void)changed;
	if (text)
		printk("unigornel: xenstore: control/sysrq: there are no such keys here\n");
	kfree(text);
}

static void start(struct work *w)
{
	static const char *const features[] = {"feature-poweroff", "feature-reboot",
					       "feature-suspend"};
	static struct xs_watch shutdown = {.path = "control/shutdown", .func = shutdown_changed},
			       sysrq = {.path = "control/sysrq", .func = sysrq_changed};
	int err = xs_watch_add(&shutdown);

	(void)w;
	xen_suspend_init();
	if (!err)
		err = xs_watch_add(&sysrq);
	for (unsigned i = 0; i < sizeof features / sizeof *features && !err; i++)
		err = xs_write(XS_NONE, "control", features[i], "1");
	if (err)
		printk("unigornel: xenstore: requests to end or to suspend may not arrive (%d)\n",
		       err);
}

void control_init(void)
{
	static struct work start_work;

	work_setup(&suspend_work, suspend);
	work_setup(&start_work, start);
	work_queue(&start_work);
}
