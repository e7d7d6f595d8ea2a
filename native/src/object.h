// A BPF object: an ELF file's programs and maps, first opened, then loaded into the kernel.
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>

#include "wrap.h"

struct bpf_object;
struct bpf_program;

namespace spillway {

/// Owns the libbpf object and all links, regions and ring buffers that came out of it. Each of those
/// holds a reference in turn, so an object that JavaScript has dropped lives as long as they do.
class Object final : public Resource {
 public:
  Object(Addon& addon, bpf_object* object, std::string name);
  ~Object() override { Close(); }

  bpf_object* get() const { return object_; }
  const std::string& name() const { return name_; }
  Addon& environment() const { return addon(); }
  Owned& children() { return children_; }
  const char* Unusable() const override;

  enum class Phase { kOpened, kLoaded, kFailed };
  void set_phase(Phase phase) { phase_ = phase; }
  /// Throws a TypeError and returns false unless the object is in that phase.
  bool Require(Napi::Env env, Phase phase) const;

  /// The descriptor of a program that was loaded, or adopted; a negative errno for another one.
  int FdOf(const bpf_program* program) const;
  /// Takes a descriptor of a program that another object has loaded in place of its own.
  void Adopt(const bpf_program* program, int fd);
  bool IsAdopted(const bpf_program* program) const { return adopted_.contains(program); }

 private:
  void Release() override;

  bpf_object* object_;
  std::string name_;
  Phase phase_ = Phase::kOpened;
  Owned children_;
  std::map<const bpf_program*, int> adopted_;
};

/// The class BpfObject of lib/index.ts.
class JsObject : public Wrap<JsObject, Object> {
 public:
  static constexpr const char* kName = "BpfObject";
  static constexpr napi_type_tag kTag = {0x9d1f7c2b6a3e4805, 0xb2c46f0e91d7583a};
  using Wrap::Wrap;

  static void Define(Napi::Env env);
  /// openObject(elf, name)
  static Napi::Value Open(const Napi::CallbackInfo& info);

 private:
  Napi::Value SetMaxEntries(const Napi::CallbackInfo& info);
  Napi::Value SetAutoload(const Napi::CallbackInfo& info);
  Napi::Value InitialValue(const Napi::CallbackInfo& info);
  Napi::Value SetInitialValue(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value ProgramNames(const Napi::CallbackInfo& info);
  Napi::Value MapNames(const Napi::CallbackInfo& info);
  Napi::Value Program(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
};

}  // namespace spillway
