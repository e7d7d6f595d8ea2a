// A program's attachment to its hook.
#pragma once

#include <memory>

#include "object.h"

struct bpf_link;

namespace spillway {

/// Detaches when closed.
class Link final : public Resource {
 public:
  Link(std::shared_ptr<Object> object, bpf_link* link)
      : Resource(object->environment(), object->children()), object_(std::move(object)), link_(link) {}
  ~Link() override { Close(); }

 private:
  void Release() override;

  std::shared_ptr<Object> object_;
  bpf_link* link_;
};

/// The class Link of lib/index.ts.
class JsLink : public Wrap<JsLink, Link> {
 public:
  static constexpr const char* kName = "Link";
  static constexpr napi_type_tag kTag = {0xe07b3d94c5a1426f, 0x97f08c6d1e2b54a3};
  using Wrap::Wrap;

  static void Define(Napi::Env env) { Wrap::Define(env, {CloseMethod()}); }
};

}  // namespace spillway
