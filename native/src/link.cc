#include "link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <string>

#include "args.h"

namespace spillway {

int Link::fd() const { return link_ != nullptr ? bpf_link__fd(link_) : fd_; }

void Link::Release() {
  if (link_ == nullptr) {
    close(fd_);
    return;
  }
  if (pinned_) {
    // libbpf disables the perf event of a tracepoint's link before it closes it (bpf_link_perf_detach), and its probe would
    // stay silent from then on. The event's own descriptor is known to libbpf alone, and goes with this process.
    bpf_link__disconnect(link_);
    close(bpf_link__fd(link_));
  }
  // Its result is that of closing descriptors: there is nothing left to do about a failure.
  bpf_link__destroy(link_);
}

Napi::Value JsLink::Pin(const Napi::CallbackInfo& info) {
  std::string path;
  if (!ReadString(info, 0, "path", &path)) return {};
  int error = bpf_obj_pin(state()->fd(), path.c_str());
  if (error != 0) {
    ThrowBpfError(info.Env(), "pin link at " + path, error);
    return {};
  }
  state()->set_pinned();
  return info.Env().Undefined();
}

}  // namespace spillway
