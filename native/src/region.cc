#include "region.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "args.h"
#include "rows.h"

namespace spillway {

namespace {

/// What is mapped at least, and each time more: a quarter of what there is, so that the largest tables take few steps too.
constexpr size_t kStep = 256 * 1024;

}  // namespace

std::shared_ptr<Region> Region::Map(std::shared_ptr<Object> object, const bpf_map* map, int* error) {
  Addon& addon = object->environment();
  return Reserve(addon, std::move(object), bpf_map__fd(map), bpf_map__value_size(map), bpf_map__max_entries(map), kStep, error);
}

std::shared_ptr<Region> Region::Map(Addon& addon, int fd, int* error) {
  bpf_map_info kernel = {};
  uint32_t info_size = sizeof kernel;
  *error = bpf_map_get_info_by_fd(fd, &kernel, &info_size);
  if (*error == 0 && kernel.type != BPF_MAP_TYPE_ARRAY) *error = EINVAL;
  if (*error != 0) return nullptr;
  return Reserve(addon, nullptr, fd, kernel.value_size, kernel.max_entries, SIZE_MAX, error);
}

std::shared_ptr<Region> Region::Reserve(Addon& addon, std::shared_ptr<Object> object, int fd, size_t value_size, size_t entries,
                                        size_t reached, int* error) {
  // An array's elements lie 8-aligned, one after the other (kernel/bpf/arraymap.c, array_map_alloc).
  size_t size = (value_size + size_t{7}) / 8 * 8 * entries;
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t reserved = (size + page - 1) / page * page;
  void* start = mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    *error = errno;
    return nullptr;
  }
  auto region = std::make_shared<Region>(addon, std::move(object), fd, static_cast<uint8_t*>(start), size, reserved);
  // A map that cannot be mapped says so now.
  *error = region->Reach(std::min(reached, size));
  return *error == 0 ? region : nullptr;
}

Region::Region(Addon& addon, std::shared_ptr<Object> object, int fd, uint8_t* start, size_t size, size_t reserved)
    : Resource(addon, object != nullptr ? object->children() : addon.objects),
      object_(std::move(object)),
      fd_(fd),
      start_(start),
      size_(size),
      reserved_(reserved) {}

int Region::Reach(size_t length) {
  if (length <= mapped_) return 0;
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t wanted = std::max(length, mapped_ + std::max(kStep, mapped_ / 4));
  size_t end = std::min(reserved_, (wanted + page - 1) / page * page);
  void* more = mmap(start_ + mapped_, end - mapped_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(mapped_));
  if (more == MAP_FAILED) return errno;
  mapped_ = end;
  return 0;
}

void Region::Release() { munmap(start_, reserved_); }

void JsRegion::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Getter<&JsRegion::Size>("size"),
                        Method<&JsRegion::ReadU64>("readU64"),
                        Method<&JsRegion::ReadU32>("readU32"),
                        Method<&JsRegion::SelectRows>("selectRows"),
                        Method<&JsRegion::ReadBytes>("readBytes"),
                        Method<&JsRegion::StoreU32>("storeU32"),
                        Method<&JsRegion::StoreU64>("storeU64"),
                        Method<&JsRegion::WriteBytes>("writeBytes"),
                        CloseMethod(),
                    });
}

bool JsRegion::Locate(const Napi::CallbackInfo& info, size_t index, size_t alignment, uint64_t length, uint8_t** out) {
  uint64_t offset;
  if (!ReadInteger(info, index, "offset", kMaxSafeInteger, &offset)) return false;
  size_t size = state()->size();
  if (offset > size || length > size - offset) {
    ThrowRangeError(info.Env(), std::to_string(length) + " bytes at offset " + std::to_string(offset) + " reach outside the region of " +
                                    std::to_string(size) + " bytes");
    return false;
  }
  if (offset % alignment != 0) {
    ThrowRangeError(info.Env(), "offset " + std::to_string(offset) + " is not a multiple of " + std::to_string(alignment));
    return false;
  }
  if (!Reach(info.Env(), offset + length)) return false;
  *out = state()->start() + offset;
  return true;
}

bool JsRegion::Reach(Napi::Env env, size_t length) {
  int error = state()->Reach(length);
  if (error == 0) return true;
  ThrowBpfError(env, "map " + std::to_string(length) + " bytes of values", error);
  return false;
}

Napi::Value JsRegion::Size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(state()->size()));
}

template <class Word, class Element>
Napi::Value JsRegion::Gather(const Napi::CallbackInfo& info) {
  std::span<Element> into;
  uint64_t stride, rows, columns;
  // No count above 2^32 and no stride above 2^53 can fit; with these bounds the products below
  // stay within 128 bits.
  if (!ReadArray(info, 0, "into", &into) || !ReadInteger(info, 2, "stride", kMaxSafeInteger, &stride) ||
      !ReadInteger(info, 3, "rows", UINT32_MAX, &rows) || !ReadInteger(info, 4, "columns", UINT32_MAX, &columns)) {
    return {};
  }
  if (stride % sizeof(Word) != 0) {
    ThrowRangeError(info.Env(), "stride " + std::to_string(stride) + " is not a multiple of " + std::to_string(sizeof(Word)));
    return {};
  }
  if (rows * columns > into.size()) {
    ThrowRangeError(info.Env(), "into holds " + std::to_string(into.size()) + " elements, not " + std::to_string(rows) + " * " +
                                    std::to_string(columns));
    return {};
  }
  unsigned __int128 extent = 0;
  if (rows > 0 && columns > 0) extent = static_cast<unsigned __int128>(rows - 1) * stride + columns * sizeof(Word);
  // Any extent too long for 64 bits is too long for the region; so is the largest that is not.
  uint64_t length = extent > UINT64_MAX ? UINT64_MAX : static_cast<uint64_t>(extent);
  uint8_t* row;
  if (!Locate(info, 1, sizeof(Word), length, &row)) return {};
  Element* out = into.data();
  for (uint64_t r = 0; r < rows; r++, row += stride) {
    auto* words = reinterpret_cast<const Word*>(row);
    for (uint64_t c = 0; c < columns; c++) *out++ = static_cast<Element>(__atomic_load_n(words + c, __ATOMIC_ACQUIRE));
  }
  return info.Env().Undefined();
}

Napi::Value JsRegion::ReadU64(const Napi::CallbackInfo& info) { return Gather<uint64_t, double>(info); }

Napi::Value JsRegion::ReadU32(const Napi::CallbackInfo& info) { return Gather<uint32_t, uint32_t>(info); }

Napi::Value JsRegion::SelectRows(const Napi::CallbackInfo& info) {
  RowSelection selection;
  if (!ReadRowSelection(info, &selection)) return {};
  if (const char* why = state()->Unusable()) {
    ThrowTypeError(info.Env(), std::string(kName) + " " + why);
    return {};
  }
  if (!selection.Fits(info.Env(), state()->size()) || !Reach(info.Env(), selection.End())) return {};
  return Napi::Number::New(info.Env(), static_cast<double>(selection.Run(state()->start())));
}

Napi::Value JsRegion::ReadBytes(const Napi::CallbackInfo& info) {
  uint64_t length;
  uint8_t* from;
  if (!ReadInteger(info, 1, "length", kMaxSafeInteger, &length) || !Locate(info, 0, 1, length, &from)) return {};
  return Napi::Buffer<uint8_t>::Copy(info.Env(), from, length);
}

template <class Word>
Napi::Value JsRegion::Store(const Napi::CallbackInfo& info, uint64_t max) {
  uint64_t value;
  uint8_t* to;
  if (!Locate(info, 0, sizeof(Word), sizeof(Word), &to) || !ReadInteger(info, 1, "value", max, &value)) return {};
  __atomic_store_n(reinterpret_cast<Word*>(to), static_cast<Word>(value), __ATOMIC_RELEASE);
  return info.Env().Undefined();
}

Napi::Value JsRegion::StoreU32(const Napi::CallbackInfo& info) { return Store<uint32_t>(info, UINT32_MAX); }

Napi::Value JsRegion::StoreU64(const Napi::CallbackInfo& info) { return Store<uint64_t>(info, kMaxSafeInteger); }

Napi::Value JsRegion::WriteBytes(const Napi::CallbackInfo& info) {
  std::span<uint8_t> bytes;
  uint8_t* to;
  if (!spillway::ReadBytes(info, 1, "bytes", &bytes) || !Locate(info, 0, 1, bytes.size(), &to)) return {};
  if (!bytes.empty()) memcpy(to, bytes.data(), bytes.size());
  return info.Env().Undefined();
}

Napi::Value MapPinned(const Napi::CallbackInfo& info) {
  std::string path;
  if (!ReadString(info, 0, "path", &path)) return {};
  int fd = bpf_obj_get(path.c_str());
  int error = fd < 0 ? fd : 0;
  std::shared_ptr<Region> region;
  if (error == 0) region = Region::Map(Addon::Of(info.Env()), fd, &error);
  if (fd >= 0) close(fd);
  if (region == nullptr) {
    ThrowBpfError(info.Env(), "map values of " + path, error);
    return {};
  }
  return JsRegion::New(info.Env(), std::move(region));
}

}  // namespace spillway
