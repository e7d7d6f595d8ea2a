// Waiting until every BPF program that runs now has ended.
#pragma once

#include <napi.h>

#include <mutex>

namespace spillway {

/// Used from the threads of libuv's pool.
class GracePeriod {
 public:
  ~GracePeriod();
  /// Blocks for one grace period of RCU, under which programs run. Returns 0 or an errno.
  int Wait();

 private:
  int WaitByMap();

  std::mutex mutex_;
  int outer_ = -1;
  int inner_ = -1;
};

/// gracePeriod()
Napi::Value WaitForGracePeriod(const Napi::CallbackInfo& info);

}  // namespace spillway
