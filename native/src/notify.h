// Telling whoever started this process how it stands, as sd_notify(3) does.
#pragma once

#include <napi.h>

namespace spillway {

/// sendNotification(socket, message)
Napi::Value SendNotification(const Napi::CallbackInfo& info);
/// monotonicUs()
Napi::Value MonotonicUs(const Napi::CallbackInfo& info);

}  // namespace spillway
