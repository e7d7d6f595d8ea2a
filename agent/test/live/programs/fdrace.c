/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * fdrace [T [M]] [--blocked R]
 *
 * Fd numbers that change under the calls that use them. T threads (4) make M attempts (20000) each, sendfile and
 * splice by turns, on numbers that two others close and reuse all the time for sockets, pipes, files and nothing.
 * Then, R times (50), the number of a socket on which a sendfile waits is given to a file before the wait ends.
 *
 * Attempts, bytes and results are exact. Whose flow an attempt was, when its number was another's at the
 * return, is nobody's to say: the witness counts no flows ("flowsCounted": false).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"
#include "setup.h"
#include "sockets.h"
#include "witness.h"

#define USAGE "fdrace [T [M]] [--blocked R]"
/* The contested numbers: far above those that open() gives out, so that nothing of our own is ever hit. */
#define FIRST_NUMBER 700
#define NUMBERS 4
#define CHANGERS 2
#define PAGE 4096

static struct {
	long attempts;
	bool stop;
	pthread_barrier_t start;
	int file;
	/* what the numbers stand for by turns; all nonblocking: nobody reads */
	int files[6];
} run;

static void nothing_waits(void)
{
	struct pair udp = udp_pair("127.0.0.1", "127.0.0.1"), tcp = tcp_pair("127.0.0.1");
	struct pipe p = make_pipe();

	set_nonblocking(p.read, true);
	set_nonblocking(p.write, true);
	/* SPLICE_F_NONBLOCK is about pipes: as a source, a blocking socket would still wait */
	set_nonblocking(tcp.tx, true);
	set_nonblocking(udp.tx, true);
	run.files[0] = udp.tx;
	run.files[1] = p.write;
	run.files[2] = p.read;
	run.files[3] = tcp.tx;
	run.files[4] = must(open("/dev/null", O_WRONLY), "open /dev/null");
	run.files[5] = run.file;
}

static int contested(unsigned int *seed)
{
	return FIRST_NUMBER + rand_r(seed) % NUMBERS;
}

static void *change(void *argument)
{
	unsigned int seed = (long)argument;

	pthread_barrier_wait(&run.start);
	while (!__atomic_load_n(&run.stop, __ATOMIC_RELAXED)) {
		int number = contested(&seed), what = rand_r(&seed) % 8;

		if (what < 6)
			must(dup2(run.files[what], number), "dup2");
		else
			close(number); /* EBADF when it is closed already */
	}
	return NULL;
}

static void *use(void *argument)
{
	unsigned int seed = 1000 + (long)argument;

	pthread_barrier_wait(&run.start);
	for (long i = 0; i < run.attempts; i++) {
		off_t offset = 0;

		if (i % 2)
			attempt_sendfile(contested(&seed), run.file, &offset, 64);
		else
			attempt_splice(contested(&seed), NULL, contested(&seed), NULL, 64, SPLICE_F_NONBLOCK);
	}
	return NULL;
}

static void race(int users)
{
	pthread_t changers[CHANGERS], *all = calloc(users, sizeof(*all));

	nothing_waits();
	for (int i = 0; i < NUMBERS; i++)
		must(dup2(run.files[i], FIRST_NUMBER + i), "dup2");
	must_pthread(pthread_barrier_init(&run.start, NULL, users + CHANGERS), "pthread_barrier_init");
	for (long i = 0; i < CHANGERS; i++)
		start_thread(&changers[i], change, (void *)i);
	for (long i = 0; i < users; i++)
		start_thread(&all[i], use, (void *)i);
	for (int i = 0; i < users; i++)
		join_thread(all[i]);
	__atomic_store_n(&run.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < CHANGERS; i++)
		join_thread(changers[i]);
	free(all);
}

static void *send_until_done(void *argument)
{
	off_t offset = 0;

	attempt_sendfile(*(int *)argument, run.file, &offset, PAGE);
	return NULL;
}

/* A connection that takes no byte more: TCP now and then only, because filling it takes its time. */
static struct pair full_pair(int i)
{
	struct pair pair = i % 10 ? unix_pair(SOCK_STREAM) : tcp_pair("127.0.0.1");

	if (i % 10)
		fill(pair.tx);
	else
		fill_pair(pair);
	return pair;
}

/* The call keeps the socket; the number is another's when it returns. */
static void change_under_a_wait(int i)
{
	struct pair pair = full_pair(i);
	int other = i % 2 ? make_memfd(PAGE) : must(open("/dev/null", O_WRONLY), "open /dev/null");
	pthread_t sender;

	start_thread(&sender, send_until_done, &pair.tx);
	usleep(2000);
	/* now the waiting call alone holds the socket: the reader comes to its end when it has let go */
	must(dup2(other, pair.tx), "dup2");
	while (recv(pair.rx, (char[65536]){ 0 }, 65536, 0) > 0)
		;
	join_thread(sender);
	shut(other);
	shut_pair(pair);
}

int main(int argc, char **argv)
{
	long waits = number(take_option(&argc, argv, "--blocked", "50"), 0, "--blocked");
	int users;

	no_options_left(argc, argv, USAGE);
	if (argc > 3)
		usage(USAGE);
	users = argc > 1 ? number(argv[1], 1, "T") : 4;
	run.attempts = argc > 2 ? number(argv[2], 0, "M") : 20000;
	signal(SIGPIPE, SIG_IGN);
	witness_open();
	witness_without_flows();
	run.file = make_memfd(PAGE);
	race(users);
	for (long i = 0; i < waits; i++)
		change_under_a_wait(i);
	witness_print(0, ",\"flowsCounted\":false");
	return 0;
}
