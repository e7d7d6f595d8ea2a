// What one environment (the process's, or a worker's) has of this addon: its classes, what is open,
// and what must be waited for when it ends.
#pragma once

#include <napi.h>

#include <map>
#include <memory>

#include "resource.h"

namespace spillway {

class GracePeriod;

class Addon {
 public:
  explicit Addon(Napi::Env env);
  ~Addon();

  static Addon& Of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }

  /// Constructors of the classes, by their type tag.
  std::map<const napi_type_tag*, Napi::FunctionReference> constructors;
  /// The state that the object under construction takes; empty when JavaScript called `new`.
  std::shared_ptr<void> construction;

  Owned objects;
  size_t live_handles = 0;
  /// Shared with the waits in flight, which may outlive the environment's JavaScript.
  const std::shared_ptr<GracePeriod> grace_period;

  /// Handles on the libuv loop, counted until their close callback: that comes some turns of the loop
  /// after uv_close(), and node aborts when a worker's loop ends with handles on it.
  void LoopHandleOpened() { loop_handles_++; }
  void LoopHandleClosed();

 private:
  static void Teardown(napi_async_cleanup_hook_handle hook, void* addon);
  void FinishTeardown();

  size_t loop_handles_ = 0;
  napi_async_cleanup_hook_handle teardown_ = nullptr;
};

}  // namespace spillway
