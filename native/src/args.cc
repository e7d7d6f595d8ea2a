#include "args.h"

#include <cmath>
#include <type_traits>

#include "errors.h"

namespace spillway {

bool ReadInteger(const Napi::CallbackInfo& info, size_t index, const char* name, uint64_t max, uint64_t* out) {
  if (!info[index].IsNumber()) {
    ThrowTypeError(info.Env(), std::string(name) + " must be a number");
    return false;
  }
  double value = info[index].As<Napi::Number>().DoubleValue();
  // Written so that NaN fails.
  if (!(value >= 0 && value <= static_cast<double>(max)) || value != std::trunc(value)) {
    ThrowRangeError(info.Env(), std::string(name) + " must be an integer from 0 to " + std::to_string(max) + ", not " +
                                    info[index].ToString().Utf8Value());
    return false;
  }
  *out = static_cast<uint64_t>(value);
  return true;
}

bool ReadString(const Napi::CallbackInfo& info, size_t index, const char* name, std::string* out) {
  if (!info[index].IsString()) {
    ThrowTypeError(info.Env(), std::string(name) + " must be a string");
    return false;
  }
  *out = info[index].As<Napi::String>().Utf8Value();
  return true;
}

bool ReadBytes(const Napi::CallbackInfo& info, size_t index, const char* name, std::span<uint8_t>* out) {
  if (!info[index].IsBuffer()) {
    ThrowTypeError(info.Env(), std::string(name) + " must be a Buffer");
    return false;
  }
  // Straight from Node-API: Napi::Buffer takes a typed array for granted, and a DataView is a buffer here too.
  void* data = nullptr;
  size_t length = 0;
  napi_get_buffer_info(info.Env(), info[index], &data, &length);
  *out = {static_cast<uint8_t*>(data), length};
  return true;
}

bool ReadBytesOfSize(const Napi::CallbackInfo& info, size_t index, const char* name, size_t size, std::span<uint8_t>* out) {
  if (!ReadBytes(info, index, name, out)) return false;
  if (out->size() == size) return true;
  ThrowRangeError(info.Env(), std::string(name) + " must have " + std::to_string(size) + " bytes, not " + std::to_string(out->size()));
  return false;
}

template <class T>
bool ReadArray(const Napi::CallbackInfo& info, size_t index, const char* name, std::span<T>* out) {
  constexpr bool kDoubles = std::is_same_v<T, double>;
  napi_typedarray_type type;
  size_t length;
  void* data;
  // Fails for anything but a typed array; straight from Node-API, because Napi::TypedArray::Data()
  // leaves the view's offset to the caller.
  napi_status status = napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != (kDoubles ? napi_float64_array : napi_uint32_array)) {
    ThrowTypeError(info.Env(), std::string(name) + " must be a " + (kDoubles ? "Float64Array" : "Uint32Array"));
    return false;
  }
  *out = {static_cast<T*>(data), length};
  return true;
}

template bool ReadArray<double>(const Napi::CallbackInfo&, size_t, const char*, std::span<double>*);
template bool ReadArray<uint32_t>(const Napi::CallbackInfo&, size_t, const char*, std::span<uint32_t>*);

}  // namespace spillway
