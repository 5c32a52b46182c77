// Stops of workers and of live at exact points, over the control socket: every way to a Time gives the same state.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <set>

#include "test.h"
#include "tests/unit/recorded_guest.h"

namespace fred {
namespace {

constexpr const char* guests[] = {"time/sorting", "time/repeat", "time/alarms"};

u64 reason(StopReason r) { return static_cast<u64>(r); }

/// What single steps from `begin` on find.
std::vector<State> stepped_states(Peer& worker, const Time& begin, int steps) {
  const auto at = worker.run_to(begin);
  REQUIRE(at);
  REQUIRE(at->reason == reason(StopReason::reached));
  std::vector<State> states{state_of(worker)};
  for (int i = 0; i < steps; ++i) {
    const auto next = worker.step(1);
    REQUIRE(next);
    if (next->reason != reason(StopReason::reached)) break;
    states.push_back(state_of(worker));
  }
  return states;
}

}  // namespace

TEST_CASE("control: the Times of events hold the registers of the log") {
  for (const auto* guest : guests) {
    CAPTURE(guest);
    RecordedGuest recorded(guest);
    recorded.run_to_end();
    auto events = recorded.events();
    REQUIRE(events.size() > 20);
    events.erase(events.begin());  // the start: before the snapshot
    std::mt19937 random(7);
    std::shuffle(events.begin(), events.end(), random);
    if (events.size() > 40) events.resize(40);
    for (const auto& event : events) {
      CAPTURE(event.number);
      CAPTURE(text_of(event.time));
      auto worker = recorded.worker();
      auto time = event.time;
      const auto at = worker.run_to(time);
      REQUIRE(at);
      CHECK(text_of(at->time) == text_of(time));
      CHECK(at->reason == reason(StopReason::reached));
      // A raised fault is an event that has happened; all others are about to.
      CHECK(at->event == event.number + (event.kind == EventKind::fault ? 1 : 0));
      auto registers = registers_of(worker);
      registers.gs_base = 0;
      CHECK(registers == event.registers);
    }
  }
}

TEST_CASE("control: runs to a Time, ticks and steps meet") {
  for (const auto* guest : guests) {
    RecordedGuest recorded(guest);
    recorded.run_to_end();
    std::mt19937_64 random(11);
    // From places in the middle, and from events, signals and faults among them.
    std::vector<Time> begins;
    for (const auto& e : recorded.events()) {
      if (e.number > 0 && (e.kind == EventKind::signal || e.kind == EventKind::fault) && begins.size() < 6) {
        begins.push_back({.ticks = e.time.ticks, .pc = {}});
      }
    }
    for (int i = 0; i < 4; ++i) begins.push_back({.ticks = 1 + random() % recorded.end().ticks, .pc = {}});
    for (const auto& begin : begins) {
      CAPTURE(guest);
      CAPTURE(begin.ticks);
      auto reference = recorded.worker();
      const auto states = stepped_states(reference, begin, 120);
      REQUIRE(states.size() > 1);
      for (std::size_t i = 1; i < states.size(); ++i) {
        CAPTURE(text_of(states[i].time));
        CHECK(states[i - 1].time < states[i].time);
      }
      for (int i = 0; i < 8; ++i) {
        const auto& wanted = states[random() % states.size()];
        CAPTURE(text_of(wanted.time));
        auto direct = recorded.worker();
        const auto at = direct.run_to(wanted.time);
        REQUIRE(at);
        CHECK(at->reason == reason(StopReason::reached));
        CHECK(difference(state_of(direct), wanted) == "");
        // The other way: ticks, then steps; by way of a snapshot of the worker.
        auto other = recorded.worker();
        const u64 from = other.now()->time.ticks;
        const u64 halfway = (wanted.time.ticks - from) / 2;
        REQUIRE(other.run_ticks(halfway));
        auto finer = other.snapshot();
        REQUIRE(finer);
        other.close();
        auto second = finer->worker();
        REQUIRE(second);
        const auto at_tick = second->run_ticks(wanted.time.ticks - from - halfway);
        REQUIRE(at_tick);
        CHECK(at_tick->time.ticks == wanted.time.ticks);
        for (int k = 0; k < 1000 && second->now()->time < wanted.time; ++k) REQUIRE(second->step(1));
        CHECK(difference(state_of(*second), wanted) == "");
      }
    }
  }
}

TEST_CASE("control: in the middle of a rep instruction") {
  RecordedGuest recorded("time/repeat");
  recorded.run_to_end();
  int stopped_within = 0;
  for (const auto& e : recorded.events()) {
    if (e.time.rest == 0) continue;
    CAPTURE(text_of(e.time));
    ++stopped_within;
    for (const u64 rest : {u64{1}, e.time.rest / 2, e.time.rest}) {
      auto worker = recorded.worker();
      auto time = e.time;
      time.phase = 0;
      time.rest = 0;
      REQUIRE(worker.run_to(time)->reason == reason(StopReason::reached));
      const auto before = registers_of(worker);
      time.rest = rest;
      const auto at = worker.run_to(time);
      REQUIRE(at);
      CHECK(text_of(at->time) == text_of(time));
      const auto within = registers_of(worker);
      CHECK(before.gpr[rcx] - within.gpr[rcx] == rest);
      CHECK(within.gpr[rdi] > before.gpr[rdi]);
      CHECK(within.rip == before.rip);
      // From there on to the fault, which is the one recorded.
      const auto fault = worker.run_to(e.time);
      REQUIRE(fault);
      CHECK(fault->reason == reason(StopReason::reached));
      CHECK(fault->signal_or_status == SIGSEGV);
      auto registers = registers_of(worker);
      registers.gs_base = 0;
      CHECK(registers == e.registers);
      CHECK(worker.run_on()->reason == reason(StopReason::guest_end));
    }
  }
  CHECK(stopped_within == 2);
}

TEST_CASE("control: every iteration of compares and scans") {
  RecordedGuest recorded("time/repeat");
  recorded.run_to_end();
  // The Times of the rep instructions, found by stepping through the program's own code.
  auto walker = recorded.worker();
  std::map<u8, int> checked;
  auto now = walker.now()->time;
  for (const auto& e : recorded.events()) {
    if (e.kind != EventKind::syscall || e.time.ticks < recorded.end().ticks / 2 || e.time < now) continue;
    if (checked.size() >= 2) break;
    const auto at = walker.run_to(e.time);
    REQUIRE(at);
    for (int i = 0; i < 3000 && checked.size() < 2; ++i) {
      now = walker.now()->time;
      const auto code = walker.memory(now.pc, 2);
      REQUIRE(code);
      const bool compares =
          code->size() == 2 && ((*code)[0] == 0xf3 || (*code)[0] == 0xf2) && ((*code)[1] == 0xa6 || (*code)[1] == 0xae);
      if (compares && !checked.contains((*code)[1])) {
        ++checked[(*code)[1]];
        const auto before = registers_of(walker);
        auto by_iterations = walker.snapshot();
        REQUIRE(by_iterations);
        auto worker = by_iterations->worker();
        REQUIRE(worker);
        REQUIRE(walker.step(1));
        const auto after = registers_of(walker);
        const u64 iterations = before.gpr[rcx] - after.gpr[rcx];
        REQUIRE(iterations > 1);
        for (u64 k = 1; k < iterations; ++k) {
          auto time = now;
          time.rest = k;
          REQUIRE(worker->run_to(time)->reason == reason(StopReason::reached));
          CHECK(registers_of(*worker).gpr[rcx] == before.gpr[rcx] - k);
        }
        REQUIRE(worker->step(1));
        CHECK(difference(state_of(*worker), state_of(walker)) == "");
      }
      if (walker.step(1)->reason != reason(StopReason::reached)) break;
    }
    now = walker.now()->time;
  }
  CHECK(checked.size() == 2);
}

TEST_CASE("control: breaks stop where steps pass, and ticks do not depend on them") {
  for (const auto* guest : guests) {
    CAPTURE(guest);
    RecordedGuest recorded(guest);
    recorded.run_to_end();
    std::mt19937_64 random(5);
    auto reference = recorded.worker();
    const Time begin{.ticks = recorded.end().ticks / 3, .pc = {}};
    const auto states = stepped_states(reference, begin, 3000);
    std::set<u64> breaks;
    for (int i = 0; i < 6; ++i) breaks.insert(states[random() % states.size()].time.pc.value);
    std::vector<std::string> wanted, found;
    for (std::size_t i = 1; i < states.size(); ++i) {
      const auto& t = states[i].time;
      if (t.phase == 0 && t.rest == 0 && breaks.contains(t.pc.value)) wanted.push_back(text_of(t));
    }
    auto worker = recorded.worker();
    REQUIRE(worker.run_to(states.front().time));
    for (const u64 pc : breaks) REQUIRE(worker.set_break(GuestAddr{pc}, true));
    while (true) {
      const auto at = worker.run_to(states.back().time);
      REQUIRE(at);
      if (at->reason == reason(StopReason::break_) || breaks.contains(at->time.pc.value)) {
        found.push_back(text_of(at->time));
      }
      if (at->reason != reason(StopReason::break_)) {
        CHECK(at->reason == reason(StopReason::reached));
        break;
      }
    }
    CHECK(found == wanted);
    CHECK(difference(state_of(worker), states.back()) == "");
    // And to the end, stopping a few times more.
    for (int i = 0; i < 50; ++i) REQUIRE(worker.run_on());
    for (const u64 pc : breaks) REQUIRE(worker.set_break(GuestAddr{pc}, false));
    const auto end = worker.run_on();
    REQUIRE(end);
    CHECK(end->reason == reason(StopReason::guest_end));
    CHECK(text_of(end->time) == text_of(recorded.end()));
  }
}

TEST_CASE("control: no such Time, the ends of history") {
  RecordedGuest recorded("time/sorting");
  recorded.run_to_end();
  auto worker = recorded.worker();
  const auto states = stepped_states(worker, {.ticks = 500, .pc = {}}, 30);
  // A Time between two of the same tick that follow each other.
  bool tried = false;
  for (std::size_t i = 1; i < states.size() && !tried; ++i) {
    const auto &a = states[i - 1].time, &b = states[i].time;
    if (a.ticks != b.ticks || b.pc.value - a.pc.value < 2) continue;
    tried = true;
    auto other = recorded.worker();
    const auto at = other.run_to({.ticks = a.ticks, .pc = a.pc + 1});
    REQUIRE(at);
    CHECK(at->reason == reason(StopReason::passed));
    CHECK(text_of(at->time) == text_of(b));
    CHECK(other.run_to(a)->reason == reason(StopReason::passed));  // a worker never goes back
  }
  CHECK(tried);
  const auto end = worker.run_to({.ticks = recorded.end().ticks + 5, .pc = {}});
  REQUIRE(end);
  CHECK(end->reason == reason(StopReason::guest_end));
  CHECK(end->signal_or_status == 0);
  CHECK(text_of(end->time) == text_of(recorded.end()));
  CHECK(registers_of(worker) == registers_of(recorded.live));
  CHECK(worker.step(1)->reason == reason(StopReason::guest_end));
}

TEST_CASE("control: live stops as its workers do, and history ends where it stands") {
  RecordedGuest recorded("time/sorting");
  auto& live = recorded.live;
  const auto at = live.run_ticks(50000);
  REQUIRE(at);
  CHECK(at->time.ticks == 50000);
  REQUIRE(live.step(7));
  const auto here = state_of(live);
  REQUIRE(live.set_break(here.time.pc, true));
  auto worker = recorded.worker();
  Message horizon{.kind = MessageKind::horizon};
  horizon.set_time(here.time);
  REQUIRE(worker.send(horizon));
  const auto end = worker.run_on();
  REQUIRE(end);
  CHECK(end->reason == reason(StopReason::history_end));
  CHECK(difference(state_of(worker), here) == "");
  // The next hit in live, and a worker that goes there.
  const auto hit = live.run_on();
  REQUIRE(hit);
  if (hit->reason == reason(StopReason::break_)) {
    CHECK(hit->time.pc == here.time.pc);
    auto other = recorded.worker();
    REQUIRE(other.run_to(hit->time));
    CHECK(difference(state_of(other), state_of(live)) == "");
  }
  REQUIRE(live.set_break(here.time.pc, false));
  recorded.run_to_end();
  auto whole = recorded.worker();
  const auto verified = whole.ask({.kind = MessageKind::verify});
  REQUIRE(verified);
  CHECK(verified->kind == MessageKind::verified);
  CHECK(verified->number[3] == 0);
}

TEST_CASE("control: interrupts and snapshots of what runs") {
  RecordedGuest recorded("time/alarms");
  auto& live = recorded.live;
  std::vector<State> places;
  std::vector<Peer> snapshots;
  for (int i = 0; i < 5; ++i) {
    const auto tag = live.send({.kind = MessageKind::run_on});
    REQUIRE(tag);
    auto pending = live.ask_for_snapshot();
    REQUIRE(pending);
    live.on_other([&](const Message& m, UniqueFd) {
      REQUIRE(m.tag == pending->tag);
      REQUIRE(m.kind == MessageKind::snapshot_taken);
      snapshots.emplace_back(static_cast<pid_t>(m.number[5]), std::move(pending->socket));
    });
    REQUIRE(live.interrupt());
    const auto m = live.wait(*tag);
    REQUIRE(m);
    CHECK(live.standing_of(*m).reason == reason(StopReason::interrupted));
    places.push_back(state_of(live));
  }
  CHECK(snapshots.size() == 5);
  recorded.run_to_end();
  for (const auto& place : places) {
    auto worker = recorded.worker();
    const auto at = worker.run_to(place.time);
    REQUIRE(at);
    CHECK(at->reason == reason(StopReason::reached));
    CHECK(difference(state_of(worker), place) == "");
    // A worker that is interrupted stands somewhere on the same way.
    const auto tag = worker.send({.kind = MessageKind::run_on});
    REQUIRE(tag);
    REQUIRE(worker.interrupt());
    const auto stopped = worker.wait(*tag);
    REQUIRE(stopped);
    const auto state = state_of(worker);
    for (auto& snapshot : snapshots) {
      auto other = snapshot.worker();
      REQUIRE(other);
      if (state.time < other->now()->time) continue;
      REQUIRE(other->run_to(state.time));
      CHECK(difference(state_of(*other), state) == "");
    }
  }
}

TEST_CASE("control: switches of the translator change no Time") {
  std::vector<std::vector<std::string>> found;
  for (const auto& options : translator_switches) {
    RecordedGuest recorded("time/sorting", options);
    recorded.run_to_end();
    auto& times = found.emplace_back();
    for (const auto& e : recorded.events()) times.push_back(text_of(e.time));
    times.push_back(text_of(recorded.end()));
    auto worker = recorded.worker();
    for (const auto& s : stepped_states(worker, {.ticks = 60000, .pc = {}}, 100)) times.push_back(text_of(s.time));
  }
  for (std::size_t i = 1; i < translator_switches.size(); ++i) {
    CAPTURE(translator_switches[i][0]);
    CHECK(found[i] == found[0]);
  }
}

TEST_CASE("control: a worker in a fresh engine, from a state in the middle") {
  for (const auto* guest : guests) {
    CAPTURE(guest);
    RecordedGuest recorded(guest, {"--checksum-every=1"});
    recorded.run_to_end();
    std::mt19937_64 random(3);
    for (int i = 0; i < 4; ++i) {
      const Time middle{.ticks = 1 + random() % recorded.end().ticks, .pc = {}};
      CAPTURE(middle.ticks);
      auto worker = recorded.worker();
      REQUIRE(worker.run_to(middle));
      REQUIRE(worker.step(random() % 5));
      if (worker.now()->time.phase != 0) continue;
      const auto state = recorded.folder() + "/middle";
      REQUIRE(worker.save(state));
      auto fresh = recorded.rebuilt(state);
      CHECK(difference(state_of(fresh), state_of(worker)) == "");
      CHECK(fresh.now()->event == worker.now()->event);
      REQUIRE(worker.run_ticks(1000));
      REQUIRE(fresh.run_ticks(1000));
      CHECK(difference(state_of(fresh), state_of(worker)) == "");
      const auto verified = fresh.ask({.kind = MessageKind::verify});
      REQUIRE(verified);
      CHECK(verified->kind == MessageKind::verified);
      CHECK(verified->number[1] == recorded.end().ticks);
    }
  }
}

TEST_CASE("control: nothing is left behind") {
  {
    RecordedGuest recorded("time/sorting");
    REQUIRE(recorded.live.run_ticks(1000));
    auto worker = recorded.worker();
    REQUIRE(worker.run_ticks(100));
    auto snapshot = worker.snapshot();
    REQUIRE(snapshot);
    auto second = snapshot->worker();
    REQUIRE(second);
  }
  // All of them are children of this process, and all end by themselves.
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  CHECK(errno == ECHILD);
}

}  // namespace fred
