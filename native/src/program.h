// A program of an object: what it is, where it hangs, one run of it.
#pragma once

#include <memory>
#include <utility>

#include "object.h"

struct bpf_program;

namespace spillway {

/// A view into an object: nothing to close, unusable when the object is.
struct ProgramRef {
  std::shared_ptr<Object> object;
  bpf_program* program;

  ProgramRef(std::shared_ptr<Object> from, bpf_program* what) : object(std::move(from)), program(what) {}
  const char* Unusable() const { return object->Unusable(); }
};

/// The class Program of lib/index.ts.
class JsProgram : public Wrap<JsProgram, ProgramRef> {
 public:
  static constexpr const char* kName = "Program";
  static constexpr napi_type_tag kTag = {0x41e85b0d73f2496c, 0x8a0d2e5f6b91c347};
  using Wrap::Wrap;

  static void Define(Napi::Env env);

 private:
  Napi::Value Name(const Napi::CallbackInfo& info);
  Napi::Value Section(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value Iterate(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value Adopt(const Napi::CallbackInfo& info);
  Napi::Value AdoptLink(const Napi::CallbackInfo& info);
};

}  // namespace spillway
