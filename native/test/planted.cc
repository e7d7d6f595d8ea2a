// Faults that a sanitizer must find: native/test/sanitizers.test.ts proves with them that it would.
#include <napi.h>

#include <climits>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

/// What the compiler cannot know, so that it neither warns nor computes the fault away.
template <class T>
T Unknown(T value) {
  volatile T hidden = value;
  return hidden;
}

Napi::Value HeapOverflow(const Napi::CallbackInfo& info) {
  std::vector<uint8_t> bytes(Unknown(16));
  return Napi::Number::New(info.Env(), bytes.data()[Unknown(16)]);
}

Napi::Value UseAfterFree(const Napi::CallbackInfo& info) {
  auto* number = new int(Unknown(1));
  int* kept = Unknown(number);
  delete number;
  return Napi::Number::New(info.Env(), *kept);
}

/// Over the end of what JavaScript has allocated.
Napi::Value BufferOverflow(const Napi::CallbackInfo& info) {
  auto buffer = info[0].As<Napi::Buffer<uint8_t>>();
  memset(buffer.Data(), 1, buffer.Length() + Unknown(1));
  return info.Env().Undefined();
}

Napi::Value SignedOverflow(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), Unknown(INT_MAX) + Unknown(1)); }

Napi::Value Shift(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), Unknown(1) << Unknown(32)); }

Napi::Value Misaligned(const Napi::CallbackInfo& info) {
  alignas(8) uint8_t bytes[16] = {};
  return Napi::Number::New(info.Env(), *reinterpret_cast<uint32_t*>(bytes + Unknown(1)));
}

Napi::Value Leak(const Napi::CallbackInfo& info) {
  memset(new uint8_t[Unknown(4096)], 1, 4096);
  return info.Env().Undefined();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("heap-overflow", Napi::Function::New<HeapOverflow>(env));
  exports.Set("use-after-free", Napi::Function::New<UseAfterFree>(env));
  exports.Set("buffer-overflow", Napi::Function::New<BufferOverflow>(env));
  exports.Set("signed-overflow", Napi::Function::New<SignedOverflow>(env));
  exports.Set("shift", Napi::Function::New<Shift>(env));
  exports.Set("misaligned", Napi::Function::New<Misaligned>(env));
  exports.Set("leak", Napi::Function::New<Leak>(env));
  return exports;
}

NODE_API_MODULE(planted, Init)

}  // namespace
