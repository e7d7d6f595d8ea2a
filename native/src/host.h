// Small system calls that Node has no name for.
#pragma once

#include <napi.h>

namespace spillway {

/// pidfdOpen(pid)
Napi::Value PidfdOpen(const Napi::CallbackInfo& info);
/// lockFile(fd)
Napi::Value LockFile(const Napi::CallbackInfo& info);
/// sealsOf(path)
Napi::Value SealsOf(const Napi::CallbackInfo& info);
/// bootTimeNs()
Napi::Value BootTimeNs(const Napi::CallbackInfo& info);
/// releaseFilePages()
Napi::Value ReleaseFilePages(const Napi::CallbackInfo& info);

}  // namespace spillway
