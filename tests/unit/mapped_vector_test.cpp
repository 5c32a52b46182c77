// The vector of the large tables.
#include "core/base/mapped_vector.h"

#include <utility>

#include "test.h"

namespace fred {

TEST_CASE("mapped vector: keeps what is put in while it grows to many times its first mapping") {
  struct Element {
    u64 number = 77;
    u8 other[24] = {};
  };
  MappedVector<Element> v;
  CHECK(v.empty());
  constexpr u64 count = 100'000;  // 3 MB
  for (u64 i = 0; i < count; ++i) v.push_back({.number = i});
  v.push_back(v[5]);
  REQUIRE(v.size() == count + 1);
  CHECK(v[count].number == 5);
  for (u64 i = 0; i < count; ++i) REQUIRE(v[i].number == i);
  auto moved = std::move(v);
  CHECK(v.empty());
  CHECK(moved[count - 1].number == count - 1);
  moved.resize(3);
  moved.resize(5);
  CHECK(moved[2].number == 2);
  CHECK(moved[3].number == 77);
  moved.clear();
  CHECK(moved.empty());
}

}  // namespace fred
