#include "core/dispatch/guest_state.h"
#include "test.h"

using namespace fred;

namespace {

GuestState example() {
  GuestState s;
  s.ticks = 123456789;
  s.log_offset = 4096;
  s.events = 17;
  s.cpu_level = 2;
  s.after_call = true;
  s.rest = 5;
  for (u64 i = 0; i < 16; ++i) s.registers.gpr[i] = i * 0x0101010101010101;
  s.registers.rip = 0x401000;
  s.registers.gs_base = 77;
  s.vector_mask = 7;
  s.vector = {1, 2, 3, 4};
  s.signals.mask = 0x55;
  s.signals.actions[10] = {.handler = 0x402000, .flags = 4, .restorer = 0x403000, .mask = 1};
  s.process = {.exe = "/bin/prog",
               .args = {"prog", "", "x y"},
               .env = {"A=1"},
               .comm = "prog",
               .auxv = {9, 9},
               .robust_list = GuestAddr{5},
               .args_area = {GuestAddr{1}, GuestAddr{2}},
               .env_area = {GuestAddr{3}, GuestAddr{4}}};
  s.cache_windows = {{GuestAddr{0x10000000}, GuestAddr{0x20000000}}};
  s.memory = {5, 6, 7};
  return s;
}

}  // namespace

TEST_CASE("guest state: to bytes and back") {
  const auto bytes = example().serialise();
  const auto back = GuestState::deserialise(bytes);
  REQUIRE(back);
  CHECK(back->serialise() == bytes);
  CHECK(back->ticks == 123456789);
  CHECK(back->registers == example().registers);
  CHECK(back->signals.actions[10].restorer == 0x403000);
  CHECK(back->process.args == std::vector<std::string>{"prog", "", "x y"});
  CHECK(back->cache_windows == example().cache_windows);
  CHECK(back->memory == std::vector<u8>{5, 6, 7});
}

TEST_CASE("guest state: damaged or of another version") {
  auto bytes = example().serialise();
  for (u64 size = 0; size < bytes.size(); ++size) {
    CHECK(!GuestState::deserialise(std::span(bytes).first(size)));
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK(!GuestState::deserialise(longer));
  bytes[0] ^= 1;
  CHECK(!GuestState::deserialise(bytes));
}
