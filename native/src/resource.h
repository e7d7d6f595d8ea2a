// Lifetimes. A resource holds something of the kernel's and gives it back exactly once: when it is
// closed, when its owner is, when JavaScript has dropped it, or when its environment ends.
#pragma once

#include <cstddef>
#include <vector>

namespace spillway {

class Addon;
class Resource;

/// The open resources that came out of an owner (an environment or an object).
class Owned {
 public:
  void Add(Resource* resource) { open_.push_back(resource); }
  void Remove(Resource* resource);
  /// Closes the youngest first, so that what was built on another goes before it.
  void CloseAll();
  const std::vector<Resource*>& open() const { return open_; }

 private:
  std::vector<Resource*> open_;
};

/// Used on its environment's thread only. A class that derives from it is final, or calls Close()
/// in its own destructor: by the time ~Resource runs, Release() is no longer the derived one.
class Resource {
 public:
  Resource(Addon& addon, Owned& owner);
  virtual ~Resource() = default;
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  bool is_open() const { return open_; }
  /// Why calls on it are refused; null when they are not.
  virtual const char* Unusable() const { return open_ ? nullptr : "is closed"; }
  void Close();

 protected:
  /// Called once. Must not run JavaScript.
  virtual void Release() = 0;
  Addon& addon() const { return addon_; }

 private:
  // Valid while open: the environment closes what is left before it goes.
  Addon& addon_;
  Owned& owner_;
  bool open_ = true;
};

}  // namespace spillway
