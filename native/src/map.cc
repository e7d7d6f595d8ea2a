#include "map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "args.h"
#include "log.h"
#include "region.h"
#include "ringbuf.h"

namespace spillway {
namespace {

/// Bytes of a value as the system calls pass it: of a per-CPU map, each possible CPU's in turn, each
/// rounded up to 8 (kernel/bpf/syscall.c, bpf_map_value_size).
size_t ValueBytes(const bpf_map* map) {
  size_t size = bpf_map__value_size(map);
  switch (bpf_map__type(map)) {
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
      return (size + 7) / 8 * 8 * static_cast<size_t>(libbpf_num_possible_cpus());
    default:
      return size;
  }
}

/// A queue has keys of no bytes, for which the kernel wants no pointer either.
const void* KeyPointer(std::span<uint8_t> key) { return key.empty() ? nullptr : key.data(); }

}  // namespace

void JsMap::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Getter<&JsMap::Name>("name"),
                        Method<&JsMap::Info>("info"),
                        Method<&JsMap::Lookup>("lookup"),
                        Method<&JsMap::Update>("update"),
                        Method<&JsMap::Delete>("delete"),
                        Method<&JsMap::MapRegion>("mapRegion"),
                        Method<&JsMap::Consume>("consume"),
                        Method<&JsMap::Pin>("pin"),
                        Method<&JsMap::Reuse>("reuse"),
                    });
}

std::string JsMap::Operation(const char* verb) const { return std::string(verb) + " " + bpf_map__name(state()->map); }

Napi::Value JsMap::Name(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), bpf_map__name(state()->map)); }

Napi::Value JsMap::Info(const Napi::CallbackInfo& info) {
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  bpf_map_info kernel = {};
  uint32_t size = sizeof kernel;
  int error = bpf_map_get_info_by_fd(bpf_map__fd(state()->map), &kernel, &size);
  if (error != 0) {
    ThrowBpfError(info.Env(), Operation("read info of"), error);
    return {};
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("type", kernel.type);
  result.Set("keySize", kernel.key_size);
  result.Set("valueSize", kernel.value_size);
  result.Set("maxEntries", kernel.max_entries);
  result.Set("flags", kernel.map_flags);
  return result;
}

Napi::Value JsMap::Lookup(const Napi::CallbackInfo& info) {
  std::span<uint8_t> key;
  bpf_map* map = state()->map;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) ||
      !ReadBytesOfSize(info, 0, "key", bpf_map__key_size(map), &key)) {
    return {};
  }
  auto value = Napi::Buffer<uint8_t>::New(info.Env(), ValueBytes(map));
  if (value.IsEmpty()) return {};
  int error = bpf_map_lookup_elem(bpf_map__fd(map), KeyPointer(key), value.Data());
  if (error == 0) return value;
  if (error != -ENOENT) ThrowBpfError(info.Env(), Operation("look up in"), error);
  return info.Env().Null();
}

Napi::Value JsMap::Update(const Napi::CallbackInfo& info) {
  std::span<uint8_t> key, value;
  uint64_t flags = BPF_ANY;
  bpf_map* map = state()->map;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) ||
      !ReadBytesOfSize(info, 0, "key", bpf_map__key_size(map), &key) ||
      !ReadBytesOfSize(info, 1, "value", ValueBytes(map), &value) ||
      (!info[2].IsUndefined() && !ReadInteger(info, 2, "flags", kMaxSafeInteger, &flags))) {
    return {};
  }
  int error = bpf_map_update_elem(bpf_map__fd(map), KeyPointer(key), value.data(), flags);
  if (error != 0) ThrowBpfError(info.Env(), Operation("update"), error);
  return info.Env().Undefined();
}

Napi::Value JsMap::Delete(const Napi::CallbackInfo& info) {
  std::span<uint8_t> key;
  bpf_map* map = state()->map;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) ||
      !ReadBytesOfSize(info, 0, "key", bpf_map__key_size(map), &key)) {
    return {};
  }
  int error = bpf_map_delete_elem(bpf_map__fd(map), KeyPointer(key));
  if (error != 0 && error != -ENOENT) ThrowBpfError(info.Env(), Operation("delete from"), error);
  return Napi::Boolean::New(info.Env(), error == 0);
}

Napi::Value JsMap::MapRegion(const Napi::CallbackInfo& info) {
  bpf_map* map = state()->map;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY) {
    ThrowTypeError(info.Env(), std::string("map ") + bpf_map__name(map) + " is not an array: it has no values to map");
    return {};
  }
  int error = 0;
  std::shared_ptr<Region> region = Region::Map(state()->object, map, &error);
  if (region == nullptr) {
    ThrowBpfError(info.Env(), Operation("map values of"), error);
    return {};
  }
  return JsRegion::New(info.Env(), std::move(region));
}

Napi::Value JsMap::Consume(const Napi::CallbackInfo& info) {
  bpf_map* map = state()->map;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF) {
    ThrowTypeError(info.Env(), std::string("map ") + bpf_map__name(map) + " is not a ring buffer");
    return {};
  }
  uint64_t length;
  if (!ReadInteger(info, 0, "length", bpf_map__max_entries(map), &length)) return {};
  if (length == 0) {
    ThrowRangeError(info.Env(), "length must be at least 1");
    return {};
  }
  if (!info[1].IsFunction()) {
    ThrowTypeError(info.Env(), "onRecords must be a function");
    return {};
  }
  int error = 0;
  std::shared_ptr<Ring> ring = Ring::Consume(state()->object, map, length, info[1].As<Napi::Function>(), &error);
  if (ring == nullptr) {
    ThrowBpfError(info.Env(), Operation("consume"), error);
    return {};
  }
  return JsRing::New(info.Env(), std::move(ring));
}

Napi::Value JsMap::Pin(const Napi::CallbackInfo& info) {
  std::string path;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) || !ReadString(info, 0, "path", &path)) return {};
  // Not bpf_map__pin(), which keeps the path and would refuse another.
  int error = bpf_obj_pin(bpf_map__fd(state()->map), path.c_str());
  if (error != 0) ThrowBpfError(info.Env(), Operation("pin") + " at " + path, error);
  return info.Env().Undefined();
}

Napi::Value JsMap::Reuse(const Napi::CallbackInfo& info) {
  std::string path;
  if (!state()->object->Require(info.Env(), Object::Phase::kOpened) || !ReadString(info, 0, "path", &path)) return {};
  bpf_map* map = state()->map;
  LogCapture log;
  int fd = bpf_obj_get(path.c_str());
  int error = fd < 0 ? fd : 0;
  bpf_map_info kernel = {};
  uint32_t size = sizeof kernel;
  if (error == 0) error = bpf_map_get_info_by_fd(fd, &kernel, &size);
  // libbpf would take over another map's sizes, and the programs would then find something else than they expect.
  if (error == 0 && (kernel.type != bpf_map__type(map) || kernel.key_size != bpf_map__key_size(map) ||
                     kernel.value_size != bpf_map__value_size(map) || kernel.max_entries != bpf_map__max_entries(map))) {
    error = EINVAL;
  }
  if (error == 0) error = bpf_map__reuse_fd(map, fd);
  if (fd >= 0) close(fd);
  if (error != 0) ThrowBpfError(info.Env(), Operation("reuse") + " from " + path, error, log.Text());
  return info.Env().Undefined();
}

}  // namespace spillway
