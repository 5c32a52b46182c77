// The clock's counters: whichever of them ticks take, a stop is exact; so is one that a signal handler asks for
// between any two instructions of a counting sequence.
#include "core/arch/x86/tick_counters.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

#include "core/dispatch/cpu.h"
#include "core/translate/code_pages.h"
#include "tests/unit/memory_engine.h"

using namespace fred;

namespace {

/// What translated code and the dispatcher do: ticks until the stop. `pick` says which counter takes each. Returns how
/// often the code cache was left.
u64 run_to_stop(TickCounters& clock, auto&& pick) {
  for (u64 exits = 0;;) {
    const u64 before = clock.now();
    REQUIRE_FALSE(clock.ran_out());
    --clock.left[pick()];
    REQUIRE(clock.now() == before + 1);
    if (!clock.ran_out()) continue;
    ++exits;
    REQUIRE(clock.now() <= clock.stop);
    clock.share();
    REQUIRE(clock.now() == before + 1);
    if (clock.stopped()) return exits;
  }
}

/// That many times at most.
u64 most_exits(u64 ticks) {
  u64 exits = 0;
  for (; ticks != 0; ++exits) ticks -= ticks / tick_counter_count + (ticks % tick_counter_count != 0);
  return exits;
}

constexpr u64 code_at = 0x550000100000;

//   again: lea rax, [rip+2]; jmp rax; jmp again
constexpr u8 program[] = {0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0xeb, 0xf5};

/// What the signal handler makes of a thread interrupted at `rip`, which is behind `done` instructions of a counting
/// sequence of the counter `left`. True: the clock, the stop and the thread are right.
bool request_is_exact(Cpu& cpu, u64& left, u64 begin, int done) {
  constexpr u64 starts[] = {0, 7, 11, 18};  // mov rcx,[left]; lea rcx,[rcx-1]; mov [left],rcx
  cpu.no_stop();
  auto& clock = cpu.state().clock;
  clock.left[indirect_ticks] += 1000;  // so that they differ
  clock.total += 1000;
  const u64 ticks = cpu.ticks(), before = left;
  u64 rip = begin + starts[done], rcx = done == 0 ? 77 : done == 1 ? before : before - 1;
  if (done == 3) left = rcx;
  cpu.request_stop_from_handler(rip, rcx);
  const bool counted = done != 0;
  return rip == begin + starts[counted ? 3 : 0] && rcx == (counted ? before - 1 : 77) &&
         cpu.ticks() == ticks + (counted ? 1 : 0) && clock.stop == cpu.ticks() + 1 &&
         std::ranges::all_of(clock.left, [](u64 l) { return l == 1; });
}

/// In a child: a Cpu's memory stays. The status is 0 if all was right.
int interrupt_everywhere() {
  test::MemoryEngine engine;
  const i64 got = engine.memory().map({.addr = GuestAddr{code_at},
                                       .size = page_size,
                                       .prot = PROT_READ | PROT_WRITE | PROT_EXEC,
                                       .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
  if (got != static_cast<i64>(code_at)) return 1;
  std::memcpy(GuestAddr{code_at}.ptr(), program, sizeof program);
  CodeCache* cache = nullptr;
  CodePages pages(engine.memory(), cache);
  Cpu cpu(engine, pages, {});
  cache = &cpu.cache();
  cpu.reset(GuestAddr{code_at}, {});
  cpu.stop_at(1000);
  cpu.run();
  if (cpu.ticks() != 1000 || cpu.pc() != GuestAddr{code_at}) return 2;
  if (cpu.counters.exits > 20) return 3;  // linked, so left for the counters only
  std::set<u64> counters;
  for (const auto& window : cache->windows()) {
    for (u64 at = window.begin.value; at + 18 <= window.next.value; ++at) {
      constexpr u8 lea_mov[] = {0x48, 0x8d, 0x49, 0xff, 0x48, 0x89, 0x0d};
      if (std::memcmp(CacheAddr{at + 7}.ptr(), lea_mov, sizeof lea_mov) != 0) continue;
      i32 displacement;
      std::memcpy(&displacement, CacheAddr{at + 14}.ptr(), sizeof displacement);
      const u64 slot = (at + 18 + static_cast<u64>(i64{displacement})) % page_size;
      for (auto& left : cpu.state().clock.left) {
        if (window_slot(left) != slot) continue;
        counters.insert(slot);
        for (int done = 0; done <= 3; ++done) {
          if (!request_is_exact(cpu, left, at, done)) return 10 + done;
        }
      }
    }
  }
  return counters.size() == 2 ? 0 : 4;
}

}  // namespace

TEST_CASE("tick counters: a signal between any two instructions of a counting sequence") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(interrupt_everywhere());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("tick counters: a stop is exact and costs a few exits") {
  std::mt19937 random(1);
  TickCounters clock{};
  clock.start(1000);
  CHECK(clock.now() == 1000);
  CHECK_FALSE(clock.stopped());
  for (u64 n = 1; n < 700; ++n) {
    for (u32 others = 0; others <= 100; others += 10) {  // how many in a hundred ticks do not take the first counter
      const u64 begin = clock.now();
      clock.stop_at(begin + n);
      const u64 exits = run_to_stop(clock, [&] { return random() % 100 < others ? 1 + random() % 3 : 0; });
      REQUIRE(clock.now() == begin + n);
      REQUIRE(exits <= most_exits(n));
    }
  }
}

TEST_CASE("tick counters: a request on the way stops at the next tick") {
  std::mt19937 random(2);
  TickCounters clock{};
  clock.start(0);
  for (u64 n = 2; n < 200; ++n) {
    const u64 begin = clock.now();
    u64 until = random() % n;
    clock.stop_at(begin + n);
    run_to_stop(clock, [&] {
      if (until-- == 0) clock.stop_at(clock.now() + 1);
      return random() % tick_counter_count;
    });
    REQUIRE(clock.now() <= begin + n);
    clock.stop_at(clock.now() + 1);
    REQUIRE(run_to_stop(clock, [&] { return random() % tick_counter_count; }) == 1);
  }
}

TEST_CASE("tick counters: with looks on the way a stop is as exact") {
  std::mt19937 random(3);
  constexpr u64 ticks = 10'000;
  for (const u64 every : {1, 7, 64, 1000}) {
    TickCounters clock{};
    clock.start(5);
    clock.look_every = every;
    clock.stop_at(5 + ticks);
    const u64 exits = run_to_stop(clock, [&] { return random() % tick_counter_count; });
    CHECK(clock.now() == 5 + ticks);
    CHECK(exits >= ticks / (tick_counter_count * every));
    CHECK(exits <= ticks / every + most_exits(tick_counter_count * every));
  }
}

TEST_CASE("tick counters: ticks that the engine counts, and stops far away") {
  TickCounters clock{};
  clock.start(~u64{0} / 2);
  const u64 begin = clock.now();
  clock.count();
  CHECK(clock.now() == begin + 1);
  clock.stop_at(begin + 3);
  clock.count();
  CHECK_FALSE(clock.stopped());
  clock.count();
  CHECK(clock.stopped());
  CHECK(clock.ran_out());
  clock.count();  // behind the stop: there is none any more
  CHECK(clock.now() == begin + 4);
  CHECK_FALSE(clock.stopped());
  CHECK_FALSE(clock.ran_out());
  CHECK(clock.stop > begin + 1000);
  clock.start(0);
  clock.stop_at(~u64{0});
  CHECK_FALSE(clock.ran_out());
  CHECK(clock.now() == 0);
  CHECK(clock.left[0] > ~u64{0} / 4);
}
