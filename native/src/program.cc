#include "program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "args.h"
#include "link.h"
#include "log.h"

namespace spillway {

void JsProgram::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Getter<&JsProgram::Name>("name"),
                        Getter<&JsProgram::Section>("section"),
                        Method<&JsProgram::Info>("info"),
                        Method<&JsProgram::Attach>("attach"),
                        Method<&JsProgram::Run>("run"),
                        Method<&JsProgram::Iterate>("iterate"),
                        Method<&JsProgram::Pin>("pin"),
                        Method<&JsProgram::Adopt>("adopt"),
                        Method<&JsProgram::AdoptLink>("adoptLink"),
                    });
}

Napi::Value JsProgram::Name(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), bpf_program__name(state()->program));
}

Napi::Value JsProgram::Section(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), bpf_program__section_name(state()->program));
}

Napi::Value JsProgram::Info(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!state()->object->Require(env, Object::Phase::kLoaded)) return {};
  std::string operation = std::string("read info of ") + bpf_program__name(state()->program);
  // Negative errno for a program that was not to be loaded.
  int fd = state()->object->FdOf(state()->program);
  // On our own descriptor this needs no capability, other than by walking ids. What an older kernel
  // does not know stays 0.
  bpf_prog_info kernel = {};
  uint32_t size = sizeof kernel;
  int error = fd < 0 ? fd : bpf_prog_get_info_by_fd(fd, &kernel, &size);
  if (error != 0) {
    ThrowBpfError(env, operation, error);
    return {};
  }
  char tag[2 * BPF_TAG_SIZE + 1];
  for (int i = 0; i < BPF_TAG_SIZE; i++) snprintf(tag + 2 * i, 3, "%02x", kernel.tag[i]);
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", kernel.id);
  result.Set("tag", tag);
  result.Set("runCount", static_cast<double>(kernel.run_cnt));
  result.Set("runTimeNs", static_cast<double>(kernel.run_time_ns));
  result.Set("recursionMisses", static_cast<double>(kernel.recursion_misses));
  result.Set("verifiedInstructions", kernel.verified_insns);
  result.Set("jitedBytes", kernel.jited_prog_len);
  return result;
}

// As SEC("k[ret]probe.multi/FUNCTION") would.
static bpf_link* AttachToFunction(const bpf_program* program, const std::string& function) {
  const char* functions[] = {function.c_str()};
  LIBBPF_OPTS(bpf_kprobe_multi_opts, options, .syms = functions, .cnt = 1,
              .retprobe = std::string_view(bpf_program__section_name(program)).starts_with("kret"));
  return bpf_program__attach_kprobe_multi_opts(program, nullptr, &options);
}

Napi::Value JsProgram::Attach(const Napi::CallbackInfo& info) {
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  std::string operation = std::string("attach ") + bpf_program__name(state()->program);
  bool is_named = !info[0].IsUndefined();
  bool is_of_functions = bpf_program__expected_attach_type(state()->program) == BPF_TRACE_KPROBE_MULTI;
  std::string name;
  if (is_named && !ReadString(info, 0, "hook", &name)) return {};
  size_t slash = name.find('/');
  if (is_named) operation += " to " + name;
  if (is_named && !is_of_functions && slash == std::string::npos) {
    ThrowBpfError(info.Env(), operation, EINVAL, "a tracepoint is named category/name");
    return {};
  }
  if (state()->object->IsAdopted(state()->program)) {
    // The kernel knows the hook of such a program (bpf_raw_tp_link_attach); that of another would have to be told.
    int fd = is_named ? -EOPNOTSUPP : bpf_raw_tracepoint_open(nullptr, state()->object->FdOf(state()->program));
    if (fd < 0) {
      ThrowBpfError(info.Env(), operation, fd);
      return {};
    }
    return JsLink::New(info.Env(), std::make_shared<Link>(state()->object, fd));
  }
  LogCapture log;
  bpf_link* link = !is_named          ? bpf_program__attach(state()->program)
                   : is_of_functions ? AttachToFunction(state()->program, name)
                                     : bpf_program__attach_tracepoint(state()->program, name.substr(0, slash).c_str(),
                                                                      name.substr(slash + 1).c_str());
  if (link == nullptr) {
    ThrowBpfError(info.Env(), operation, errno, log.Text());
    return {};
  }
  return JsLink::New(info.Env(), std::make_shared<Link>(state()->object, link));
}

Napi::Value JsProgram::Run(const Napi::CallbackInfo& info) {
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  std::span<uint8_t> context;
  if (!info[0].IsUndefined() && !ReadBytes(info, 0, "context", &context)) return {};
  // The kernel copies the context back after the run (net/bpf/test_run.c, bpf_prog_test_run_syscall),
  // into JavaScript's own bytes. It refuses more than 64 KiB.
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context.empty() ? nullptr : context.data(),
              .ctx_size_in = static_cast<uint32_t>(std::min<size_t>(context.size(), UINT32_MAX)));
  int fd = state()->object->FdOf(state()->program);
  int error = fd < 0 ? fd : bpf_prog_test_run_opts(fd, &options);
  if (error != 0) {
    ThrowBpfError(info.Env(), std::string("run ") + bpf_program__name(state()->program), error);
    return {};
  }
  // The C function returns an int; the system call carries it as unsigned.
  return Napi::Number::New(info.Env(), static_cast<int32_t>(options.retval));
}

Napi::Value JsProgram::Iterate(const Napi::CallbackInfo& info) {
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded)) return {};
  std::string operation = std::string("iterate ") + bpf_program__name(state()->program);
  int fd = state()->object->FdOf(state()->program);
  int link = fd < 0 ? fd : bpf_link_create(fd, 0, BPF_TRACE_ITER, nullptr);
  if (link < 0) {
    ThrowBpfError(info.Env(), operation, link);
    return {};
  }
  int iterator = bpf_iter_create(link);
  int error = iterator < 0 ? iterator : 0;
  close(link);
  if (error != 0) {
    ThrowBpfError(info.Env(), operation, error);
    return {};
  }
  std::string output;
  char buffer[4096];
  ssize_t length;
  // EAGAIN: the kernel made a pause after very many objects (kernel/bpf/bpf_iter.c, MAX_ITER_OBJECTS)
  while ((length = read(iterator, buffer, sizeof(buffer))) > 0 ||
         (length < 0 && (errno == EAGAIN || errno == EINTR))) {
    if (length > 0) output.append(buffer, static_cast<size_t>(length));
  }
  error = length < 0 ? errno : 0;
  close(iterator);
  if (error != 0) {
    ThrowBpfError(info.Env(), operation, error);
    return {};
  }
  return Napi::Buffer<char>::Copy(info.Env(), output.data(), output.size());
}

Napi::Value JsProgram::Pin(const Napi::CallbackInfo& info) {
  std::string path;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) || !ReadString(info, 0, "path", &path)) return {};
  int fd = state()->object->FdOf(state()->program);
  int error = fd < 0 ? fd : bpf_obj_pin(fd, path.c_str());
  if (error != 0) ThrowBpfError(info.Env(), std::string("pin ") + bpf_program__name(state()->program) + " at " + path, error);
  return info.Env().Undefined();
}

Napi::Value JsProgram::Adopt(const Napi::CallbackInfo& info) {
  std::string path;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) || !ReadString(info, 0, "path", &path)) return {};
  std::string operation = std::string("adopt ") + bpf_program__name(state()->program) + " from " + path;
  int fd = bpf_obj_get(path.c_str());
  if (fd < 0) {
    ThrowBpfError(info.Env(), operation, fd);
    return {};
  }
  bpf_prog_info kernel = {};
  uint32_t size = sizeof kernel;
  // What else is pinned there is refused by this.
  int error = bpf_prog_get_info_by_fd(fd, &kernel, &size);
  if (error == 0 && strncmp(kernel.name, bpf_program__name(state()->program), BPF_OBJ_NAME_LEN - 1) != 0) error = EINVAL;
  if (error != 0) {
    close(fd);
    ThrowBpfError(info.Env(), operation, error);
    return {};
  }
  state()->object->Adopt(state()->program, fd);
  return info.Env().Undefined();
}

Napi::Value JsProgram::AdoptLink(const Napi::CallbackInfo& info) {
  std::string path;
  if (!state()->object->Require(info.Env(), Object::Phase::kLoaded) || !ReadString(info, 0, "path", &path)) return {};
  std::string operation = std::string("adopt the link of ") + bpf_program__name(state()->program) + " from " + path;
  int fd = bpf_obj_get(path.c_str());
  if (fd < 0) {
    ThrowBpfError(info.Env(), operation, fd);
    return {};
  }
  auto link = std::make_shared<Link>(state()->object, fd);
  bpf_link_info kernel_link = {};
  bpf_prog_info kernel_program = {};
  uint32_t link_size = sizeof kernel_link, program_size = sizeof kernel_program;
  int program = state()->object->FdOf(state()->program);
  int error = bpf_link_get_info_by_fd(fd, &kernel_link, &link_size);
  if (error == 0) error = bpf_prog_get_info_by_fd(program, &kernel_program, &program_size);
  if (error == 0 && kernel_link.prog_id != kernel_program.id) error = EINVAL;
  if (error != 0) {
    link->Close();
    ThrowBpfError(info.Env(), operation, error);
    return {};
  }
  return JsLink::New(info.Env(), std::move(link));
}

}  // namespace spillway
