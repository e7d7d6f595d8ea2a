// What libbpf and the verifier have to say about one operation.
#pragma once

#include <string>

namespace spillway {

/// While one lives, what libbpf prints on this thread goes into it; at other times it is dropped.
/// Never to stderr, which belongs to the program around us.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// What was printed; of more than 64 KiB the end, where the verifier gives its reason.
  std::string Text() const;
  void Append(std::string_view text);

  /// Directs libbpf's messages here, for the whole process. May be repeated.
  static void Install();

 private:
  LogCapture* outer_;
  std::string tail_;
  size_t dropped_ = 0;
};

}  // namespace spillway
