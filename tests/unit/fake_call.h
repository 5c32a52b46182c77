// A system call without an engine, for tests that walk rows.
#pragma once
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/types.h"

namespace fred::test {

struct Region {
  u64 at, size;
  bool operator==(const Region&) const = default;
};

/// A call without an engine: `kernel` stands for the kernel, and what the walker says is noted.
struct FakeCall {
  struct FakeEngine {
    i64 own = -1'000'000;  // nothing that a program passes
    bool owns_descriptor(i64 fd) const { return fd == own; }
  };

  u64 args[6] = {};
  std::function<i64()> kernel{};
  FakeEngine fake_engine{};
  std::vector<Region> opened{}, outputs{};
  int executed = 0;

  u64 arg(int i) const { return args[i]; }
  GuestAddr addr(int i) const { return GuestAddr{args[i]}; }
  FakeEngine& engine() { return fake_engine; }
  i64 execute() {
    ++executed;
    return kernel();
  }
  GuestAddr buffer(GuestAddr at, u64 size) {
    opened.push_back({at.value, size});
    return at;
  }
  void receive(int i, u64 size) { buffer(addr(i), size); }
  void* scratch(u64) { return nullptr; }
  void pass(int, GuestAddr) {}
  void output(GuestAddr at, u64 size) { outputs.push_back({at.value, size}); }
  template <class T>
  bool get(T& v, GuestAddr from) const {
    return get(&v, from, sizeof v);
  }
  bool get(void* to, GuestAddr from, u64 size) const {
    if (from.value < 4096) return false;
    std::memcpy(to, from.ptr(), size);
    return true;
  }
};

inline u64 at(const void* p) { return reinterpret_cast<u64>(p); }

}  // namespace fred::test
