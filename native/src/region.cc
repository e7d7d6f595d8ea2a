#include "region.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "args.h"
#include "rows.h"

namespace spillway {

namespace {

/// The values of an array, and how much memory they take; null, with an errno in *error, when the kernel refuses.
uint8_t* MapValues(int fd, size_t value_size, size_t entries, size_t* size, size_t* mapped, int* error) {
  // An array's elements lie 8-aligned, one after the other (kernel/bpf/arraymap.c, array_map_alloc).
  *size = (value_size + size_t{7}) / 8 * 8 * entries;
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  *mapped = (*size + page - 1) / page * page;
  void* start = mmap(nullptr, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start != MAP_FAILED) return static_cast<uint8_t*>(start);
  *error = errno;
  return nullptr;
}

}  // namespace

std::shared_ptr<Region> Region::Map(std::shared_ptr<Object> object, const bpf_map* map, int* error) {
  size_t size, mapped;
  uint8_t* start = MapValues(bpf_map__fd(map), bpf_map__value_size(map), bpf_map__max_entries(map), &size, &mapped, error);
  if (start == nullptr) return nullptr;
  Addon& addon = object->environment();
  return std::make_shared<Region>(addon, std::move(object), start, size, mapped);
}

std::shared_ptr<Region> Region::Map(Addon& addon, int fd, int* error) {
  bpf_map_info kernel = {};
  uint32_t info_size = sizeof kernel;
  *error = bpf_map_get_info_by_fd(fd, &kernel, &info_size);
  if (*error == 0 && kernel.type != BPF_MAP_TYPE_ARRAY) *error = EINVAL;
  if (*error != 0) return nullptr;
  size_t size, mapped;
  uint8_t* start = MapValues(fd, kernel.value_size, kernel.max_entries, &size, &mapped, error);
  return start == nullptr ? nullptr : std::make_shared<Region>(addon, nullptr, start, size, mapped);
}

Region::Region(Addon& addon, std::shared_ptr<Object> object, uint8_t* start, size_t size, size_t mapped)
    : Resource(addon, object != nullptr ? object->children() : addon.objects),
      object_(std::move(object)),
      start_(start),
      size_(size),
      mapped_(mapped) {}

void Region::Release() { munmap(start_, mapped_); }

void JsRegion::Define(Napi::Env env) {
  Wrap::Define(env, {
                        Getter<&JsRegion::Size>("size"),
                        Method<&JsRegion::ReadU64>("readU64"),
                        Method<&JsRegion::ReadU32>("readU32"),
                        Method<&JsRegion::SelectRows>("selectRows"),
                        Method<&JsRegion::ReadBytes>("readBytes"),
                        Method<&JsRegion::StoreU32>("storeU32"),
                        Method<&JsRegion::StoreU64>("storeU64"),
                        Method<&JsRegion::DrainU64>("drainU64"),
                        Method<&JsRegion::Zero>("zero"),
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
  *out = state()->start() + offset;
  return true;
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
  if (!selection.Fits(info.Env(), state()->size())) return {};
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

Napi::Value JsRegion::DrainU64(const Napi::CallbackInfo& info) {
  std::span<double> into;
  uint8_t* from;
  if (!ReadArray(info, 0, "into", &into) || !Locate(info, 1, sizeof(uint64_t), into.size_bytes(), &from)) return {};
  auto* words = reinterpret_cast<uint64_t*>(from);
  for (double& out : into) out = static_cast<double>(__atomic_exchange_n(words++, uint64_t{0}, __ATOMIC_ACQ_REL));
  return info.Env().Undefined();
}

Napi::Value JsRegion::Zero(const Napi::CallbackInfo& info) {
  uint64_t length;
  uint8_t* to;
  if (!ReadInteger(info, 1, "length", kMaxSafeInteger, &length) || !Locate(info, 0, 1, length, &to)) return {};
  uint8_t* end = to + length;
  // Whole words where there are whole words, so that no program ever sees half of one.
  while (to < end && (reinterpret_cast<uintptr_t>(to) % sizeof(uint64_t) != 0 || end - to < 8)) __atomic_store_n(to++, uint8_t{0}, __ATOMIC_RELEASE);
  for (; end - to >= 8; to += 8) __atomic_store_n(reinterpret_cast<uint64_t*>(to), uint64_t{0}, __ATOMIC_RELEASE);
  while (to < end) __atomic_store_n(to++, uint8_t{0}, __ATOMIC_RELEASE);
  return info.Env().Undefined();
}

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
