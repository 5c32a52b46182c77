// Values to bytes and back, for pointer-free state and descriptions that go through the log. Little-endian
// as in memory; a reader never goes past its input and says at the end whether all was well.
#pragma once
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/types.h"

namespace fred {

class ByteWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T> ByteWriter& put(const T& v) {
    const auto* p = reinterpret_cast<const u8*>(&v);
    bytes_.insert(bytes_.end(), p, p + sizeof v);
    return *this;
  }
  ByteWriter& put(std::span<const u8> v) {
    put<u64>(v.size());
    bytes_.insert(bytes_.end(), v.begin(), v.end());
    return *this;
  }
  ByteWriter& put(const std::string& v) { return put(std::span(reinterpret_cast<const u8*>(v.data()), v.size())); }
  std::vector<u8> take() { return std::move(bytes_); }

 private:
  std::vector<u8> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const u8> bytes) : rest_(bytes) {}
  template <class T>
  requires std::is_trivially_copyable_v<T> ByteReader& get(T& v) {
    if (!need(sizeof v)) return *this;
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_ = rest_.subspan(sizeof v);
    return *this;
  }
  ByteReader& get(std::vector<u8>& v) {
    if (const auto part = counted(); ok_) v.assign(part.begin(), part.end());
    return *this;
  }
  ByteReader& get(std::string& v) {
    if (const auto part = counted(); ok_) v.assign(part.begin(), part.end());
    return *this;
  }
  template <class T>
  T get() {
    T v{};
    get(v);
    return v;
  }
  /// False once anything was missing; values read after that are unchanged.
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  bool need(u64 n) { return ok_ = ok_ && rest_.size() >= n; }
  std::span<const u8> counted() {
    u64 n = 0;
    get(n);
    if (!need(n)) return {};
    const auto part = rest_.first(n);
    rest_ = rest_.subspan(n);
    return part;
  }
  std::span<const u8> rest_;
  bool ok_ = true;
};

}  // namespace fred
