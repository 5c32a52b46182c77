// The numbers of the project have types, so that a guest address, a code-cache address, a point in
// time and an event number cannot be mixed up. Conversions are named.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>

namespace fred {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

inline constexpr u64 page_size = 4096;
constexpr u64 page_floor(u64 v) { return v & ~(page_size - 1); }
constexpr u64 page_ceil(u64 v) { return (v + page_size - 1) & ~(page_size - 1); }

/// An address in the guest's view of memory. The engine hosts its guest, so the byte lies at the same
/// address of this process; `ptr()` says so where it is used. Nothing says that it is mapped.
struct GuestAddr {
  u64 value = 0;
  constexpr GuestAddr() = default;
  constexpr explicit GuestAddr(u64 v) : value(v) {}
  auto operator<=>(const GuestAddr&) const = default;
  constexpr GuestAddr operator+(u64 n) const { return GuestAddr{value + n}; }
  constexpr GuestAddr operator-(u64 n) const { return GuestAddr{value - n}; }
  constexpr u64 operator-(GuestAddr o) const { return value - o.value; }
  template <class T = void>
  T* ptr() const {
    return reinterpret_cast<T*>(value);
  }
};

/// An address of emitted code in a code cache window.
struct CacheAddr {
  u64 value = 0;
  constexpr CacheAddr() = default;
  constexpr explicit CacheAddr(u64 v) : value(v) {}
  auto operator<=>(const CacheAddr&) const = default;
  constexpr CacheAddr operator+(u64 n) const { return CacheAddr{value + n}; }
  constexpr u64 operator-(CacheAddr o) const { return value - o.value; }
  constexpr explicit operator bool() const { return value != 0; }
  u8* ptr() const { return reinterpret_cast<u8*>(value); }
};

/// A half-open range of guest addresses.
struct GuestRange {
  GuestAddr begin, end;
  constexpr u64 size() const { return end.value - begin.value; }
  constexpr bool empty() const { return end <= begin; }
  constexpr bool contains(GuestAddr a) const { return begin <= a && a < end; }
  constexpr bool overlaps(GuestRange o) const { return begin < o.end && o.begin < end; }
  auto operator<=>(const GuestRange&) const = default;
};
constexpr GuestRange guest_range(GuestAddr begin, u64 size) { return {begin, begin + size}; }

/// One point of an execution; Times compare in execution order. A tick is an executed transfer of
/// control after which an address could repeat (ARCHITECTURE.md, "Time").
struct Time {
  u64 ticks = 0;
  GuestAddr pc;
  u64 rest = 0;  // iterations done of the `rep` instruction at pc, else 0
  u8 phase = 0;  // 0: about to execute pc; 1: a fault or signal raised there, not yet delivered
  auto operator<=>(const Time&) const = default;
};

/// The ordinal of an event in one recording, from 0.
enum class EventNumber : u64 {};

/// A byte offset in a file.
enum class FileOffset : u64 {};

}  // namespace fred
