#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>

#include "args.h"
#include "errors.h"

namespace spillway {
namespace {

/// 0, or the errno. `path` is an absolute path, or `@` and a name in the abstract namespace.
int Send(const std::string& path, const std::string& message) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // An abstract name has no terminator: its length is that of the address.
  bool abstract = path[0] == '@';
  if (path.size() + (abstract ? 0 : 1) > sizeof address.sun_path) return ENAMETOOLONG;
  memcpy(address.sun_path, path.data(), path.size());
  if (abstract) address.sun_path[0] = '\0';
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));

  // A socket for each message: the listener may be another one next time (systemctl daemon-reexec).
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  // Without waiting: the event loop must not stand still because the listener does.
  ssize_t sent = sendto(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                        reinterpret_cast<const sockaddr*>(&address), length);
  int error = sent < 0 ? errno : 0;
  close(fd);
  return error;
}

}  // namespace

Napi::Value SendNotification(const Napi::CallbackInfo& info) {
  std::string path, message;
  if (!ReadString(info, 0, "socket", &path) || !ReadString(info, 1, "message", &message)) return {};
  // What sd_notify(3) knows besides, vsock, is for what a whole virtual machine tells its host.
  int error = path.size() > 1 && (path[0] == '/' || path[0] == '@') ? Send(path, message) : EAFNOSUPPORT;
  if (error != 0) ThrowBpfError(info.Env(), "notify " + path, error);
  return info.Env().Undefined();
}

Napi::Value MonotonicUs(const Napi::CallbackInfo& info) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec / 1000));
}

}  // namespace spillway
