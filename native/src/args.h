// Arguments from JavaScript, checked. Each function returns false once it has thrown.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

namespace spillway {

/// The largest integer that a double holds exactly together with all below it.
constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

/// An integer from 0 to `max`; TypeError for no number, RangeError for another one.
bool ReadInteger(const Napi::CallbackInfo& info, size_t index, const char* name, uint64_t max, uint64_t* out);
bool ReadString(const Napi::CallbackInfo& info, size_t index, const char* name, std::string* out);
/// The bytes under a Buffer (or any other view): JavaScript's own, valid until the call returns.
bool ReadBytes(const Napi::CallbackInfo& info, size_t index, const char* name, std::span<uint8_t>* out);
/// The same, of exactly `size` bytes; RangeError otherwise.
bool ReadBytesOfSize(const Napi::CallbackInfo& info, size_t index, const char* name, size_t size, std::span<uint8_t>* out);

/// The elements of a Float64Array (`napi_float64_array`, double) or Uint32Array (`napi_uint32_array`, uint32_t).
template <class T>
bool ReadArray(const Napi::CallbackInfo& info, size_t index, const char* name, std::span<T>* out);

}  // namespace spillway
