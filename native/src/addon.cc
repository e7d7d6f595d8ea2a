#include "addon.h"

#include <bpf/libbpf.h>
#include <malloc.h>

#include "capabilities.h"
#include "grace.h"
#include "host.h"
#include "link.h"
#include "log.h"
#include "map.h"
#include "notify.h"
#include "object.h"
#include "program.h"
#include "region.h"
#include "ringbuf.h"

namespace spillway {

Addon::Addon(Napi::Env env) : grace_period(std::make_shared<GracePeriod>()) {
  napi_add_async_cleanup_hook(env, Teardown, this, nullptr);
}

// Here, where GracePeriod is complete.
Addon::~Addon() = default;

void Addon::Teardown(napi_async_cleanup_hook_handle hook, void* data) {
  // The hook's handle holds the environment, and with it this instance, until it is removed.
  auto* addon = static_cast<Addon*>(data);
  addon->teardown_ = hook;
  addon->objects.CloseAll();
  addon->FinishTeardown();
}

void Addon::LoopHandleClosed() {
  loop_handles_--;
  FinishTeardown();
}

void Addon::FinishTeardown() {
  if (teardown_ != nullptr && loop_handles_ == 0) napi_remove_async_cleanup_hook(teardown_);
}

namespace {

Napi::Value LiveHandles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Addon::Of(info.Env()).live_handles));
}

/// What a snapshot takes goes back to the kernel when it is collected. glibc raises this bound to the largest piece that was ever
/// freed, up to 32 MiB, and such pieces on its heap keep all that is below them.
constexpr int kMapFrom = 256 * 1024;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  mallopt(M_MMAP_THRESHOLD, kMapFrom);
  LogCapture::Install();
  env.SetInstanceData(new Addon(env));
  JsObject::Define(env);
  JsProgram::Define(env);
  JsLink::Define(env);
  JsMap::Define(env);
  JsRegion::Define(env);
  JsRing::Define(env);

  exports.Set("openObject", Napi::Function::New<JsObject::Open>(env, "openObject"));
  exports.Set("gracePeriod", Napi::Function::New<WaitForGracePeriod>(env, "gracePeriod"));
  exports.Set("mapPinned", Napi::Function::New<MapPinned>(env, "mapPinned"));
  exports.Set("lockFile", Napi::Function::New<LockFile>(env, "lockFile"));
  exports.Set("pidfdOpen", Napi::Function::New<PidfdOpen>(env, "pidfdOpen"));
  exports.Set("sealsOf", Napi::Function::New<SealsOf>(env, "sealsOf"));
  exports.Set("bootTimeNs", Napi::Function::New<BootTimeNs>(env, "bootTimeNs"));
  exports.Set("releaseFilePages", Napi::Function::New<ReleaseFilePages>(env, "releaseFilePages"));
  exports.Set("monotonicUs", Napi::Function::New<MonotonicUs>(env, "monotonicUs"));
  exports.Set("sendNotification", Napi::Function::New<SendNotification>(env, "sendNotification"));
  exports.Set("limitCapabilities", Napi::Function::New<LimitCapabilities>(env, "limitCapabilities"));
  exports.Set("liveHandles", Napi::Function::New<LiveHandles>(env, "liveHandles"));
  // libbpf says "v1.7".
  exports.Set("libbpfVersion", libbpf_version_string() + 1);
  return exports;
}

NODE_API_MODULE(spillway, Init)

}  // namespace
}  // namespace spillway
