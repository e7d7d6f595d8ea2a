/* What elfutils' configure would find for libelf with gcc or clang on glibc 2.28 and newer: the crate
 * brings no configure, and this is all that libelf asks of it. No zstd: our objects are never
 * compressed, and without it libelf needs only zlib. No locks: each Elf stays on one thread.
 */
#pragma once

#define HAVE_DECL_MEMPCPY 1
#define HAVE_DECL_POWEROF2 1
#define HAVE_DECL_RAWMEMCHR 1
#define HAVE_DECL_REALLOCARRAY 1
#define HAVE_ERROR_H 1
#define HAVE_FALLTHROUGH 1
#define HAVE_STDATOMIC_H 1
#define HAVE_VISIBILITY 1

/* configure ends every config.h with this (AH_BOTTOM in configure.ac). */
#include <eu-config.h>
