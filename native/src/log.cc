#include "log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace spillway {
namespace {

constexpr size_t kKept = 64 * 1024;

// A pointer, so that it needs no destructor: a worker's thread may outlive its last operation.
thread_local LogCapture* current = nullptr;

int Print(enum libbpf_print_level level, const char* format, va_list args) {
  // Debug messages tell each relocation and probe: megabytes, and no reason for a failure.
  if (current == nullptr || level == LIBBPF_DEBUG) return 0;
  va_list measured;
  va_copy(measured, args);
  int length = vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  if (length <= 0) return 0;
  // One message may be a whole verifier log, 16 MiB at most (libbpf.c, bpf_object_load_prog).
  std::string message(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(message.data(), message.size(), format, args);
  message.pop_back();
  current->Append(message);
  return length;
}

}  // namespace

LogCapture::LogCapture() : outer_(current) { current = this; }

LogCapture::~LogCapture() { current = outer_; }

void LogCapture::Append(std::string_view text) {
  tail_ += text;
  if (tail_.size() > kKept) {
    dropped_ += tail_.size() - kKept;
    tail_.erase(0, tail_.size() - kKept);
  }
}

std::string LogCapture::Text() const {
  if (dropped_ == 0) return tail_;
  return "[" + std::to_string(dropped_) + " bytes dropped]\n" + tail_;
}

void LogCapture::Install() { libbpf_set_print(Print); }

}  // namespace spillway
