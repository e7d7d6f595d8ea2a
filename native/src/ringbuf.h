// Records of a BPF ring buffer, delivered from the event loop in batches.
#pragma once

#include <napi.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "object.h"

struct bpf_map;
struct ring_buffer;

namespace spillway {

/// Like every active handle of a loop it stays until it is closed, also when JavaScript has dropped
/// it: it holds itself, and through its object all that it reads from.
class Ring final : public Resource, public std::enable_shared_from_this<Ring> {
 public:
  /// Null, with an errno in *error, when that fails; EBUSY for a map that is being consumed already.
  static std::shared_ptr<Ring> Consume(std::shared_ptr<Object> object, const bpf_map* map, size_t length, Napi::Function on_records,
                                       int* error);
  Ring(std::shared_ptr<Object> object, const bpf_map* map, size_t length);
  ~Ring() override { Close(); }

  uint64_t malformed() const { return malformed_; }
  void KeepLoopAlive(bool keep);

 private:
  struct Poll;

  int Start(Napi::Function on_records);
  void Release() override;
  void OnReadable();
  static int OnRecord(void* ring, void* record, size_t size);

  std::shared_ptr<Object> object_;
  const bpf_map* map_;
  const size_t length_;
  ring_buffer* ring_ = nullptr;
  Poll* poll_ = nullptr;
  napi_env env_ = nullptr;
  napi_ref on_records_ = nullptr;
  napi_async_context context_ = nullptr;
  std::vector<uint8_t> batch_;
  uint64_t malformed_ = 0;
};

/// The class RingBuffer of lib/index.ts.
class JsRing : public Wrap<JsRing, Ring> {
 public:
  static constexpr const char* kName = "RingBuffer";
  static constexpr napi_type_tag kTag = {0xb83f60d5e7294a1c, 0x5cd91f4e3a068b72};
  using Wrap::Wrap;

  static void Define(Napi::Env env);

 private:
  Napi::Value Malformed(const Napi::CallbackInfo& info);
  Napi::Value Ref(const Napi::CallbackInfo& info);
  Napi::Value Unref(const Napi::CallbackInfo& info);
};

}  // namespace spillway
