// Is a thread taken for one that spins, by what it was found at?
#include "core/threads/pace.h"

#include <doctest/doctest.h>

namespace fred {
namespace {

using Found = Pace::Found;

Registers registers_at(u64 rip) {
  Registers regs{};
  for (u64 r = 0; r < std::size(regs.gpr); ++r) regs.gpr[r] = 1000 * r;
  regs.rip = rip;
  return regs;
}

/// The second of two looks, between which that many registers have changed.
Found found(int changes, u64 rip_before = 0x1000, u64 rip = 0x1000) {
  Pace pace;
  REQUIRE(pace.look(registers_at(rip_before)) == Found::works);
  auto regs = registers_at(rip);
  for (int r = 0, left = changes; left > 0; ++r) {
    if (r == rsp) continue;
    ++regs.gpr[r];
    --left;
  }
  return pace.look(regs);
}

TEST_CASE("a thread that is found unchanged waits, one with few changes perhaps") {
  CHECK(found(0) == Found::waits);
  for (int changes = 1; changes <= 3; ++changes) CHECK(found(changes) == Found::perhaps_waits);
  for (int changes = 4; changes < 16; ++changes) CHECK(found(changes) == Found::works);
}

TEST_CASE("another place is another loop, whatever the registers are") {
  CHECK(found(0, 0x1000, 0x1000 + 256) == Found::waits);  // another tick of the same loop
  CHECK(found(0, 0x1000, 0x1000 - 256) == Found::waits);
  CHECK(found(0, 0x1000, 0x2000) == Found::works);
  CHECK(found(0, 0x2000, 0x1000) == Found::works);
  Pace pace;
  auto regs = registers_at(0x1000);
  pace.look(regs);
  regs.gpr[rsp] += 16;  // another call
  CHECK(pace.look(regs) == Found::works);
}

TEST_CASE("who has waited is looked at more often, for a while") {
  Pace pace;
  for (u64 i = 1; i < 100; ++i) pace.look(registers_at(i << 16));
  const u64 seldom = pace.look_every(true);
  CHECK(pace.look_every(false) > seldom);  // there is nobody to give way to
  pace.look(registers_at(99 << 16));
  const u64 often = pace.look_every(true);
  CHECK(often < seldom);
  pace.look(registers_at(0));
  CHECK(pace.look_every(true) == often);
  for (u64 i = 1; i < 100; ++i) pace.look(registers_at(i << 16));
  CHECK(pace.look_every(true) == seldom);
}

}  // namespace
}  // namespace fred
