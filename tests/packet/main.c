/*
 * Runs the cases.   test_packet [-v] [-l] [NAME-PREFIX | NAME=]...
 *
 * -v shows every packet, -l lists the cases. Each runs in a child; what it did is shown if it
 * fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "machine.h"
#include "peer.h"

#define LOG_SIZE (1u << 20)
/* Shared with the child, so that it outlives a crash. */
static struct {
	size_t used;
	char text[LOG_SIZE];
} * record;
bool log_now;
static struct packet_case *cases;
static struct packet_case *running;

void case_register(struct packet_case *k)
{
	struct packet_case **p = &cases;

	while (*p && (strcmp((*p)->file, k->file) <= 0))
		p = &(*p)->next;
	k->next = *p;
	*p = k;
}

double now_ms(void)
{
	return (double)(machine_now() - 1000000000000ul) / 1e6;
}

void run_ms(double ms)
{
	machine_run_until(machine_now() + (uint64_t)(ms * 1e6));
}

void log_line(const char *fmt, ...)
{
	va_list ap;
	char line[512];

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (log_now)
		printf("%12.3f %s\n", now_ms(), line);
	else if (record && record->used < LOG_SIZE - 600)
		record->used +=
		    (size_t)sprintf(record->text + record->used, "%12.3f %s\n", now_ms(), line);
}

void log_dump(void)
{
	/* The end of it is what matters. */
	char *from = record->text;

	if (record->used > 6000) {
		from += record->used - 6000;
		while (*from != '\n')
			from++;
		printf("  ...");
	}
	fwrite(from, 1, record->used - (size_t)(from - record->text), stdout);
}

void note(const char *fmt, ...)
{
	va_list ap;
	char line[256];

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	log_line("# %s", line);
}

void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	log_dump();
	record->used = 0;
	printf("%12.3f FAILS: ", now_ms());
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%s:%d: %s (%s)\n", file, line, running ? running->what : "",
	       running ? running->source : "");
	fflush(stdout);
	_exit(1);
}

/* Events of the peer: a heap by time, then by number. */
struct event {
	uint64_t at, number;
	void (*func)(void *);
	void *arg;
};
static struct event *events;
static size_t nevents, room_events;
static uint64_t event_number;

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void event_add(double ms, void (*func)(void *), void *arg)
{
	struct event e = {machine_now() + (uint64_t)(ms * 1e6), event_number++, func, arg};

	if (nevents == room_events) {
		room_events = room_events ? 2 * room_events : 64;
		events = realloc(events, room_events * sizeof *events);
	}
	size_t i = nevents++;
	for (; i && earlier(&e, &events[(i - 1) / 2]); i = (i - 1) / 2)
		events[i] = events[(i - 1) / 2];
	events[i] = e;
}

static uint64_t next_event(void)
{
	return nevents ? events[0].at : UINT64_MAX;
}

static struct event take_event(void)
{
	struct event first = events[0], last = events[--nevents];
	size_t i = 0;

	for (size_t k; (k = 2 * i + 1) < nevents; i = k) {
		if (k + 1 < nevents && earlier(&events[k + 1], &events[k]))
			k++;
		if (!earlier(&events[k], &last))
			break;
		events[i] = events[k];
	}
	events[i] = last;
	return first;
}

/* One: what it makes happen may bring another at the same time. */
static void run_events(uint64_t now)
{
	if (nevents && events[0].at <= now) {
		struct event e = take_event();
		e.func(e.arg);
	}
}

void events_clear(void)
{
	nevents = 0;
}

void machine_add_route(const char *gateway);

static void child(struct packet_case *k)
{
	/* A minute of CPU time: a busy machine may need many for it. */
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = 60}, NULL);
	alarm(1200);
	running = k;
	machine_seed(1);
	frames_init();
	machine_next_event = next_event;
	machine_run_events = run_events;
	machine_start(offload);
	if (!(k->flags & NO_ADDRESS)) {
		machine_add_address("192.0.2.1", 24);
		machine_add_address("2001:db8::1", 64);
		machine_add_route("192.0.2.2");
		run_ms(5000); /* duplicate address detection */
		machine_add_route("2001:db8::2");
	}
	conn_new(80);
	uint64_t packets = packets_alive(), sockets = sockets_alive();
	log_line("# begins");
	k->run();
	log_line("# ends");
	machine_close_all();
	tcp_drop_all(0);
	for (int i = 0; i < 60; i++) {
		run_ms(60e3);
		tcp_drop_all(0);
	}
	if (sockets_alive() != sockets)
		fail(k->file, 0, "%ld sockets are left an hour after the end",
		     (long)(sockets_alive() - sockets));
	/* Configuration protocols may hold some that they did not at first. */
	if (packets_alive() > packets)
		fail(k->file, 0, "%ld packets and buffers are left an hour after the end",
		     (long)(packets_alive() - packets));
	fflush(stdout);
	exit(0);
}

static bool chosen(const struct packet_case *k, int argc, char **argv)
{
	bool any = false;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		any = true;
		size_t n = strlen(argv[i]);
		if (argv[i][n - 1] == '=' ? strncmp(k->name, argv[i], n - 1) == 0 && !k->name[n - 1]
					  : strncmp(k->name, argv[i], n) == 0)
			return true;
	}
	return !any;
}

int main(int argc, char **argv)
{
	unsigned run = 0, failed = 0;
	static const char *bad[2000];

	record =
	    mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-v") == 0)
			log_now = true;
	for (struct packet_case *k = cases; k; k = k->next) {
		if (!chosen(k, argc, argv))
			continue;
		if (argc > 1 && strcmp(argv[1], "-l") == 0) {
			printf("%-32s %s: %s\n", k->name, k->source, k->what);
			run++;
			continue;
		}
		for (int family = 0; family < 2; family++) {
			char name[80];
			int status;

			if (k->flags & (family ? ONLY_V4 : ONLY_V6))
				continue;
			v6 = offload = family;
			snprintf(name, sizeof name, "%s_%s", k->name, family ? "v6" : "v4");
			run++;
			printf("[ RUN      ] %s\n", name);
			record->used = 0;
			pid_t pid = fork();
			if (pid == 0)
				child(k);
			if (pid < 0 || waitpid(pid, &status, 0) != pid)
				return 2;
			if (status == 0) {
				printf("[       OK ] %s\n", name);
				continue;
			}
			log_dump();
			if (WIFSIGNALED(status))
				printf("%s: killed by signal %d\n", name, WTERMSIG(status));
			printf("[  FAILED  ] %s\n", name);
			if (failed < 2000)
				bad[failed] = strdup(name);
			failed++;
		}
	}
	printf("%u cases run, %u failed\n", run, failed);
	for (unsigned i = 0; i < failed && i < 2000; i++)
		printf("  %s\n", bad[i]);
	return failed != 0;
}
