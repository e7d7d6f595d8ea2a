#include "ringbuf.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>

namespace spillway {
namespace {

/// What one wake-up delivers at most, so that a flood of records leaves turns of the loop to others.
constexpr size_t kBatchBytes = 256 * 1024;

}  // namespace

/// The loop's part: it must outlive the ring by the turns that uv_close() takes.
struct Ring::Poll {
  uv_poll_t handle;
  std::shared_ptr<Ring> ring;
  Addon& addon;

  static void Readable(uv_poll_t* handle, int, int) { static_cast<Poll*>(handle->data)->ring->OnReadable(); }

  static void Closed(uv_handle_t* handle) {
    auto* poll = static_cast<Poll*>(handle->data);
    Addon& addon = poll->addon;
    delete poll;
    addon.LoopHandleClosed();
  }
};

std::shared_ptr<Ring> Ring::Consume(std::shared_ptr<Object> object, const bpf_map* map, size_t length, Napi::Function on_records,
                                    int* error) {
  // The position up to which records were consumed is one per map: two consumers would corrupt it.
  for (Resource* sibling : object->children().open()) {
    auto* ring = dynamic_cast<Ring*>(sibling);
    if (ring != nullptr && ring->map_ == map) {
      *error = EBUSY;
      return nullptr;
    }
  }
  auto ring = std::make_shared<Ring>(std::move(object), map, length);
  *error = ring->Start(on_records);
  if (*error == 0) return ring;
  ring->Close();
  return nullptr;
}

Ring::Ring(std::shared_ptr<Object> object, const bpf_map* map, size_t length)
    : Resource(object->environment(), object->children()), object_(std::move(object)), map_(map), length_(length) {}

int Ring::Start(Napi::Function on_records) {
  env_ = on_records.Env();
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok) return EIO;
  ring_ = ring_buffer__new(bpf_map__fd(map_), OnRecord, this, nullptr);
  if (ring_ == nullptr) return errno;

  auto* poll = new Poll{{}, shared_from_this(), addon()};
  poll->handle.data = poll;
  int error = uv_poll_init(loop, &poll->handle, ring_buffer__epoll_fd(ring_));
  if (error != 0) {
    delete poll;
    return -error;
  }
  poll_ = poll;
  addon().LoopHandleOpened();
  error = uv_poll_start(&poll->handle, UV_READABLE, Poll::Readable);
  if (error != 0) return -error;
  napi_create_reference(env_, on_records, 1, &on_records_);
  napi_async_init(env_, nullptr, Napi::String::New(env_, "spillway.RingBuffer"), &context_);
  return 0;
}

void Ring::Release() {
  if (poll_ != nullptr) {
    // Takes the descriptor off the loop at once, before the next line but one closes it.
    uv_poll_stop(&poll_->handle);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle), Poll::Closed);
  }
  ring_buffer__free(ring_);
  if (on_records_ != nullptr) napi_delete_reference(env_, on_records_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
}

int Ring::OnRecord(void* data, void* record, size_t size) {
  auto* ring = static_cast<Ring*>(data);
  if (size != ring->length_) {
    ring->malformed_++;
    return 0;
  }
  auto* bytes = static_cast<uint8_t*>(record);
  ring->batch_.insert(ring->batch_.end(), bytes, bytes + size);
  return 0;
}

void Ring::OnReadable() {
  // The callback may close this ring; the loop's reference then goes only after we have returned.
  batch_.clear();
  // What is left over keeps the descriptor readable: the loop comes back for it.
  ring_buffer__consume_n(ring_, std::max<size_t>(1, kBatchBytes / length_));
  if (batch_.empty()) return;
  Napi::HandleScope scope(env_);
  napi_value records, receiver, on_records, result;
  if (napi_create_buffer_copy(env_, batch_.size(), batch_.data(), nullptr, &records) != napi_ok ||
      napi_get_global(env_, &receiver) != napi_ok || napi_get_reference_value(env_, on_records_, &on_records) != napi_ok) {
    return;
  }
  // Not a plain call: this one runs microtasks and next ticks afterwards.
  if (napi_make_callback(env_, context_, receiver, on_records, 1, &records, &result) == napi_ok) return;
  // No exception is pending when JavaScript could not run at all: the worker is being terminated.
  bool pending = false;
  napi_is_exception_pending(env_, &pending);
  napi_value exception;
  if (pending && napi_get_and_clear_last_exception(env_, &exception) == napi_ok) napi_fatal_exception(env_, exception);
}

void Ring::KeepLoopAlive(bool keep) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_->handle);
  keep ? uv_ref(handle) : uv_unref(handle);
}

void JsRing::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Getter<&JsRing::Malformed>("malformed"),
                        Method<&JsRing::Ref>("ref"),
                        Method<&JsRing::Unref>("unref"),
                        CloseMethod(),
                    });
}

Napi::Value JsRing::Malformed(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(state()->malformed()));
}

Napi::Value JsRing::Ref(const Napi::CallbackInfo& info) {
  state()->KeepLoopAlive(true);
  return info.Env().Undefined();
}

Napi::Value JsRing::Unref(const Napi::CallbackInfo& info) {
  state()->KeepLoopAlive(false);
  return info.Env().Undefined();
}

}  // namespace spillway
