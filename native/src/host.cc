#include "host.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <climits>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "args.h"
#include "errors.h"

namespace spillway {

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) {
  uint64_t pid;
  if (!ReadInteger(info, 0, "pid", INT_MAX, &pid)) return {};
  // Not glibc's pidfd_open(), which came with 2.36. The kernel sets close-on-exec by itself.
  long fd = syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0);
  if (fd < 0) {
    ThrowBpfError(info.Env(), "pidfd_open " + std::to_string(pid), errno);
    return {};
  }
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

Napi::Value LockFile(const Napi::CallbackInfo& info) {
  uint64_t fd;
  if (!ReadInteger(info, 0, "fd", INT_MAX, &fd)) return {};
  bool is_ours = flock(static_cast<int>(fd), LOCK_EX | LOCK_NB) == 0;
  if (!is_ours && errno != EWOULDBLOCK) {
    ThrowBpfError(info.Env(), "lock descriptor " + std::to_string(fd), errno);
    return {};
  }
  return Napi::Boolean::New(info.Env(), is_ours);
}

namespace {

/// What may be opened without waiting for anybody: files of these are memory.
bool IsMemory(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC);
}

}  // namespace

Napi::Value SealsOf(const Napi::CallbackInfo& info) {
  std::string path;
  if (!ReadString(info, 0, "path", &path)) return {};
  // First without opening it: whoever has the file may have put another one in its place.
  int place = open(path.c_str(), O_PATH | O_CLOEXEC);
  int error = place < 0 ? errno : IsMemory(place) ? 0 : EINVAL;
  int fd = -1;
  if (error == 0) {
    fd = open(("/proc/self/fd/" + std::to_string(place)).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) error = errno;
  }
  int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
  if (fd >= 0 && seals < 0) error = errno;
  if (fd >= 0) close(fd);
  if (place >= 0) close(place);
  if (error != 0) {
    ThrowBpfError(info.Env(), "seals of " + path, error);
    return {};
  }
  return Napi::Number::New(info.Env(), seals);
}

Napi::Value BootTimeNs(const Napi::CallbackInfo& info) {
  timespec now;
  // Cannot fail: the kernel has this clock since 2.6.39.
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec));
}

namespace {

/// A mapping of /proc/PID/smaps, as far as its lines were read.
struct Mapping {
  uintptr_t start = 0, end = 0;
  /// Read-only and private, of a file: what is in it can be read from there again.
  bool is_readable_again = false;
};

/// Its first line (`start-end perms offset dev inode path`); false for any other.
bool ReadMapping(const std::string& line, Mapping* out) {
  uintptr_t start, end;
  unsigned long inode;
  char perms[5];
  int fields = sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &start, &end, perms, &inode);
  if (fields != 4) return false;
  *out = {start, end, perms[0] == 'r' && perms[1] == '-' && perms[3] == 'p' && inode != 0};
  return true;
}

}  // namespace

Napi::Value ReleaseFilePages(const Napi::CallbackInfo& info) {
  std::ifstream smaps("/proc/self/smaps");
  Mapping mapping;
  double released = 0;
  unsigned long resident = 0, size;
  for (std::string line; std::getline(smaps, line);) {
    if (ReadMapping(line, &mapping)) continue;
    if (sscanf(line.c_str(), "Rss: %lu kB", &size) == 1) resident = size;
    // Pages of its own are no longer those of the file: relocations, and breakpoints of a debugger.
    if (sscanf(line.c_str(), "Anonymous: %lu kB", &size) != 1 || size != 0 || !mapping.is_readable_again || resident == 0) continue;
    // What is locked in memory stays there.
    if (madvise(reinterpret_cast<void*>(mapping.start), mapping.end - mapping.start, MADV_DONTNEED) == 0) released += resident * 1024.0;
  }
  return Napi::Number::New(info.Env(), released);
}

}  // namespace spillway
