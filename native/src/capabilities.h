// Capabilities of the whole process. The kernel keeps them by thread, and Node has threads of its own: those of V8 and
// libuv would go on with everything that the main thread has given up.
#pragma once

#include <napi.h>

namespace spillway {

/// limitCapabilities(keep)
Napi::Value LimitCapabilities(const Napi::CallbackInfo& info);

}  // namespace spillway
