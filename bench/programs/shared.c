// What adding to one record costs when threads share its cache lines: shared THREADS MODE MILLISECONDS [WORK] prints nanoseconds of
// processor time an attempt. MODE: `one` record for all, `own` ones, or `line`: own words in lines that all share. WORK: steps of
// other work between two attempts, of a nanosecond or so each. With real-time priority where that is allowed: what shares no
// processor with others runs at the same time, which is what it is about.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_THREADS 256
#define LINE 64
// An attempt adds to two words of its process' record and to two of its flow's: two lines.
#define RECORD (2 * LINE)
#define ADDITIONS 4

static _Alignas(LINE) unsigned char memory[MOST_THREADS * RECORD];
static atomic_bool stop;
static long work_steps;

struct worker {
	_Alignas(LINE) pthread_t thread;
	unsigned char *words[ADDITIONS];
	uint64_t attempts;
	uint64_t ns;
	int cpu;
};

// Each step needs the one before, and nothing of memory.
static uint64_t do_other_work(uint64_t value)
{
	for (long i = 0; i < work_steps; i++)
		value = value * 6364136223846793005 + 1442695040888963407;
	return value;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(worker->cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	uint64_t attempts = 0;
	volatile uint64_t value = (uint64_t)worker->cpu;
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < 1000; i++) {
			if (work_steps)
				value = do_other_work(value);
			for (int word = 0; word < ADDITIONS; word++)
				atomic_fetch_add_explicit((_Atomic uint64_t *)worker->words[word], 1, memory_order_relaxed);
		}
		attempts += 1000;
	}
	struct timespec used;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	worker->ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
	worker->attempts = attempts;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 4 && argc != 5)
		return 2;
	int threads = atoi(argv[1]);
	const char *mode = argv[2];
	long milliseconds = atol(argv[3]);
	work_steps = argc > 4 ? atol(argv[4]) : 0;
	if (threads < 1 || threads > MOST_THREADS)
		return 2;
	static struct worker workers[MOST_THREADS];
	cpu_set_t all;
	sched_getaffinity(0, sizeof all, &all);
	int cpu = -1;
	for (int i = 0; i < threads; i++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		workers[i].cpu = cpu;
		for (int word = 0; word < ADDITIONS; word++) {
			size_t line = (size_t)(word / 2) * LINE;
			size_t place = (size_t)(word % 2) * 8;
			if (strcmp(mode, "own") == 0)
				line += (size_t)i * RECORD;
			else if (strcmp(mode, "line") == 0)
				place = (size_t)(i % 8) * 8;
			else if (strcmp(mode, "one") != 0)
				return 2;
			workers[i].words[word] = memory + line + place;
		}
	}
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
	// who ends it must not wait for those who work
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 2 });
	for (int i = 0; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	nanosleep(&time, NULL);
	atomic_store(&stop, 1);
	uint64_t sum = 0, ns = 0;
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		sum += workers[i].attempts;
		ns += workers[i].ns;
	}
	printf("%.1f\n", (double)ns / (double)sum);
	return 0;
}
