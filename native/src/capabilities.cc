#include "capabilities.h"

#include <dirent.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <vector>

#include "args.h"
#include "errors.h"

namespace spillway {
namespace {

// What a signal handler uses. Only ever smaller: a thread that answers late does what the latest call wants.
std::atomic<uint64_t> wanted{~uint64_t{0}};
std::atomic<int> failure{0};

/// Limits the calling thread. System calls only: it runs in a signal handler. Returns 0 or the errno.
int LimitThisThread(uint64_t keep) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return errno;
  // First what a program that is executed later could get back, because that takes CAP_SETPCAP. Without it the limits of
  // our own parent hold.
  if ((data[0].effective & (1u << CAP_SETPCAP)) != 0) {
    for (int capability = 0; capability < 64; capability++) {
      if ((keep >> capability & 1) != 0) continue;
      // EINVAL: the kernel knows no more capabilities.
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
    }
  }
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
    auto mask = static_cast<uint32_t>(keep >> (32 * half));
    data[half].effective &= mask;
    data[half].permitted &= mask;
    data[half].inheritable &= mask;
  }
  // The kernel takes them out of the ambient set too.
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

void OnSignal(int) {
  int saved = errno;
  int error = LimitThisThread(wanted.load());
  if (error != 0) failure.store(error);
  errno = saved;
}

struct Thread {
  pid_t id;
  uint64_t permitted;
  uint64_t blocked;
  std::string name;
};

uint64_t Field(const std::string& status, const char* name) {
  size_t at = status.find(std::string("\n") + name + ":\t");
  return at == std::string::npos ? 0 : strtoull(status.c_str() + status.find('\t', at) + 1, nullptr, 16);
}

/// Threads that still have a capability outside `keep`. Returns 0 or the errno.
int Exceeding(uint64_t keep, std::vector<Thread>* out) {
  out->clear();
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return errno;
  while (dirent* entry = readdir(tasks)) {
    pid_t id = atoi(entry->d_name);
    if (id <= 0) continue;
    FILE* file = fopen(("/proc/self/task/" + std::string(entry->d_name) + "/status").c_str(), "re");
    // It has ended meanwhile.
    if (file == nullptr) continue;
    char text[8192];
    std::string status(text, fread(text, 1, sizeof text, file));
    fclose(file);
    Thread thread = {id, Field(status, "CapPrm"), Field(status, "SigBlk"), status.substr(6, status.find('\n') - 6)};
    if ((thread.permitted & ~keep) != 0) out->push_back(thread);
  }
  closedir(tasks);
  return 0;
}

/// One that neither Node nor a runtime of its uses.
int Signal() { return SIGRTMAX - 1; }

constexpr timespec kRound = {0, 2'000'000};
/// 10 seconds: a thread may sit in a system call that nothing interrupts, such as membarrier.
constexpr int kRounds = 5000;
/// Half a second: a thread that begins blocks all signals for a moment; one that does so for ever never answers.
constexpr int kBlockedRounds = 250;

/// Makes every thread limit itself. Returns 0, the errno, or ETIMEDOUT with what is left in `exceeding`.
int LimitAllThreads(uint64_t keep, std::vector<Thread>* exceeding) {
  wanted.fetch_and(keep);
  failure.store(0);
  int error = LimitThisThread(wanted.load());
  if (error != 0) return error;
  // Stays: the default action for a signal that arrives late would end the process.
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  if (sigaction(Signal(), &action, nullptr) != 0) return errno;
  // A thread that began while its maker had not answered yet has what that had: so again until none is found.
  std::vector<pid_t> asked;
  int blocked_rounds = 0;
  for (int round = 0; round < kRounds; round++) {
    if ((error = Exceeding(keep, exceeding)) != 0) return error;
    if ((error = failure.load()) != 0) return error;
    if (exceeding->empty()) return 0;
    bool reachable = false;
    for (const Thread& thread : *exceeding) {
      reachable |= (thread.blocked >> (Signal() - 1) & 1) == 0;
      bool is_asked = false;
      for (pid_t id : asked) is_asked |= id == thread.id;
      if (is_asked) continue;
      // ESRCH: it has ended.
      if (syscall(SYS_tgkill, getpid(), thread.id, Signal()) == 0) asked.push_back(thread.id);
    }
    blocked_rounds = reachable ? 0 : blocked_rounds + 1;
    if (blocked_rounds == kBlockedRounds) break;
    nanosleep(&kRound, nullptr);
  }
  return ETIMEDOUT;
}

}  // namespace

Napi::Value LimitCapabilities(const Napi::CallbackInfo& info) {
  uint64_t keep = 0;
  if (!info[0].IsArray()) {
    ThrowTypeError(info.Env(), "keep must be an array of numbers");
    return {};
  }
  auto list = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    Napi::Value value = list[i];
    double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number < 64) || number != static_cast<int>(number)) {
      ThrowRangeError(info.Env(), "keep must hold integers from 0 to 63, not " + value.ToString().Utf8Value());
      return {};
    }
    keep |= uint64_t{1} << static_cast<int>(number);
  }
  // Workers share the process.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<Thread> exceeding;
  int error = LimitAllThreads(keep, &exceeding);
  if (error == 0) return info.Env().Undefined();
  std::string operation = "limit capabilities";
  const char* separator = " of thread ";
  for (const Thread& thread : exceeding) {
    operation += separator + thread.name + " (" + std::to_string(thread.id) + ")";
    separator = ", ";
  }
  ThrowBpfError(info.Env(), operation, error);
  return {};
}

}  // namespace spillway
