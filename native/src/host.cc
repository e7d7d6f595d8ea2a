#include "host.h"

#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <ctime>

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

Napi::Value BootTimeNs(const Napi::CallbackInfo& info) {
  timespec now;
  // Cannot fail: the kernel has this clock since 2.6.39.
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec));
}

}  // namespace spillway
