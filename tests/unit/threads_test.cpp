// Programs with threads, recorded and re-executed: any Time is reached alike, whatever waited when the snapshot was
// taken; steps and conditions of one thread.
#include <map>
#include <random>
#include <set>

#include "tests/unit/recorded_guest.h"

namespace fred {
namespace {

/// All that there is to know of the threads where a process stands.
struct ThreadState {
  ThreadFact fact;
  Registers registers;
  std::vector<u8> vector;
  bool operator==(const ThreadState& o) const {
    return fact.id == o.fact.id && fact.runs == o.fact.runs && fact.name == o.fact.name && fact.state == o.fact.state &&
           registers == o.registers && vector == o.vector;
  }
};

std::vector<ThreadState> threads_of(Peer& peer) {
  const auto facts = peer.threads();
  REQUIRE(facts);
  std::vector<ThreadState> states;
  for (const auto& fact : *facts) {
    const auto registers = peer.registers(fact.id);
    const auto vector = peer.vector_state(fact.id);
    REQUIRE(registers);
    REQUIRE(vector);
    states.push_back({fact, *registers, *vector});
  }
  return states;
}

/// Recorded under the chaos scheduler, with snapshots at Times that nothing chooses.
struct ChaoticGuest : RecordedGuest {
  struct Taken {
    Time time;
    Peer peer;
  };
  std::vector<Taken> snapshots;

  ChaoticGuest(const std::string& name, u32 seed, u64 ticks_between)
      : RecordedGuest(name, {fmt::format("--chaos={}", seed)}) {
    for (;;) {
      const auto stop = live.run_ticks(ticks_between);
      REQUIRE(stop);
      if (stop->reason == static_cast<u64>(StopReason::guest_end)) break;
      auto taken = live.snapshot();
      REQUIRE(taken);
      snapshots.push_back({stop->time, std::move(*taken)});
    }
    run_to_end();
  }
  /// From the latest snapshot that is not behind `t`.
  Peer near(const Time& t) {
    Peer* nearest = &first;
    for (auto& s : snapshots) {
      if (s.time <= t) nearest = &s.peer;
    }
    auto w = nearest->worker();
    REQUIRE(w);
    return std::move(*w);
  }
};

Standing step_of(Peer& peer, u64 n, ThreadId thread) {
  const auto answer = peer.ask({.kind = MessageKind::step, .number = {n, 0, static_cast<u64>(thread)}});
  REQUIRE(answer);
  return peer.standing_of(*answer);
}

}  // namespace

TEST_CASE("threads: the same state at a Time from every snapshot before it") {
  for (const auto& [guest, ticks] :
       std::map<std::string, u64>{{"thread/conditions", 20'000}, {"thread/state", 3'000}}) {
    CAPTURE(guest);
    ChaoticGuest recorded(guest, 7, ticks);
    CHECK(recorded.snapshots.size() >= 3);
    std::mt19937 numbers(1);
    // Not the switches: where a thread that waits gives the turn away nobody stands.
    auto events = recorded.events();
    std::erase_if(events, [](const LoggedEvent& e) { return e.kind != EventKind::syscall; });
    u64 several = 0, waiting = 0;
    for (int i = 0; i < 25; ++i) {
      const Time t = events[numbers() % events.size()].time;
      auto from_start = recorded.worker(), from_near = recorded.near(t);
      REQUIRE(from_start.run_to(t));
      const auto arrived = from_near.run_to(t);
      REQUIRE(arrived);
      CHECK(arrived->time == t);
      CHECK(difference(state_of(from_start), state_of(from_near)).empty());
      const auto threads = threads_of(from_start);
      CHECK(threads == threads_of(from_near));
      several += threads.size() > 1 ? 1 : 0;
      for (const auto& thread : threads) waiting += thread.fact.state.empty() ? 0 : 1;
      CHECK(std::ranges::count(threads, true, [](const ThreadState& s) { return s.fact.runs; }) == 1);
    }
    CHECK(several > 10);
    CHECK(waiting > 5);
  }
}

TEST_CASE("threads: a worker outlives the thread that ran when its snapshot was taken") {
  // Behind the end of such a thread the guest writes into pages with translated code: the engine gets signals.
  ChaoticGuest recorded("thread/rewritten_code", 1, 8'000);
  CHECK(recorded.snapshots.size() >= 10);
  for (auto& s : recorded.snapshots) {
    auto worker = s.peer.worker();
    REQUIRE(worker);
    const auto end = worker->run_to(recorded.end());
    REQUIRE(end);
    CHECK(end->time == recorded.end());
  }
}

TEST_CASE("threads: steps of one thread, and conditions of one thread") {
  ChaoticGuest recorded("thread/state", 3, 1'000'000);
  const auto events = recorded.events();
  // Somewhere in the middle, where threads take turns.
  const auto middle =
      std::ranges::find_if(events.begin() + static_cast<std::ptrdiff_t>(events.size() / 2), events.end(),
                           [](const LoggedEvent& e) { return e.kind == EventKind::thread_switch; });
  REQUIRE(middle != events.end());
  const Time begin = middle->time;
  Time end = begin;
  for (auto e = middle; e != events.end() && e - middle < 60; ++e) end = e->time;
  auto tracer = recorded.worker();
  REQUIRE(tracer.run_to(begin));
  const auto points = tracer.trace(end, 1 << 20);
  REQUIRE(points);
  std::map<ThreadId, std::vector<TracePoint>> of_thread;
  std::map<u64, std::map<ThreadId, u64>> executed;  // how often an instruction was, by thread
  // Where a thread lost the turn it executed nothing: it stands there again when it has it back.
  std::set<Time> lost;
  for (const auto& e : events) {
    if (e.kind == EventKind::thread_switch) lost.insert(e.time);
  }
  for (const auto& p : *points) {
    if (lost.contains(p.time)) continue;
    of_thread[p.thread].push_back(p);
    ++executed[p.time.pc.value][p.thread];
  }
  REQUIRE(of_thread.size() > 1);

  for (const auto& [thread, own] : of_thread) {
    if (own.size() < 30) continue;
    auto stepper = recorded.worker();
    REQUIRE(stepper.run_to(begin));
    // From a point of the thread on, each step is its next one, whoever runs in between.
    const auto at = stepper.run_to(own[3].time);
    REQUIRE(at);
    CHECK(at->time == own[3].time);
    for (std::size_t i = 4; i < 30; ++i) {
      const auto stop = step_of(stepper, 1, thread);
      CAPTURE(i);
      CHECK(stop.time.ticks == own[i].time.ticks);
      CHECK(stop.time.pc.value == own[i].time.pc.value);
      CHECK(stepper.thread().value_or(0) == thread);
    }
  }

  const auto shared = std::ranges::find_if(executed, [](const auto& e) { return e.second.size() > 1; });
  REQUIRE(shared != executed.end());
  std::vector<Condition> conditions{
      {ConditionId{1}, BreakCondition{.pc = GuestAddr{shared->first}, .stack_pointer = {}}, {}}};
  u64 all = 0;
  for (const auto& [thread, count] : shared->second) {
    conditions.push_back({ConditionId{static_cast<u32>(conditions.size() + 1)},
                          BreakCondition{.pc = GuestAddr{shared->first}, .stack_pointer = {}}, thread});
    all += count;
  }
  auto collector = recorded.worker_at(begin, conditions);
  const auto notes = collector.collect(end);
  REQUIRE(notes);
  CHECK(notes->front().count == all);
  std::size_t i = 1;
  for (const auto& [thread, count] : shared->second) {
    const auto& note = (*notes)[i++];
    CHECK(note.count == count);
    REQUIRE(note.last);
    CHECK(note.last->thread == thread);
  }
}

}  // namespace fred
