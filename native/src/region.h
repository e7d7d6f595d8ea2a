// The memory of an mmap-able array map, and JavaScript's checked accesses to it.
#pragma once

#include <cstdint>
#include <memory>

#include "object.h"

struct bpf_map;

namespace spillway {

class Region final : public Resource {
 public:
  /// Null, with an errno in *error, when the kernel refuses.
  static std::shared_ptr<Region> Map(std::shared_ptr<Object> object, const bpf_map* map, int* error);
  /// The same of a map that no object here knows.
  static std::shared_ptr<Region> Map(Addon& addon, int fd, int* error);
  /// `object` is null for a region of its own, which the environment owns.
  Region(Addon& addon, std::shared_ptr<Object> object, uint8_t* start, size_t size, size_t mapped);
  ~Region() override { Close(); }

  uint8_t* start() const { return start_; }
  /// Bytes that hold values, without the rest of the last page.
  size_t size() const { return size_; }

 private:
  void Release() override;

  std::shared_ptr<Object> object_;
  uint8_t* start_;
  size_t size_;
  size_t mapped_;
};

/// The class MappedRegion of lib/index.ts.
class JsRegion : public Wrap<JsRegion, Region> {
 public:
  static constexpr const char* kName = "MappedRegion";
  static constexpr napi_type_tag kTag = {0x7a50c8e2194f4db3, 0xa6e1930b5d7f284c};
  using Wrap::Wrap;

  static void Define(Napi::Env env);

 private:
  Napi::Value Size(const Napi::CallbackInfo& info);
  Napi::Value ReadU64(const Napi::CallbackInfo& info);
  Napi::Value ReadU32(const Napi::CallbackInfo& info);
  Napi::Value SelectRows(const Napi::CallbackInfo& info);
  Napi::Value ReadBytes(const Napi::CallbackInfo& info);
  Napi::Value StoreU32(const Napi::CallbackInfo& info);
  Napi::Value StoreU64(const Napi::CallbackInfo& info);
  Napi::Value DrainU64(const Napi::CallbackInfo& info);
  Napi::Value Zero(const Napi::CallbackInfo& info);
  Napi::Value WriteBytes(const Napi::CallbackInfo& info);

  template <class Word, class Element>
  Napi::Value Gather(const Napi::CallbackInfo& info);
  template <class Word>
  Napi::Value Store(const Napi::CallbackInfo& info, uint64_t max);
  /// Reads `offset` and checks it and the `length` bytes from there; false once it has thrown.
  bool Locate(const Napi::CallbackInfo& info, size_t index, size_t alignment, uint64_t length, uint8_t** out);
};

/// mapPinned(path)
Napi::Value MapPinned(const Napi::CallbackInfo& info);

}  // namespace spillway
