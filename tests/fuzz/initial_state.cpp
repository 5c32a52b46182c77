#include "tests/fuzz/initial_state.h"

#include <cstring>

#include "core/arch/x86/guest_cpu.h"

namespace fred::fuzz {

namespace {

void fill_vector(Random& random, Case& c, u64 mask) {
  auto* area = c.vector.data();
  const auto fill = [&](u64 offset, u64 size) {
    for (u64 at = 0; at + 8 <= size; at += 8) {
      u64 v = random.next();
      switch (random.below(6)) {
        case 0: {
          const double d = random.of({0.0, -0.0, 1.0, -2.5, 1e300, 5e-324});
          std::memcpy(&v, &d, 8);
          break;
        }
        case 1: {
          const float f[2] = {random.of({0.0f, 1.0f, -3.25f, 1e38f}), random.of({1e-45f, 2.0f, -1.0f})};
          std::memcpy(&v, f, 8);
          break;
        }
        case 2:
          v = random.value();
          break;
        default:
          break;
      }
      std::memcpy(area + offset + at, &v, 8);
    }
  };
  const u16 fcw = static_cast<u16>(
      random.chance(70) ? 0x37f : 0x340 | random.below(4) << 10 | (random.chance(30) ? random.below(64) : 63));
  const u16 fsw = static_cast<u16>(random.below(8) << 11 | (random.byte() & 7) << 8);
  std::memcpy(area, &fcw, 2);
  std::memcpy(area + 2, &fsw, 2);
  area[4] = random.chance(50) ? random.byte() : 0;
  u32 mxcsr = 0x1f80;
  if (random.chance(30))
    mxcsr = 0x1f80 | random.below(4) << 13 | random.below(2) << 15 | random.below(2) << 6 | random.below(64);
  if (random.chance(6)) mxcsr &= ~(random.below(64) << 7);
  std::memcpy(area + 24, &mxcsr, 4);
  for (u32 i = 0; i < 8; ++i) {
    u64 mantissa = random.next();
    if (random.chance(80)) mantissa |= u64{1} << 63;
    const u16 exponent = static_cast<u16>(random.chance(80) ? 16383 - 20 + random.below(40) : random.next());
    std::memcpy(area + 32 + 16 * i, &mantissa, 8);
    std::memcpy(area + 32 + 16 * i + 8, &exponent, 2);
  }
  fill(160, 256);
  u64 present = mask;
  for (const u32 n : {2u, 5u, 6u, 7u}) {
    if ((mask >> n & 1) == 0) continue;
    const auto part = xsave_component(n);
    fill(part.offset, part.size);
    if (random.chance(20)) present &= ~(u64{1} << n);
  }
  for (const u32 n : {0u, 1u}) {
    if (random.chance(10)) present &= ~(u64{1} << n);
  }
  std::memset(area + 512, 0, 64);
  std::memcpy(area + 512, &present, 8);
}

}  // namespace

Roles make_roles(Random& random) {
  Roles roles{};
  roles[rsp] = Role::stack;
  const auto give = [&](Role role) {
    for (;;) {
      const u32 r = random.below(16);
      if (roles[r] != Role::free) continue;
      roles[r] = role;
      return;
    }
  };
  if (random.chance(55)) roles[rsi] = roles[rdi] = Role::pointer;
  if (random.chance(35)) roles[rcx] = Role::counter;
  for (u32 i = 1 + random.below(3); i != 0; --i) give(Role::pointer);
  if (roles[rcx] != Role::counter && random.chance(70)) give(Role::counter);
  if (random.chance(80)) give(Role::index);
  if (random.chance(40)) give(Role::table);
  if (random.chance(30)) give(Role::bad_pointer);
  return roles;
}

void make_state(Random& random, const Roles& roles, const Places& places, const std::vector<u8>& vector_template,
                u64 vector_mask, Case& c) {
  const u64 scratch = places[Region::scratch].value + page_size, stack = places[Region::stack].value + page_size / 2;
  for (u32 r = 0; r < 16; ++r) {
    auto& value = c.registers.gpr[r];
    switch (roles[r]) {
      case Role::free:
        value = random.value();
        break;
      case Role::stack:
        value = stack + (random.chance(90) ? 0 : 8 * random.below(2) + random.below(8));
        break;
      case Role::pointer:
        value = scratch + (random.chance(75) ? 64 * static_cast<u64>(random.between(-4, 4))
                                             : static_cast<u64>(random.between(-300, 300)));
        break;
      case Role::bad_pointer:
        value = random.of<u64>({non_canonical, 0, places[Region::scratch].value + 2 * page_size - 3,
                                places[Region::table].value + 16, places[Region::stack].value - 0x3000,
                                places[Region::code].value + 5});
        break;
      case Role::table:
        value = places[Region::table].value + 8 * random.below(100);
        break;
      case Role::index:
        value = random.chance(80) ? random.below(40) : 0 - u64{random.below(20)};
        break;
      case Role::counter:
        value = 1 + random.below(4);
        break;
    }
  }
  c.registers.fs_base = places[Region::table].value + 8 * random.below(64);
  constexpr u64 arithmetic = 0x8d5, direction = 0x400, alignment_check = 0x40000;
  c.registers.rflags = 0x202 | (random.next() & arithmetic) | (random.chance(10) ? direction : 0) |
                       (random.chance(3) ? alignment_check : 0);
  c.vector = vector_template;
  fill_vector(random, c, vector_mask);
}

}  // namespace fred::fuzz
