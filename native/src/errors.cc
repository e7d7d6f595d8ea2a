#include "errors.h"

#include <bpf/libbpf.h>

#include <cstdlib>
#include <cstring>

namespace spillway {
namespace {

/// `EPERM`; `E4003` where the C library has no name, as for libbpf's own numbers.
std::string Name(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : "E" + std::to_string(error);
}

std::string Description(int error) {
  // Not strerror(): its text follows the locale.
  if (const char* text = strerrordesc_np(error)) return text;
  char text[128];
  libbpf_strerror(error, text, sizeof text);
  return text;
}

}  // namespace

Napi::Error MakeBpfError(Napi::Env env, const std::string& operation, int error, const std::string& log) {
  error = std::abs(error);
  std::string code = Name(error);
  Napi::Error bpf_error = Napi::Error::New(env, operation + ": " + code + " (" + Description(error) + ")");
  Napi::Object fields = bpf_error.Value();
  // Not enumerable, as on the errors of the language: inspecting one shows it once, as its title.
  fields.DefineProperty(Napi::PropertyDescriptor::Value("name", Napi::String::New(env, "BpfError"),
                                                        static_cast<napi_property_attributes>(napi_writable | napi_configurable)));
  fields.Set("operation", operation);
  fields.Set("errno", error);
  fields.Set("code", code);
  fields.Set("log", log);
  return bpf_error;
}

void ThrowBpfError(Napi::Env env, const std::string& operation, int error, const std::string& log) {
  MakeBpfError(env, operation, error, log).ThrowAsJavaScriptException();
}

void ThrowTypeError(Napi::Env env, const std::string& message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

void ThrowRangeError(Napi::Env env, const std::string& message) {
  Napi::RangeError::New(env, message).ThrowAsJavaScriptException();
}

}  // namespace spillway
