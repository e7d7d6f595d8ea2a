// The wanted ones of many records, gathered in one pass: MappedRegion.selectRows of lib/index.ts.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace spillway {

/// RowLayout and RowColumns, checked.
struct RowSelection {
  uint64_t offset, stride, rows;
  uint64_t state, accept;
  uint64_t words, word_columns;
  uint64_t counters, counter_columns;
  std::span<uint32_t> indices, states, word_values;
  std::span<double> counter_values;

  /// Whether all rows lie within a region of `size` bytes; false once it has thrown.
  bool Fits(Napi::Env env, size_t size) const;
  /// Where in the region the last row ends. No sum of the two overflows: each factor fits 32 bits.
  size_t End() const { return offset + rows * stride; }
  /// Reads from the region that begins at `start`; the number of rows that were wanted.
  size_t Run(const uint8_t* start) const;
};

/// Reads the two arguments of selectRows; false once it has thrown. Getters of theirs may do anything, as close the region.
bool ReadRowSelection(const Napi::CallbackInfo& info, RowSelection* out);

}  // namespace spillway
