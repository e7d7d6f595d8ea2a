// Errors as JavaScript sees them. Nothing here unwinds: a function that has thrown returns at once.
#pragma once

#include <napi.h>

#include <string>

namespace spillway {

/// Builds the BpfError of lib/index.ts. `error` is an errno or libbpf's own number, of either sign.
Napi::Error MakeBpfError(Napi::Env env, const std::string& operation, int error, const std::string& log);
void ThrowBpfError(Napi::Env env, const std::string& operation, int error, const std::string& log = "");

/// For misuse: a wrong kind of value, a wrong `this`, a call after close.
void ThrowTypeError(Napi::Env env, const std::string& message);
/// For a value of the right kind that lies outside what is there.
void ThrowRangeError(Napi::Env env, const std::string& message);

}  // namespace spillway
