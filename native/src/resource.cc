#include "resource.h"

#include <algorithm>

#include "addon.h"

namespace spillway {

void Owned::Remove(Resource* resource) {
  // From the end: what was opened last is what is closed most.
  auto found = std::find(open_.rbegin(), open_.rend(), resource);
  if (found != open_.rend()) open_.erase(std::next(found).base());
}

void Owned::CloseAll() {
  while (!open_.empty()) open_.back()->Close();
}

Resource::Resource(Addon& addon, Owned& owner) : addon_(addon), owner_(owner) {
  owner_.Add(this);
  addon_.live_handles++;
}

void Resource::Close() {
  if (!open_) return;
  open_ = false;
  Release();
  owner_.Remove(this);
  addon_.live_handles--;
}

}  // namespace spillway
