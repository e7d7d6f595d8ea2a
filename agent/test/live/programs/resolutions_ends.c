/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The program closes, exits, or does something else. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exactly.h"
#include "resolutions.h"
#include "setup.h"

static char block[PAGE];

/* With one of the two files gone it is over: what is done with the other is something else. */
static void close_source(void)
{
	struct refused_pair pair = status_to_socket();

	refuse_sendfile(pair);
	shut(pair.source);
	exactly("write", write(pair.sink, new_page(), 100), 100);
	ends(SENDFILE, ABANDONED, PRESUMED);
}

static void close_sink(void)
{
	struct refused_pair pair = status_to_socket();

	refuse_sendfile(pair);
	shut(pair.sink);
	must(read(pair.source, block, PAGE), "read");
	ends(SENDFILE, ABANDONED, PRESUMED);
}

static void close_only(void)
{
	struct refused_pair pair = status_to_socket();

	refuse_sendfile(pair);
	shut(pair.source);
	shut(pair.sink);
	ends(SENDFILE, ABANDONED, ABANDONED);
}

/* Once closed it is over: what is read then is another file, though its number is the same. */
static void close_then_read_another(void)
{
	struct refused_pair pair = status_to_socket();

	refuse_sendfile(pair);
	shut(pair.source);
	exactly("the same number", open("/proc/self/status", O_RDONLY), pair.source);
	must(read(pair.source, block, PAGE), "read another file");
	ends(SENDFILE, ABANDONED, PRESUMED);
}

static void dup2_over_source(void)
{
	struct refused_pair pair = status_to_socket();
	int other = make_memfd(PAGE);

	refuse_sendfile(pair);
	must(dup2(other, pair.source), "dup2");
	exactly("write", write(pair.sink, new_page(), 100), 100);
	ends(SENDFILE, ABANDONED, PRESUMED);
}

static void dup3_over_sink(void)
{
	struct refused_pair pair = status_to_socket();
	int other = make_memfd(PAGE);

	refuse_sendfile(pair);
	must(dup3(other, pair.sink, O_CLOEXEC), "dup3");
	must(read(pair.source, block, PAGE), "read");
	ends(SENDFILE, ABANDONED, PRESUMED);
}

static void *be_refused(void *argument)
{
	refuse_sendfile(*(struct refused_pair *)argument);
	return NULL;
}

static void thread_exits(void)
{
	struct refused_pair pair = status_to_socket();
	pthread_t thread;

	start_thread(&thread, be_refused, &pair);
	join_thread(thread);
	ends(SENDFILE, ABANDONED, ABANDONED);
	/* the source, but by another thread, and too late */
	must(read(pair.source, block, PAGE), "read");
}

static void process_exits(void)
{
	refuse_sendfile(status_to_socket());
	ends(SENDFILE, ABANDONED, ABANDONED);
}

static _Noreturn void become_true(void)
{
	execl("/bin/true", "true", NULL);
	die("exec /bin/true");
}

static void execs(void)
{
	struct refused_pair pair = status_to_socket();
	pid_t child = must(fork(), "fork");

	/* once before, so that no disk has to be waited for behind the refusal: half a second later it is presumed */
	if (!child)
		become_true();
	must(waitpid(child, NULL, 0), "waitpid");
	refuse_sendfile(pair);
	ends(SENDFILE, ABANDONED, PRESUMED);
	become_true();
}

/* The child has the files too, but it is another process. */
static void child_reads(void)
{
	struct refused_pair pair = status_to_socket();
	pid_t child;

	refuse_sendfile(pair);
	child = must(fork(), "fork");
	if (!child)
		_exit(read(pair.source, block, PAGE) <= 0);
	must(waitpid(child, NULL, 0), "waitpid");
	ends(SENDFILE, ABANDONED, ABANDONED);
}

static void does_nothing(void)
{
	struct refused_pair pair = status_to_socket();

	refuse_sendfile(pair);
	sleep_milliseconds(1200);
	ends(SENDFILE, PRESUMED, PRESUMED);
	/* too late to be told apart */
	must(read(pair.source, block, PAGE), "read");
}

/* Four are remembered: the first has to make room. */
static void five_pairs(void)
{
	struct refused_pair pairs[5];

	for (int i = 0; i < 5; i++)
		pairs[i] = status_to_socket();
	for (int i = 0; i < 5; i++)
		refuse_sendfile(pairs[i]);
	ends(SENDFILE, PRESUMED, PRESUMED);
	for (int i = 1; i < 5; i++)
		ends(SENDFILE, ABANDONED, ABANDONED);
}

static void five_pairs_then_read_two(void)
{
	struct refused_pair pairs[5];

	for (int i = 0; i < 5; i++)
		pairs[i] = status_to_socket();
	for (int i = 0; i < 5; i++)
		refuse_sendfile(pairs[i]);
	must(read(pairs[0].source, block, PAGE), "read the first");
	ends(SENDFILE, PRESUMED, PRESUMED);
	must(read(pairs[1].source, block, PAGE), "read the second");
	ends(SENDFILE, CONFIRMED, PRESUMED);
	for (int i = 2; i < 5; i++)
		ends(SENDFILE, ABANDONED, PRESUMED);
}

static void four_pairs_read_backwards(void)
{
	struct refused_pair pairs[4];

	for (int i = 0; i < 4; i++)
		pairs[i] = status_to_socket();
	for (int i = 0; i < 4; i++)
		refuse_sendfile(pairs[i]);
	for (int i = 3; i >= 0; i--) {
		must(read(pairs[i].source, block, PAGE), "read");
		ends(SENDFILE, CONFIRMED, PRESUMED);
	}
}

static void reads_other_files(void)
{
	struct refused_pair pair = status_to_socket(), other = file_to_log();

	refuse_sendfile(pair);
	exactly("read", read(other.source, block, PAGE), PAGE);
	exactly("write", write(other.sink, block, PAGE), PAGE);
	shut(pair.source);
	ends(SENDFILE, ABANDONED, PRESUMED);
}

/* Not the source to its end, nor the sink: nothing was moved. */
static void reads_nothing(void)
{
	struct refused_pair pair = file_to_log();

	refuse_sendfile(pair);
	exactly("read at the end", pread(pair.source, block, PAGE, PAGE), 0);
	exactly("write of nothing", write(pair.sink, block, 0), 0);
	shut(pair.source);
	ends(SENDFILE, ABANDONED, ABANDONED);
}

static void *read_source(void *argument)
{
	must(read(((struct refused_pair *)argument)->source, block, PAGE), "read");
	return NULL;
}

static void other_thread_reads(void)
{
	struct refused_pair pair = status_to_socket();
	pthread_t thread;

	refuse_sendfile(pair);
	start_thread(&thread, read_source, &pair);
	join_thread(thread);
	ends(SENDFILE, ABANDONED, ABANDONED);
}

const struct named_case end_cases[] = {
	{ "close-source", close_source },
	{ "close-sink", close_sink },
	{ "close-only", close_only },
	{ "close-then-read-another", close_then_read_another },
	{ "dup2-over-source", dup2_over_source },
	{ "dup3-over-sink", dup3_over_sink },
	{ "thread-exits", thread_exits },
	{ "process-exits", process_exits },
	{ "execs", execs },
	{ "child-reads", child_reads },
	{ "does-nothing", does_nothing },
	{ "five-pairs", five_pairs },
	{ "five-pairs-then-read-two", five_pairs_then_read_two },
	{ "four-pairs-read-backwards", four_pairs_read_backwards },
	{ "reads-other-files", reads_other_files },
	{ "reads-nothing", reads_nothing },
	{ "other-thread-reads", other_thread_reads },
	{ NULL, NULL },
};
