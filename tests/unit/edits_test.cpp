// Changes of the guest: at the tip they are part of the recording, in a worker they are thrown away with it.
#include <algorithm>
#include <array>
#include <csignal>
#include <random>

#include "tests/unit/stepped_guest.h"

namespace fred {
namespace {

std::span<const u8> bytes_of(const u64& v) { return {reinterpret_cast<const u8*>(&v), sizeof v}; }

void check_whole(RecordedGuest& recorded) {
  auto whole = recorded.worker();
  const auto verified = whole.ask({.kind = MessageKind::verify});
  REQUIRE(verified);
  CHECK(verified->kind == MessageKind::verified);
  CHECK(verified->number[3] == 0);
  CHECK(verified->number[1] == recorded.end().ticks);
}

}  // namespace

TEST_CASE("edits: at the tip they are repeated by workers") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    auto all = options;
    all.emplace_back("--checksum-every=1");
    RecordedGuest recorded("time/sorting", all);
    auto& live = recorded.live;
    std::mt19937_64 random(9);
    std::vector<State> places;
    for (int i = 0; i < 20; ++i) {
      REQUIRE(live.run_ticks(1 + random() % 3000));
      REQUIRE(live.step(random() % 6));
      const auto before = live.now();
      REQUIRE(before);
      auto registers = registers_of(live);
      switch (random() % 3) {
        case 0: {  // below the red zone: the guest does not notice, but checksums do
          const u64 value = random();
          const GuestAddr at{(registers.gpr[rsp] & ~u64{7}) - 1024};
          REQUIRE(live.write_memory(at, bytes_of(value)));
          const auto read = live.memory(at, 8);
          REQUIRE(read);
          CHECK(std::memcmp(read->data(), &value, 8) == 0);
          break;
        }
        case 1:
          registers.rflags ^= 1;
          registers.gs_base = random() >> 20;
          REQUIRE(live.set_registers(registers));
          CHECK(registers_of(live) == registers);
          break;
        default: {
          auto vector = live.vector_state();
          REQUIRE(vector);
          (*vector)[160 + 15 * 16] ^= 1;  // xmm15
          REQUIRE(live.set_vector_state(*vector));
          CHECK(*live.vector_state() == *vector);
          break;
        }
      }
      const auto after = live.now();
      REQUIRE(after);
      CHECK(after->time.ticks == before->time.ticks + 1);
      CHECK(after->time.pc == before->time.pc);
      places.push_back(state_of(live));
    }
    recorded.run_to_end();
    check_whole(recorded);
    for (const auto& place : places) {
      auto worker = recorded.worker();
      REQUIRE(worker.run_to(place.time)->reason == static_cast<u64>(StopReason::reached));
      CHECK(difference(state_of(worker), place) == "");
    }
  }
}

TEST_CASE("edits: code and read-only memory, jumps, and what is refused") {
  RecordedGuest recorded("time/sorting");
  auto& live = recorded.live;
  REQUIRE(live.run_ticks(20000));
  auto registers = registers_of(live);
  const auto old = live.memory(GuestAddr{registers.rip}, 8);
  REQUIRE(old);
  // jmp back to itself, with a way out: dec rax; jnz
  const std::vector<u8> loop = {0x48, 0xff, 0xc8, 0x75, 0xfb, 0x90, 0x90, 0x90};
  REQUIRE(live.write_memory(GuestAddr{registers.rip}, loop));
  auto looping = registers;
  looping.gpr[rax] = 100;
  REQUIRE(live.set_registers(looping));
  const u64 ticks = live.now()->time.ticks;
  REQUIRE(live.run_to({.ticks = ticks + 99, .pc = GuestAddr{registers.rip + 5}}));
  CHECK(live.now()->time.pc.value == registers.rip + 5);
  REQUIRE(live.write_memory(GuestAddr{registers.rip}, *old));
  REQUIRE(live.set_registers(registers));
  CHECK(!live.write_memory(GuestAddr{0x10000}, loop));  // the engine's
  CHECK(!live.write_memory(GuestAddr{8}, loop));
  CHECK(!live.set_vector_state(loop));
  auto bad = registers;
  bad.fs_base = ~u64{0};
  CHECK(!live.set_registers(bad));
  recorded.run_to_end();
  CHECK(!live.write_memory(GuestAddr{registers.gpr[rsp]}, loop));
  check_whole(recorded);
}

TEST_CASE("edits: signals at the tip are dropped, replaced and made") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/alarms", options);
    auto& live = recorded.live;
    REQUIRE(live.set_conditions({{.id = ConditionId{1}, .what = SignalCondition{}, .thread = {}}}));
    int alarms = 0;
    std::vector<State> places;
    for (int i = 0; i < 60; ++i) {
      const auto at = live.run_on();
      REQUIRE(at);
      if (at->reason != static_cast<u64>(StopReason::hit)) break;
      if (at->hits[0].number != SIGALRM) continue;
      ++alarms;
      if (alarms % 4 == 1) REQUIRE(live.set_signal(0));
      if (alarms % 4 == 2) REQUIRE(live.set_signal(SIGUSR1));
      if (alarms % 4 == 3) {
        REQUIRE(live.set_conditions({}));
        REQUIRE(live.run_ticks(50));
        const auto then = live.step(3);
        REQUIRE(then);
        if (then->reason == static_cast<u64>(StopReason::guest_end)) break;  // the alarm came as it was about to exit
        REQUIRE(live.set_signal(SIGALRM));
        const auto waiting = live.waiting_signal();
        REQUIRE(waiting);
        CHECK((*waiting)->number == SIGALRM);
        REQUIRE(live.step(1));
        REQUIRE(live.set_conditions({{.id = ConditionId{1}, .what = SignalCondition{}, .thread = {}}}));
      }
      places.push_back(state_of(live));
    }
    CHECK(alarms > 15);
    REQUIRE(live.set_conditions({}));
    recorded.run_to_end();
    check_whole(recorded);
    for (const auto& place : places) {
      auto worker = recorded.worker();
      REQUIRE(worker.run_to(place.time));
      CHECK(difference(state_of(worker), place) == "");
    }
  }
}

TEST_CASE("signals: one that comes shortly before the program's end is held, delivered once, and so in a worker") {
  RecordedGuest first("time/stores");
  first.run_to_end();
  std::mt19937_64 random(12);
  for (int round = 0; round < 10; ++round) {
    const u64 before_end = round < 5 ? static_cast<u64>(round) : 5 + random() % 200;
    CAPTURE(before_end);
    RecordedGuest recorded("time/stores");
    auto& live = recorded.live;
    const auto at = live.run_to({.ticks = first.end().ticks - before_end, .pc = {}});
    REQUIRE(at);
    REQUIRE(at->reason == static_cast<u64>(StopReason::reached));
    REQUIRE(kill(live.pid(), SIGUSR1) == 0);  // while the session looks
    CHECK(live.now()->time == at->time);
    REQUIRE(live.set_conditions({{.id = ConditionId{1}, .what = SignalCondition{.numbers = {SIGUSR1}}, .thread = {}}}));
    const auto signal = live.run_on();
    REQUIRE(signal);
    REQUIRE(signal->reason == static_cast<u64>(StopReason::hit));
    CHECK(signal->time.ticks <= first.end().ticks);
    const auto place = state_of(live);
    recorded.run_to_end();
    const auto events = recorded.events();
    CHECK(std::ranges::count_if(
              events, [&](const LoggedEvent& e) { return e.kind == EventKind::signal && e.time >= at->time; }) == 1);
    check_whole(recorded);
    auto worker = recorded.worker();
    REQUIRE(worker.run_to(place.time));
    CHECK(difference(state_of(worker), place) == "");
    CHECK(worker.waiting_signal().value()->number == SIGUSR1);
  }
}

TEST_CASE("edits: a fault that is not delivered") {
  RecordedGuest recorded("time/stores");
  auto& live = recorded.live;
  REQUIRE(live.set_conditions({{.id = ConditionId{1}, .what = SignalCondition{.numbers = {SIGSEGV}}, .thread = {}}}));
  const auto at = live.run_on();
  REQUIRE(at);
  REQUIRE(at->hits.size() == 1);
  CHECK(at->time.phase == 1);
  CHECK(at->time.rest > 0);  // in the middle of a rep
  auto registers = registers_of(live);
  REQUIRE(live.set_signal(0));
  CHECK(live.now()->time.phase == 0);
  const auto again = live.run_on();  // the same instruction raises it again
  REQUIRE(again);
  REQUIRE(again->hits.size() == 1);
  CHECK(again->time.phase == 1);
  registers = registers_of(live);
  registers.gpr[rcx] = 0;  // done
  REQUIRE(live.set_signal(0));
  REQUIRE(live.set_registers(registers));
  REQUIRE(live.set_conditions({}));
  recorded.run_to_end();
  check_whole(recorded);
}

TEST_CASE("edits: the siginfo of a fault and of an alarm") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    for (const auto& [guest, number] : {std::pair("time/stores", SIGSEGV), std::pair("time/alarms", SIGALRM)}) {
      CAPTURE(guest);
      RecordedGuest recorded(guest, options);
      auto& live = recorded.live;
      const std::vector<u8> short_info(8);
      CHECK(!live.set_signal_info(std::vector<u8>(sizeof(siginfo_t))));  // no signal is waiting
      REQUIRE(
          live.set_conditions({{.id = ConditionId{1}, .what = SignalCondition{.numbers = {number}}, .thread = {}}}));
      REQUIRE(live.run_on()->reason == static_cast<u64>(StopReason::hit));
      CHECK(!live.set_signal_info(short_info));
      auto info = live.waiting_signal().value()->signal_info;
      siginfo_t changed;
      std::memcpy(&changed, info.data(), sizeof changed);
      changed.si_errno = 4711;
      std::memcpy(info.data(), &changed, sizeof changed);
      REQUIRE(live.set_signal_info(info));
      CHECK(live.waiting_signal().value()->signal_info == info);
      CHECK(live.waiting_signal().value()->number == number);
      const auto waiting = live.now()->time;
      REQUIRE(live.step(1));  // into the handler, whose frame begins with the return address, ucontext, siginfo
      const auto handler = live.now()->time;
      const auto frame = live.memory(GuestAddr{registers_of(live).gpr[rsi]}, info.size());
      REQUIRE(frame);
      CHECK(*frame == info);
      REQUIRE(live.set_conditions({}));
      recorded.run_to_end();
      check_whole(recorded);

      auto worker = recorded.worker();
      REQUIRE(worker.run_to(waiting));
      CHECK(worker.waiting_signal().value()->signal_info == info);
      auto thrown_away = info;
      thrown_away[4] ^= 1;
      REQUIRE(worker.set_signal_info(thrown_away));
      CHECK(worker.waiting_signal().value()->signal_info == thrown_away);
      CHECK(worker.is_edited().value());
      auto other = recorded.worker();
      REQUIRE(other.run_to(handler)->reason == static_cast<u64>(StopReason::reached));
      CHECK(other.memory(GuestAddr{registers_of(other).gpr[rsi]}, info.size()).value() == info);
    }
  }
}

TEST_CASE("edits: a function that is called returns to a break where nothing can be fetched") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/sorting", options);
    auto& live = recorded.live;
    REQUIRE(live.run_ticks(20000));
    const auto caller = registers_of(live);
    const auto page = GuestAddr{caller.rip & ~(page_size - 1)};
    const auto found = live.search_memory(guest_range(page, page_size), std::array<u8, 1>{0xc3});
    REQUIRE(found);
    REQUIRE(*found);
    auto callee = caller;
    callee.rip = (*found)->value;
    callee.gpr[rsp] = (caller.gpr[rsp] & ~u64{15}) - 512;
    const u64 back = callee.gpr[rsp] + 64;  // on the stack
    REQUIRE(live.write_memory(GuestAddr{callee.gpr[rsp]}, bytes_of(back)));
    REQUIRE(live.set_registers(callee));
    const Condition returned{ConditionId{1}, BreakCondition{.pc = GuestAddr{back}, .stack_pointer = {}}, {}};
    const Condition fault{ConditionId{2}, SignalCondition{.numbers = {SIGSEGV}}, {}};
    REQUIRE(live.set_conditions({returned, fault}));
    const auto at = live.run_on();
    REQUIRE(at);
    REQUIRE(at->hits.size() == 1);
    CHECK(at->hits[0].id == ConditionId{1});
    CHECK(at->time.phase == 0);
    // Only an attempt to execute what is there raises the fault. Elsewhere it means nothing.
    const auto raised = live.run_on();
    REQUIRE(raised);
    CHECK(raised->time.phase == 1);
    REQUIRE(live.set_registers(caller));
    CHECK(live.now()->time.phase == 0);
    CHECK(!*live.waiting_signal());
    REQUIRE(live.set_conditions({}));
    recorded.run_to_end();
    check_whole(recorded);
    auto worker = recorded.worker();
    REQUIRE(worker.set_conditions({returned, fault}));
    CHECK(worker.run_on()->time == at->time);
    CHECK(worker.run_on()->time == raised->time);
    CHECK(worker.run_on()->reason == static_cast<u64>(StopReason::guest_end));
  }
}

TEST_CASE("edits: a worker that was changed leaves history") {
  RecordedGuest recorded("time/sorting");
  recorded.run_to_end();
  auto worker = recorded.worker();
  REQUIRE(worker.run_to({.ticks = 50000, .pc = {}}));
  const auto before = state_of(worker);
  const u64 value = 77;
  REQUIRE(worker.write_memory(GuestAddr{before.registers.gpr[rsp] - 64}, bytes_of(value)));
  CHECK(*worker.is_edited());
  CHECK(!worker.snapshot());
  auto registers = before.registers;
  registers.gpr[rbx] ^= 0x10;
  REQUIRE(worker.set_registers(registers));
  CHECK(registers_of(worker).gpr[rbx] == registers.gpr[rbx]);
  // Wherever it goes, it says so and does not diverge.
  auto at = worker.run_on();
  REQUIRE(at);
  CHECK((at->reason == static_cast<u64>(StopReason::history_end) || at->signal_or_status != 0));
  // History itself is as it was.
  auto other = recorded.worker();
  REQUIRE(other.run_to(before.time));
  CHECK(difference(state_of(other), before) == "");
  check_whole(recorded);
}

}  // namespace fred
