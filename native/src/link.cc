#include "link.h"

#include <bpf/libbpf.h>

namespace spillway {

// Its result is that of closing descriptors: there is nothing left to do about a failure.
void Link::Release() { bpf_link__destroy(link_); }

}  // namespace spillway
