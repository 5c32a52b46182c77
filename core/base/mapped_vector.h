// A vector for the engine's large tables: it grows in place or by moving pages, never by copying, and its pages are
// asked for some at a time before they are touched. (A std::vector of a million exits touches four times the pages,
// by one page fault each: a third of the time that a compiler's short run took.)
#pragma once
#include <type_traits>
#include <utility>

#include "core/base/types.h"

namespace fred {

/// Private anonymous memory that grows; new bytes are 0. Stops loudly where there is none left.
class MappedBytes {
 public:
  MappedBytes() = default;
  ~MappedBytes();
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;
  MappedBytes(MappedBytes&& other) noexcept;
  MappedBytes& operator=(MappedBytes&& other) noexcept;

  u8* data() const { return data_; }
  /// The first `size` bytes can be used without a page fault, as far as the kernel can do that. data() may change.
  void provide(u64 size) {
    if (size > provided_) grow(size);
  }

 private:
  void grow(u64 size);

  u8* data_ = nullptr;
  u64 mapped_ = 0, provided_ = 0;
};

/// What of a mapping is about to be touched, the kernel is asked for at once: from `from` on, at least to `to`. Returns
/// up to where. Of no effect on kernels before 5.14, but for the time it takes.
u64 populate_ahead(u64 from, u64 to, u64 mapping_end);

template <class T>
class MappedVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  MappedVector() = default;
  MappedVector(MappedVector&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  MappedVector& operator=(MappedVector&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }

  u64 size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return reinterpret_cast<T*>(bytes_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data()); }
  T& operator[](u64 i) { return data()[i]; }
  const T& operator[](u64 i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  /// Elements and pointers to them may move.
  void push_back(const T& value) {
    const T copy = value;  // it may be one of ours
    bytes_.provide((size_ + 1) * sizeof(T));
    data()[size_++] = copy;
  }
  /// New ones are T{}.
  void resize(u64 size) {
    bytes_.provide(size * sizeof(T));
    for (; size_ < size; ++size_) data()[size_] = T{};
    size_ = size;
  }
  void clear() { size_ = 0; }

 private:
  MappedBytes bytes_;
  u64 size_ = 0;
};

}  // namespace fred
