#include "rows.h"

#include <string>

#include "args.h"
#include "errors.h"

namespace spillway {
namespace {

/// Sizes and offsets beyond this cannot be meant, and products of two of them stay within 64 bits.
constexpr uint64_t kMost = UINT32_MAX;

bool ReadMember(Napi::Object object, const char* name, uint64_t* out) {
  Napi::Value value = object.Get(name);
  // a getter may have thrown
  if (value.IsEmpty()) return false;
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= static_cast<double>(kMost)) || number != static_cast<double>(static_cast<uint64_t>(number))) {
    ThrowRangeError(object.Env(), std::string(name) + " must be an integer from 0 to " + std::to_string(kMost));
    return false;
  }
  *out = static_cast<uint64_t>(number);
  return true;
}

/// Of a column that was read before: no JavaScript runs here.
template <class T>
bool TakeColumn(Napi::Value value, const char* name, napi_typedarray_type wanted, uint64_t least, std::span<T>* out) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  napi_status status = napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != wanted) {
    ThrowTypeError(value.Env(), std::string(name) + " is not the typed array that it must be");
    return false;
  }
  if (length < least) {
    ThrowRangeError(value.Env(),
                    std::string(name) + " holds " + std::to_string(length) + " elements, not " + std::to_string(least));
    return false;
  }
  *out = {static_cast<T*>(data), length};
  return true;
}

}  // namespace

bool ReadRowSelection(const Napi::CallbackInfo& info, RowSelection* out) {
  if (!info[0].IsObject() || !info[1].IsObject()) {
    ThrowTypeError(info.Env(), "selectRows takes a layout and columns");
    return false;
  }
  auto layout = info[0].As<Napi::Object>();
  auto into = info[1].As<Napi::Object>();
  RowSelection& s = *out;
  if (!ReadMember(layout, "offset", &s.offset) || !ReadMember(layout, "stride", &s.stride) || !ReadMember(layout, "rows", &s.rows) ||
      !ReadMember(layout, "state", &s.state) || !ReadMember(layout, "accept", &s.accept) || !ReadMember(layout, "words", &s.words) ||
      !ReadMember(layout, "wordColumns", &s.word_columns) || !ReadMember(layout, "counters", &s.counters) ||
      !ReadMember(layout, "counterColumns", &s.counter_columns)) {
    return false;
  }
  // All of them before the first is looked at: a getter may throw, and it may take away what another one has returned.
  Napi::Value columns[4];
  const char* names[4] = {"indices", "states", "words", "counters"};
  for (size_t i = 0; i < 4; i++) {
    columns[i] = into.Get(names[i]);
    if (columns[i].IsEmpty()) return false;
  }
  bool aligned = s.offset % 8 == 0 && s.stride % 8 == 0 && s.counters % 8 == 0 && s.state % 4 == 0 && s.words % 4 == 0;
  bool inside = s.state + 4 <= s.stride && s.words + 4 * s.word_columns <= s.stride && s.counters + 8 * s.counter_columns <= s.stride;
  if (!aligned || !inside) {
    ThrowRangeError(info.Env(), "the parts of a row must be aligned to their size and lie within its stride");
    return false;
  }
  return TakeColumn(columns[0], names[0], napi_uint32_array, s.rows, &s.indices) &&
         TakeColumn(columns[1], names[1], napi_uint32_array, s.rows, &s.states) &&
         TakeColumn(columns[2], names[2], napi_uint32_array, s.rows * s.word_columns, &s.word_values) &&
         TakeColumn(columns[3], names[3], napi_float64_array, s.rows * s.counter_columns, &s.counter_values);
}

bool RowSelection::Fits(Napi::Env env, size_t size) const {
  if (End() <= size) return true;
  ThrowRangeError(env, std::to_string(rows) + " rows of " + std::to_string(stride) + " bytes from offset " + std::to_string(offset) +
                           " reach outside the region of " + std::to_string(size) + " bytes");
  return false;
}

size_t RowSelection::Run(const uint8_t* start) const {
  const uint8_t* record = start + offset;
  uint32_t* word_out = word_values.data();
  double* counter_out = counter_values.data();
  size_t selected = 0;
  for (uint64_t row = 0; row < rows; row++, record += stride) {
    uint32_t value = __atomic_load_n(reinterpret_cast<const uint32_t*>(record + state), __ATOMIC_ACQUIRE);
    if (value > 31 || (accept >> value & 1) == 0) continue;
    indices[selected] = static_cast<uint32_t>(row);
    states[selected++] = value;
    auto* word = reinterpret_cast<const uint32_t*>(record + words);
    for (uint64_t c = 0; c < word_columns; c++) *word_out++ = __atomic_load_n(word + c, __ATOMIC_ACQUIRE);
    auto* counter = reinterpret_cast<const uint64_t*>(record + counters);
    for (uint64_t c = 0; c < counter_columns; c++) *counter_out++ = static_cast<double>(__atomic_load_n(counter + c, __ATOMIC_ACQUIRE));
  }
  return selected;
}

}  // namespace spillway
