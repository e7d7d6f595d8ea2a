/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* socket -> (local address, peer address, protocol), asked of the kernel by its socket calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "setup.h"
#include "witness_counts.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

static bool is_mapped(const union address *a)
{
	return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
}

static void put_address(uint8_t *to, const union address *a)
{
	if (is_mapped(a))
		memcpy(to, &a->v6.sin6_addr.s6_addr[12], 4);
	else if (a->any.sa_family == AF_INET6)
		memcpy(to, &a->v6.sin6_addr, 16);
	else if (a->any.sa_family == AF_INET)
		memcpy(to, &a->v4.sin_addr, 4);
}

static int option(int fd, int name, const char *step)
{
	int value = 0;
	socklen_t length = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, name, &value, &length), step);
	return value;
}

static struct flow_key key_of(int fd)
{
	struct flow_key key = { 0 };
	union address local = { 0 }, peer = { 0 };
	socklen_t length = sizeof(local);
	int family = option(fd, SO_DOMAIN, "getsockopt SO_DOMAIN");

	if (family != AF_INET && family != AF_INET6) {
		key.family_plus_one = AF_UNSPEC + 1;
		return key;
	}
	must(getsockname(fd, &local.any, &length), "getsockname");
	length = sizeof(peer);
	/* no peer: the zero address of the family */
	if (getpeername(fd, &peer.any, &length) && errno != ENOTCONN)
		die("getpeername");
	if (is_mapped(&local))
		family = AF_INET;
	key.family_plus_one = family + 1;
	key.proto = option(fd, SO_PROTOCOL, "getsockopt SO_PROTOCOL");
	put_address(key.src, &local);
	put_address(key.dst, &peer);
	return key;
}

static uint32_t hash_of(const struct flow_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static void lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static uint32_t find_or_add(const struct flow_key *key)
{
	uint32_t slot = hash_of(key) & (FLOW_LIMIT - 1);

	while (witness->flows[slot].key.family_plus_one &&
	       memcmp(&witness->flows[slot].key, key, sizeof(*key)))
		slot = (slot + 1) & (FLOW_LIMIT - 1);
	if (!witness->flows[slot].key.family_plus_one) {
		if (witness->flow_count == FLOW_LIMIT - 1)
			die("more than %d flows", FLOW_LIMIT - 1);
		witness->flows[slot].key = *key;
		witness->flow_order[witness->flow_count++] = slot;
	}
	return slot;
}

uint32_t flow_slot(int fd)
{
	struct flow_key key = key_of(fd);
	uint32_t slot;

	lock(&witness->flow_lock);
	slot = find_or_add(&key);
	unlock(&witness->flow_lock);
	return slot;
}
