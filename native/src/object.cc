#include "object.h"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "args.h"
#include "log.h"
#include "map.h"
#include "program.h"

namespace spillway {

Object::Object(Addon& addon, bpf_object* object, std::string name)
    : Resource(addon, addon.objects), object_(object), name_(std::move(name)) {}

void Object::Release() {
  children_.CloseAll();
  for (auto [program, fd] : adopted_) close(fd);
  bpf_object__close(object_);
}

int Object::FdOf(const bpf_program* program) const {
  auto adopted = adopted_.find(program);
  return adopted != adopted_.end() ? adopted->second : bpf_program__fd(program);
}

void Object::Adopt(const bpf_program* program, int fd) {
  auto [adopted, is_new] = adopted_.emplace(program, fd);
  if (is_new) return;
  close(adopted->second);
  adopted->second = fd;
}

const char* Object::Unusable() const {
  if (const char* why = Resource::Unusable()) return why;
  return phase_ == Phase::kFailed ? "failed to load: it can only be closed" : nullptr;
}

bool Object::Require(Napi::Env env, Phase phase) const {
  if (phase_ == phase) return true;
  ThrowTypeError(env, "object " + name_ + (phase == Phase::kLoaded ? " is not loaded yet" : " is loaded already"));
  return false;
}

void JsObject::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Method<&JsObject::SetMaxEntries>("setMaxEntries"),
                        Method<&JsObject::SetAutoload>("setAutoload"),
                        Method<&JsObject::InitialValue>("initialValue"),
                        Method<&JsObject::SetInitialValue>("setInitialValue"),
                        Method<&JsObject::Load>("load"),
                        Method<&JsObject::ProgramNames>("programNames"),
                        Method<&JsObject::MapNames>("mapNames"),
                        Method<&JsObject::Program>("program"),
                        Method<&JsObject::Map>("map"),
                        CloseMethod(),
                    });
}

Napi::Value JsObject::Open(const Napi::CallbackInfo& info) {
  std::span<uint8_t> elf;
  std::string name;
  if (!ReadBytes(info, 0, "elf", &elf) || !ReadString(info, 1, "name", &name)) return {};
  // A copy, because libbpf reads ELF structures where they lie, and a Buffer may begin at any address.
  std::vector<uint64_t> aligned((elf.size() + 7) / 8);
  if (!elf.empty()) memcpy(aligned.data(), elf.data(), elf.size());

  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name.c_str());
  LogCapture log;
  bpf_object* object = bpf_object__open_mem(aligned.data(), elf.size(), &options);
  if (object == nullptr) {
    ThrowBpfError(info.Env(), "open object " + name, errno, log.Text());
    return {};
  }
  return New(info.Env(), std::make_shared<Object>(Addon::Of(info.Env()), object, name));
}

namespace {

/// The map or program that an argument names; throws ENOENT when there is none.
bpf_map* FindMap(const Napi::CallbackInfo& info, const Object& object) {
  std::string name;
  if (!ReadString(info, 0, "map", &name)) return nullptr;
  bpf_map* map = bpf_object__find_map_by_name(object.get(), name.c_str());
  if (map == nullptr) ThrowBpfError(info.Env(), "find map " + name + " in object " + object.name(), errno);
  return map;
}

bpf_program* FindProgram(const Napi::CallbackInfo& info, const Object& object) {
  std::string name;
  if (!ReadString(info, 0, "program", &name)) return nullptr;
  bpf_program* program = bpf_object__find_program_by_name(object.get(), name.c_str());
  if (program == nullptr) ThrowBpfError(info.Env(), "find program " + name + " in object " + object.name(), errno);
  return program;
}

/// The memory behind a data section's initial contents.
bool FindInitialValue(const Napi::CallbackInfo& info, const Object& object, std::span<uint8_t>* out) {
  if (!object.Require(info.Env(), Object::Phase::kOpened)) return false;
  bpf_map* map = FindMap(info, object);
  if (map == nullptr) return false;
  size_t size = 0;
  void* value = bpf_map__initial_value(map, &size);
  if (value == nullptr) {
    ThrowTypeError(info.Env(), std::string("map ") + bpf_map__name(map) + " is not a global data section: it has no initial value");
    return false;
  }
  *out = {static_cast<uint8_t*>(value), size};
  return true;
}

}  // namespace

Napi::Value JsObject::SetMaxEntries(const Napi::CallbackInfo& info) {
  uint64_t entries;
  if (!state()->Require(info.Env(), Object::Phase::kOpened)) return {};
  bpf_map* map = FindMap(info, *state());
  if (map == nullptr || !ReadInteger(info, 1, "entries", UINT32_MAX, &entries)) return {};
  LogCapture log;
  int error = bpf_map__set_max_entries(map, static_cast<uint32_t>(entries));
  if (error != 0) ThrowBpfError(info.Env(), std::string("set max entries of ") + bpf_map__name(map), error, log.Text());
  return info.Env().Undefined();
}

Napi::Value JsObject::SetAutoload(const Napi::CallbackInfo& info) {
  if (!state()->Require(info.Env(), Object::Phase::kOpened)) return {};
  bpf_program* program = FindProgram(info, *state());
  if (program == nullptr) return {};
  if (!info[1].IsBoolean()) {
    ThrowTypeError(info.Env(), "autoload must be a boolean");
    return {};
  }
  // Fails only on an object that is loaded.
  bpf_program__set_autoload(program, info[1].As<Napi::Boolean>());
  return info.Env().Undefined();
}

Napi::Value JsObject::InitialValue(const Napi::CallbackInfo& info) {
  std::span<uint8_t> value;
  if (!FindInitialValue(info, *state(), &value)) return {};
  return Napi::Buffer<uint8_t>::Copy(info.Env(), value.data(), value.size());
}

Napi::Value JsObject::SetInitialValue(const Napi::CallbackInfo& info) {
  std::span<uint8_t> value, replacement;
  if (!FindInitialValue(info, *state(), &value) || !ReadBytesOfSize(info, 1, "value", value.size(), &replacement)) return {};
  memcpy(value.data(), replacement.data(), value.size());
  return info.Env().Undefined();
}

Napi::Value JsObject::Load(const Napi::CallbackInfo& info) {
  if (!state()->Require(info.Env(), Object::Phase::kOpened)) return {};
  LogCapture log;
  // A signal makes the verifier begin again (EAGAIN), and after five times libbpf takes that for an error: under a profiler, always.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int error = bpf_object__load(state()->get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // What libbpf needed for that, as the types of the whole kernel, is no longer of use.
  malloc_trim(0);
  state()->set_phase(error == 0 ? Object::Phase::kLoaded : Object::Phase::kFailed);
  if (error != 0) ThrowBpfError(info.Env(), "load object " + state()->name(), error, log.Text());
  return info.Env().Undefined();
}

Napi::Value JsObject::ProgramNames(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  bpf_program* program;
  bpf_object__for_each_program(program, state()->get()) names.Set(names.Length(), bpf_program__name(program));
  return names;
}

Napi::Value JsObject::MapNames(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  bpf_map* map;
  bpf_object__for_each_map(map, state()->get()) names.Set(names.Length(), bpf_map__name(map));
  return names;
}

Napi::Value JsObject::Program(const Napi::CallbackInfo& info) {
  bpf_program* program = FindProgram(info, *state());
  if (program == nullptr) return {};
  return JsProgram::New(info.Env(), std::make_shared<ProgramRef>(state(), program));
}

Napi::Value JsObject::Map(const Napi::CallbackInfo& info) {
  bpf_map* map = FindMap(info, *state());
  if (map == nullptr) return {};
  return JsMap::New(info.Env(), std::make_shared<MapRef>(state(), map));
}

}  // namespace spillway
