// A map of an object: single entries by key, and the ways to its bulk.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "object.h"

struct bpf_map;

namespace spillway {

/// A view into an object: nothing to close, unusable when the object is.
struct MapRef {
  std::shared_ptr<Object> object;
  bpf_map* map;

  MapRef(std::shared_ptr<Object> from, bpf_map* what) : object(std::move(from)), map(what) {}
  const char* Unusable() const { return object->Unusable(); }
};

/// The class BpfMap of lib/index.ts.
class JsMap : public Wrap<JsMap, MapRef> {
 public:
  static constexpr const char* kName = "BpfMap";
  static constexpr napi_type_tag kTag = {0x2c96f14ab8e3470d, 0xd35a7e809f4c612b};
  using Wrap::Wrap;

  static void Define(Napi::Env env);

 private:
  Napi::Value Name(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value Delete(const Napi::CallbackInfo& info);
  Napi::Value MapRegion(const Napi::CallbackInfo& info);
  Napi::Value Consume(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value Reuse(const Napi::CallbackInfo& info);

  /// `lookup in flows`, for messages.
  std::string Operation(const char* verb) const;
};

}  // namespace spillway
