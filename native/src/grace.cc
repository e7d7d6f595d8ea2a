#include "grace.h"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "addon.h"
#include "errors.h"

namespace spillway {

GracePeriod::~GracePeriod() {
  if (outer_ >= 0) close(outer_);
  if (inner_ >= 0) close(inner_);
}

int GracePeriod::Wait() {
  // synchronize_rcu() inside, but on one online CPU it returns without waiting, and with nohz_full
  // it answers EINVAL (kernel/sched/membarrier.c).
  if (sysconf(_SC_NPROCESSORS_ONLN) > 1 && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return 0;
  return WaitByMap();
}

int GracePeriod::WaitByMap() {
  std::lock_guard<std::mutex> lock(mutex_);
  // Kept once made: a process that has dropped CAP_BPF may still update them.
  if (inner_ < 0) inner_ = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace_inner", sizeof(uint32_t), sizeof(uint32_t), 1, nullptr);
  if (inner_ < 0) return -inner_;
  LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<uint32_t>(inner_));
  if (outer_ < 0) outer_ = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "grace_outer", sizeof(uint32_t), sizeof(uint32_t), 1, &options);
  if (outer_ < 0) return -outer_;
  // Replacing an inner map returns when no program can use the old one any more
  // (kernel/bpf/syscall.c, maybe_wait_bpf_programs; 4.20 and newer).
  uint32_t key = 0;
  return -bpf_map_update_elem(outer_, &key, &inner_, BPF_ANY);
}

namespace {

class GraceWorker : public Napi::AsyncWorker {
 public:
  GraceWorker(Napi::Env env, std::shared_ptr<GracePeriod> grace_period)
      : Napi::AsyncWorker(env, "spillway.gracePeriod"), grace_period_(std::move(grace_period)), deferred_(env) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 private:
  void Execute() override { error_ = grace_period_->Wait(); }

  void OnOK() override {
    if (error_ == 0) {
      deferred_.Resolve(Env().Undefined());
    } else {
      deferred_.Reject(MakeBpfError(Env(), "wait for a grace period", error_, "").Value());
    }
  }

  std::shared_ptr<GracePeriod> grace_period_;
  Napi::Promise::Deferred deferred_;
  int error_ = 0;
};

}  // namespace

Napi::Value WaitForGracePeriod(const Napi::CallbackInfo& info) {
  auto* worker = new GraceWorker(info.Env(), Addon::Of(info.Env()).grace_period);
  Napi::Promise promise = worker->Promise();
  worker->Queue();
  return promise;
}

}  // namespace spillway
