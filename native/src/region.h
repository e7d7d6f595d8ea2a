// The memory of an mmap-able array map, and JavaScript's checked accesses to it.
#pragma once

#include <cstdint>
#include <memory>

#include "object.h"

struct bpf_map;

namespace spillway {

/// Mapped from its beginning as far as was ever reached: the kernel counts every mapped page of an array as resident in this process,
/// used or not, and of most tables only the first records are.
class Region final : public Resource {
 public:
  /// Null, with an errno in *error, when the kernel refuses.
  static std::shared_ptr<Region> Map(std::shared_ptr<Object> object, const bpf_map* map, int* error);
  /// The same of a map that no object here knows.
  static std::shared_ptr<Region> Map(Addon& addon, int fd, int* error);
  /// `object` is null for a region of its own, which the environment owns; that one is mapped as a whole, `fd` may be closed then.
  Region(Addon& addon, std::shared_ptr<Object> object, int fd, uint8_t* start, size_t size, size_t reserved);
  ~Region() override { Close(); }

  /// Where the values stand; only what was reached may be touched.
  uint8_t* start() const { return start_; }
  /// Bytes that hold values, without the rest of the last page.
  size_t size() const { return size_; }
  /// Maps the first `length` bytes, which are not more than size(), if they are not; 0 or the kernel's errno.
  int Reach(size_t length);

 private:
  static std::shared_ptr<Region> Reserve(Addon& addon, std::shared_ptr<Object> object, int fd, size_t value_size, size_t entries,
                                         size_t reached, int* error);
  void Release() override;

  std::shared_ptr<Object> object_;
  int fd_;
  uint8_t* start_;
  size_t size_;
  /// Addresses from start_ on that are taken, and those of them that are mapped.
  size_t reserved_;
  size_t mapped_ = 0;
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
  Napi::Value WriteBytes(const Napi::CallbackInfo& info);

  template <class Word, class Element>
  Napi::Value Gather(const Napi::CallbackInfo& info);
  template <class Word>
  Napi::Value Store(const Napi::CallbackInfo& info, uint64_t max);
  /// Makes the first `length` bytes usable; false once it has thrown.
  bool Reach(Napi::Env env, size_t length);
  /// Reads `offset`, checks it and the `length` bytes from there, and makes them usable; false once it has thrown.
  bool Locate(const Napi::CallbackInfo& info, size_t index, size_t alignment, uint64_t length, uint8_t** out);
};

/// mapPinned(path)
Napi::Value MapPinned(const Napi::CallbackInfo& info);

}  // namespace spillway
