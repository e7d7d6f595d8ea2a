// A program's attachment to its hook.
#pragma once

#include <memory>

#include "object.h"

struct bpf_link;

namespace spillway {

/// Detaches when closed, unless it is pinned.
class Link final : public Resource {
 public:
  Link(std::shared_ptr<Object> object, bpf_link* link)
      : Resource(object->environment(), object->children()), object_(std::move(object)), link_(link) {}
  /// A link that libbpf does not know.
  Link(std::shared_ptr<Object> object, int fd) : Resource(object->environment(), object->children()), object_(std::move(object)), fd_(fd) {}
  ~Link() override { Close(); }

  int fd() const;
  void set_pinned() { pinned_ = true; }

 private:
  void Release() override;

  std::shared_ptr<Object> object_;
  bpf_link* link_ = nullptr;
  int fd_ = -1;
  bool pinned_ = false;
};

/// The class Link of lib/index.ts.
class JsLink : public Wrap<JsLink, Link> {
 public:
  static constexpr const char* kName = "Link";
  static constexpr napi_type_tag kTag = {0xe07b3d94c5a1426f, 0x97f08c6d1e2b54a3};
  using Wrap::Wrap;

  static void Define(Napi::Env env) { Wrap::Define(env, {Method<&JsLink::Pin>("pin"), CloseMethod()}); }

 private:
  Napi::Value Pin(const Napi::CallbackInfo& info);
};

}  // namespace spillway
